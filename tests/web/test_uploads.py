"""Films that wait are few, small together, and gone after a while."""

import asyncio
import contextlib
import io

import pytest

from cxr_cli.errors import CxrError, ImageError
from cxr_cli.web.limits import PageLimits
from cxr_cli.web.uploads import Uploads


async def drained(uploads, *chunks):
    async def sent():
        for chunk in chunks:
            yield chunk

    return [chunk async for chunk in uploads.counted(sent())]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_film_is_given_once_and_removed_whatever_happens(tmp_path):
    async def run():
        uploads = Uploads(tmp_path, PageLimits())
        path = await uploads.keep(io.BytesIO(b"film"))
        with contextlib.suppress(MemoryError), uploads.taken(str(path)) as taken:
            assert taken.read_bytes() == b"film"
            raise MemoryError
        with pytest.raises(ImageError, match="uploaded too long ago"), uploads.taken(str(path)):
            pass

    asyncio.run(run())
    assert names(tmp_path) == []


def test_a_film_that_nobody_asks_about_is_removed_unless_it_is_being_predicted(tmp_path):
    async def run():
        uploads = Uploads(tmp_path, PageLimits(forgotten_seconds=0.05))
        await uploads.keep(io.BytesIO(b"forgotten"))
        with uploads.taken(str(await uploads.keep(io.BytesIO(b"asked about")))) as asked:
            await asyncio.sleep(0.15)
            assert names(tmp_path) == [asked.name]

    asyncio.run(run())
    assert names(tmp_path) == []


def test_of_too_many_films_the_oldest_goes(tmp_path):
    async def run():
        uploads = Uploads(tmp_path, PageLimits(uploads_waiting=2))
        kept = [await uploads.keep(io.BytesIO(b"film")) for _ in range(4)]
        assert names(tmp_path) == sorted(path.name for path in kept[2:])

    asyncio.run(run())


def test_of_too_many_bytes_the_oldest_film_goes_and_then_the_newest_is_refused(tmp_path):
    async def run():
        uploads = Uploads(tmp_path, PageLimits(uploads_mb=1))
        await uploads.keep(io.BytesIO(bytes(600_000)))
        assert await drained(uploads, bytes(400_000)) == [bytes(400_000)]
        assert len(names(tmp_path)) == 1
        await drained(uploads, bytes(400_000), bytes(400_000))
        assert names(tmp_path) == []
        with pytest.raises(CxrError, match="Too many films are being sent"):
            await drained(uploads, bytes(1_000_000), bytes(100_000))
        assert await drained(uploads, bytes(1_000_000)) == [bytes(1_000_000)]

    asyncio.run(run())
