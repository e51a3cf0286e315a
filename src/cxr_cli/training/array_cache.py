"""Arrays that take longer to make than to read: kept on disk, found by what they were made from, within a limit."""

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from cxr_cli.errors import WorkspaceError

_SPARE = 1 << 30  # bytes of the disk that are left to others


class ArrayCache:
    """A folder of arrays. The caller holds the workspace's lock: there is one writer."""

    def __init__(self, folder: Path, *, limit: int) -> None:
        """Keep at most `limit` bytes in `folder`; with 0, nothing is kept."""
        self._folder = folder
        self._limit = limit

    def fits(self, size: int) -> bool:
        """Whether an array of `size` bytes can be kept."""
        if size > self._limit:
            return False
        existing = next(place for place in (self._folder, *self._folder.parents) if place.exists())
        return size + _SPARE <= shutil.disk_usage(existing).free + self._used()

    def array(
        self,
        kind: str,
        made_from: object,
        *,
        shape: tuple[int, ...],
        dtype: type[np.generic],
        make: Callable[[], Iterable[np.ndarray]],
        check: Callable[[np.ndarray], bool],
    ) -> np.ndarray:
        """The array that `make` makes: read from disk where it was made before, else made, and kept where it fits.

        Args:
            kind: how its file's name begins.
            made_from: all that decides the array's values, as JSON can hold it: another is another array.
            shape: of the array.
            dtype: of the array.
            make: gives the array's rows, in blocks.
            check: says whether an array that was kept is still what `make` would make; one that is not is made again.

        Returns:
            The array, read-only and mapped from disk, or in memory where it can't be kept.

        Raises:
            WorkspaceError: the folder can't be written to.
        """
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if not self.fits(size):
            return _in_memory(make(), shape, dtype)
        description = json.dumps(made_from, sort_keys=True)
        path = self._folder / f"{kind}-{hashlib.sha256(description.encode()).hexdigest()[:24]}.npy"
        kept = _read(path, shape, dtype)
        if kept is not None and check(kept):
            os.utime(path)  # the latest used goes last
            return kept
        del kept
        try:
            path.unlink(missing_ok=True)
            self._make_room(size)
            _write(path, make(), shape, dtype)
        except OSError as error:
            raise WorkspaceError(
                f"Expected to keep {size / 1e9:.1f} GB in {self._folder}. Received: {error.strerror or error}.",
                hint="Make room on the disk, or go without: --cache 0",
            ) from error
        return np.lib.format.open_memmap(path, mode="r")

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.npy"), key=lambda path: path.stat().st_mtime)

    def _used(self) -> int:
        return sum(path.stat().st_size for path in self._files())

    def _make_room(self, size: int) -> None:
        for stale in self._folder.glob(".*.npy"):  # of a process that was killed
            stale.unlink()
        files = self._files()
        while files and self._used() + size > self._limit:
            files.pop(0).unlink()


def _read(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> np.ndarray | None:
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError):  # not there, cut short, or no array
        return None
    return array if array.shape == shape and array.dtype == dtype else None


def _write(path: Path, blocks: Iterable[np.ndarray], shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    """Block by block through a file, not through a map: a full disk is then an error, and not the process's death."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".npy")
    try:
        with os.fdopen(handle, "wb") as stream:
            header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)
            rows = 0
            for block in blocks:
                stream.write(np.ascontiguousarray(block, dtype=dtype).data)
                rows += len(block)
        assert rows == shape[0], (rows, shape)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _in_memory(blocks: Iterable[np.ndarray], shape: tuple[int, ...], dtype: type[np.generic]) -> np.ndarray:
    array, start = np.empty(shape, dtype), 0
    for block in blocks:
        array[start : start + len(block)] = block
        start += len(block)
    assert start == shape[0], (start, shape)
    return array
