"""Folders that phantoms can and can't be written to."""

import itertools

import pytest

from cxr_cli.errors import CxrError
from cxr_cli.progress import Watcher, watched_by
from cxr_cli.rendering.render import write_phantoms


def test_a_file_in_place_of_the_phantom_folder_is_an_error_and_is_kept(tmp_path):
    (tmp_path / "films").write_bytes(b"mine")

    with pytest.raises(CxrError) as caught:
        write_phantoms(tmp_path / "films", films=2)

    assert caught.value.message == f"Expected to write to {tmp_path / 'films'}. Received: a file is in its place."
    assert (tmp_path / "films").read_bytes() == b"mine"


def test_a_dataset_of_the_user_is_never_overwritten(tmp_path):
    (tmp_path / "metadata.csv").write_text("filename,finding\ncovid.png,COVID-19\n")

    with pytest.raises(CxrError, match="which holds other files"):
        write_phantoms(tmp_path, films=2)

    assert [path.name for path in tmp_path.iterdir()] == ["metadata.csv"]
    assert (tmp_path / "metadata.csv").read_text() == "filename,finding\ncovid.png,COVID-19\n"


def test_earlier_phantoms_are_replaced(tmp_path):
    write_phantoms(tmp_path, films=2)
    before = (tmp_path / "covid.png").read_bytes()
    write_phantoms(tmp_path, films=2, seed=1)

    assert (tmp_path / "covid.png").read_bytes() != before


def test_an_interrupted_rendering_leaves_nothing_and_can_be_repeated(tmp_path):
    films = tmp_path / "films"

    class Stopping(Watcher):
        def track(self, items, description, *, total):
            yield from itertools.islice(items, 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), watched_by(Stopping()):
        write_phantoms(films, films=4)
    assert list(tmp_path.iterdir()) == []
    write_phantoms(films, films=4)

    assert len(list(films.glob("*.png"))) == 4
