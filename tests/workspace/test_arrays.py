"""NPY and NPZ files from anyone: read as they were written, or refused in words before they take memory."""

import io
import pickle
import struct
import zipfile

import numpy as np
import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.arrays import read_array, read_arrays


class Evil:
    """What runs code when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("code of the file was run",))


def npy(array, **options) -> bytes:
    data = io.BytesIO()
    np.save(data, array, **options)
    return data.getvalue()


def with_header(header: str) -> bytes:
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + b"\x00" * 16


def pickled() -> bytes:
    data = npy(np.array([None], dtype=object), allow_pickle=True)
    return data[: data.index(b"\n") + 1] + pickle.dumps(Evil())


NPY = {
    "a pickle": pickled,
    "nothing": lambda: b"",
    "no array": lambda: b"\x93NUMPY",
    "cut short": lambda: npy(np.arange(100.0))[:-1],
    "another version": lambda: b"\x93NUMPY\x09\x00" + npy(np.arange(9))[8:],
    "a petabyte": lambda: with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,), }"),
    "a product beyond 64 bits": lambda: with_header(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296, 9), }"
    ),
    "sides below 0": lambda: with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -2), }"),
    "lists without end": lambda: with_header("[" * 100),
    "an open bracket": lambda: with_header("{'descr': '<f8', ("),
    "words": lambda: npy(np.array(["covid"])),
    "columns": lambda: npy(np.zeros(2, dtype=[("a", "f4"), ("b", "i4")])),
    "dates": lambda: npy(np.array(["2026-01-01"], dtype="datetime64[D]")),
}


@pytest.mark.parametrize("name", NPY)
def test_what_is_no_array_of_numbers_is_refused_in_both_kinds_of_file(tmp_path, name):
    single, several = tmp_path / "array.npy", tmp_path / "arrays.npz"
    single.write_bytes(NPY[name]())
    with zipfile.ZipFile(several, "w") as archive:
        archive.writestr("mean.npy", NPY[name]())

    for read, path in ((read_array, single), (read_arrays, several)):
        with pytest.raises(WorkspaceError) as caught:
            read(path, what="fingerprints of films", hint="Make it again: cxr train")
        assert caught.value.message.startswith(f"Expected fingerprints of films in {path}. Received: ")
        assert caught.value.hint == "Make it again: cxr train"


def test_arrays_are_read_as_they_were_written_and_by_name(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b-1": np.array(7, np.uint8), "b-0": np.asfortranarray(np.eye(3))}
    np.savez(tmp_path / "x.npz", **arrays)

    read = read_arrays(tmp_path / "x.npz", what="arrays", hint="")

    assert list(read) == ["a", "b-1", "b-0"]
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype
    assert list(read_arrays(tmp_path / "x.npz", what="arrays", hint="", names=lambda name: name == "a")) == ["a"]


def test_rows_of_a_mapped_array_are_read_when_they_are_used(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(6).reshape(3, 2))
    mapped = read_array(tmp_path / "x.npy", what="rows", hint="", in_memory=False)
    assert isinstance(mapped, np.memmap)
    assert mapped[1].tolist() == [2, 3]

    (tmp_path / "x.npy").write_bytes(pickled())
    with pytest.raises(WorkspaceError, match="Expected rows in"):
        read_array(tmp_path / "x.npy", what="rows", hint="", in_memory=False)


def bomb(path):
    """A megabyte of zeros in a kilobyte."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mean.npy", npy(np.zeros(130_000)))


def overlapping(path):
    """Fifty members that are all the same bytes of the file."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("mean.npy", npy(np.zeros(1000)))
    with zipfile.ZipFile(data) as archive:
        (member,) = archive.infolist()
    whole = data.getvalue()
    start = whole.index(b"PK\x01\x02")
    entry = whole[start : whole.index(b"PK\x05\x06")]
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 50, 50, 50 * len(entry), start, 0)
    path.write_bytes(whole[:start] + entry * 50 + end)
    assert member.file_size > 8000


@pytest.mark.parametrize(("make", "reason"), [(bomb, "is compressed"), (overlapping, "larger than the file")])
def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, make, reason):
    make(tmp_path / "x.npz")

    with pytest.raises(WorkspaceError, match=reason):
        read_arrays(tmp_path / "x.npz", what="arrays", hint="")
