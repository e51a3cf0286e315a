"""Arrays in NPY and NPZ files, from anyone: no pickle, and no more memory than the file has bytes.

`np.load` makes room for whatever shape a header claims, and unpacks whatever a ZIP member says. Both are compared with
the size of the file first.
"""

import math
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np

from cxr_cli.errors import WorkspaceError

T = TypeVar("T")
# What the ZIP reader raises for damaged files, and NumPy for those that are mapped.
_DAMAGED = (OSError, ValueError, KeyError, EOFError, NotImplementedError, zipfile.BadZipFile, RuntimeError)


def read_array(path: Path, *, what: str, hint: str, in_memory: bool = True) -> np.ndarray:
    """Read the array of an NPY file.

    Args:
        path: the file.
        what: what is expected in it, named in an error: "fingerprints of films".
        hint: what the user can do if it can't be read.
        in_memory: read all of it. Otherwise rows are read when they are used. Defaults to True.

    Raises:
        WorkspaceError: the file is missing, or is no array of numbers.
    """

    def read() -> np.ndarray:
        if not in_memory:  # a map can't be longer than its file
            with path.open("rb") as stream:
                _header(stream, os.fstat(stream.fileno()).st_size)
            return np.lib.format.open_memmap(path, mode="r")
        with path.open("rb") as stream:
            return _array(stream, os.fstat(stream.fileno()).st_size)

    return _read(read, path, what, hint)


def read_arrays(
    path: Path, *, what: str, hint: str, names: Callable[[str], bool] = lambda name: True
) -> dict[str, np.ndarray]:
    """Read the arrays of an NPZ file that is not compressed, by name, in the order in which they were written.

    Args:
        path: the file.
        what: as for `read_array`.
        hint: as for `read_array`.
        names: whether an array of this name is to be read. Defaults to all.

    Raises:
        WorkspaceError: the file is missing, or holds anything but arrays of numbers.
    """

    def read() -> dict[str, np.ndarray]:
        check_archive(path)
        arrays = {}
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                name = member.filename.removesuffix(".npy")
                if names(name):
                    with archive.open(member) as stream:
                        arrays[name] = _array(stream, member.file_size)
        return arrays

    return _read(read, path, what, hint)


def check_archive(path: Path) -> None:
    """Make sure that a ZIP file has no member that is compressed, and not more bytes in its members than it has itself.

    Raises:
        OSError: it can't be read.
        ValueError: a member is compressed, or they are larger than the file.
        zipfile.BadZipFile: it is no ZIP file.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    compressed = [member.filename for member in members if member.compress_type != zipfile.ZIP_STORED]
    if compressed:
        raise ValueError(f"{compressed[0]} is compressed, as cxr never writes it")
    if sum(member.file_size for member in members) > path.stat().st_size:
        raise ValueError("its members are larger than the file")


def _header(stream: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of an NPY file of `size` bytes, whose header may claim anything."""
    version = np.lib.format.read_magic(stream)
    if version not in {(1, 0), (2, 0)}:
        raise ValueError(f"version {version} of the format")
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    try:
        shape, fortran, dtype = header(stream)
    except Exception as error:  # NumPy reads it as Python, with all the errors that its parser has
        raise ValueError(f"a damaged header, {error or type(error).__name__}") from error
    if dtype.kind not in "biuf":
        raise ValueError(f"{dtype}, which are no numbers")
    if any(side < 0 for side in shape) or math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"a header that claims {shape} {dtype} in {size} bytes")
    return shape, fortran, dtype


def _array(stream: IO[bytes], size: int) -> np.ndarray:
    """The array of an NPY file of `size` bytes."""
    shape, fortran, dtype = _header(stream, size)
    data = stream.read(math.prod(shape) * dtype.itemsize)
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C").copy()


def _read(read: Callable[[], T], path: Path, what: str, hint: str) -> T:
    try:
        return read()
    except _DAMAGED as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise WorkspaceError(
            f"Expected {what} in {path}. Received: {reason.splitlines()[0][:200]}.", hint=hint
        ) from error
