"""An uploaded film is kept only until its prediction."""

import io
import os
import time

import pytest

from cxr_cli.errors import ImageError
from cxr_cli.web.uploads import Uploads


@pytest.fixture
def uploads(tmp_path) -> Uploads:
    root = tmp_path / "films"
    root.mkdir()
    return Uploads(root)


def test_a_film_is_removed_after_its_prediction(uploads):
    path = uploads.keep(io.BytesIO(b"film"))
    with uploads.taken(path) as taken:
        assert taken.read_bytes() == b"film"

    assert list(uploads.root.iterdir()) == []


def test_a_film_is_removed_after_an_error(uploads):
    with pytest.raises(RuntimeError), uploads.taken(uploads.keep(io.BytesIO(b"film"))):
        raise RuntimeError

    assert list(uploads.root.iterdir()) == []


def test_the_same_film_from_two_clients_is_two_files(uploads):
    one, other = uploads.keep(io.BytesIO(b"film")), uploads.keep(io.BytesIO(b"film"))
    with uploads.taken(one):
        pass

    with uploads.taken(other) as taken:
        assert taken.read_bytes() == b"film"


@pytest.mark.parametrize("place", ["", "films/../secret", "secret", "films", "films/none"])
def test_only_uploaded_films_can_be_used_and_removed(uploads, tmp_path, place):
    (tmp_path / "secret").write_bytes(b"a film of somebody else")

    with pytest.raises(ImageError, match=r"Expected a film\. Received: none"), uploads.taken(tmp_path / place):
        pass
    assert (tmp_path / "secret").exists()
    assert uploads.root.exists()


def test_an_unused_upload_is_removed_at_the_next_one(uploads):
    forgotten, waiting = uploads.keep(io.BytesIO(b"old")), uploads.keep(io.BytesIO(b"new"))
    os.utime(forgotten, (time.time() - 3600,) * 2)
    uploads.keep(io.BytesIO(b"next"))

    assert not forgotten.exists()
    assert waiting.exists()
