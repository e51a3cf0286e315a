"""Films that arrive are few, small together, and gone when they are answered."""

import asyncio
import contextlib

import pytest

from cxr_cli.errors import CxrError
from cxr_cli.web.limits import PageLimits
from cxr_cli.web.uploads import Uploads


async def sent(*chunks):
    for chunk in chunks:
        yield chunk


def test_a_film_is_there_for_the_block_and_removed_whatever_happens(tmp_path):
    async def run():
        uploads = Uploads(tmp_path, PageLimits())
        with contextlib.suppress(MemoryError):
            async with uploads.received(sent(b"fi", b"lm")) as path:
                assert path.read_bytes() == b"film"
                assert path.parent == tmp_path.resolve()
                raise MemoryError

    asyncio.run(run())
    assert list(tmp_path.iterdir()) == []


def test_a_sender_that_leaves_leaves_nothing(tmp_path):
    async def breaks():
        yield b"half a film"
        raise ConnectionError

    async def run():
        with pytest.raises(ConnectionError):
            async with Uploads(tmp_path, PageLimits()).received(breaks()):
                pass

    asyncio.run(run())
    assert list(tmp_path.iterdir()) == []


def test_too_many_films_and_too_many_bytes_are_refused_and_later_ones_are_not(tmp_path):
    async def run():
        uploads = Uploads(tmp_path, PageLimits(queue=2, uploads_mb=1))
        async with uploads.received(sent(bytes(600_000))), uploads.received(sent(b"film")):
            with pytest.raises(CxrError, match="Too many films are waiting to be predicted"):
                async with uploads.received(sent(b"film")):
                    pass
        async with uploads.received(sent(bytes(600_000))):
            with pytest.raises(CxrError, match="Too many films are being sent"):
                async with uploads.received(sent(bytes(600_000))):
                    pass
        async with uploads.received(sent(bytes(1_000_000))) as path:
            assert path.stat().st_size == 1_000_000

    asyncio.run(run())
    assert list(tmp_path.iterdir()) == []
