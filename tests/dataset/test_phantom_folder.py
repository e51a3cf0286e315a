"""Phantoms where they can't be written."""

import pytest

from cxr_cli.dataset.phantom import write_phantoms
from cxr_cli.errors import CxrError


def test_a_file_in_the_place_of_the_folder_is_said_and_kept(tmp_path):
    (tmp_path / "films").write_bytes(b"mine")

    with pytest.raises(CxrError) as caught:
        write_phantoms(tmp_path / "films", films=2)

    assert caught.value.message == (
        f"Expected a folder to write phantoms to. Received: {tmp_path / 'films' / 'images'}: Not a directory."
    )
    assert caught.value.hint == "Name another folder: cxr phantoms films"
    assert (tmp_path / "films").read_bytes() == b"mine"
