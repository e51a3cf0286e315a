"""Arrays that take longer to compute than to read: kept on disk, and found by what they were computed from."""

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock
import numpy as np

from cxr_cli.errors import WorkspaceError
from cxr_cli.progress import note

_SPARE = 1 << 30  # bytes of the disk to leave free


class ArrayCache:
    """A folder of arrays. Several processes may share it: one computes, the others wait and then read its arrays."""

    def __init__(self, folder: Path, *, limit: int) -> None:
        """Keep at most `limit` bytes in `folder`; 0 keeps nothing."""
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
        """Read the array from disk if it was computed before; else compute it, and keep it if it fits.

        Args:
            kind: the beginning of its file's name.
            made_from: everything that decides the array's values, in a form that JSON can hold.
            shape: the array's shape.
            dtype: the array's type.
            make: yields the array's rows, in blocks.
            check: whether a kept array is still what `make` would compute; if not, it is computed again.

        Returns:
            The array, read-only and mapped from disk, or in memory if it can't be kept.

        Raises:
            WorkspaceError: the folder can't be written to.
        """
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if not self.fits(size):
            return _in_memory(make(), shape, dtype)
        description = json.dumps(made_from, sort_keys=True)
        path = self._folder / f"{kind}-{hashlib.sha256(description.encode()).hexdigest()[:24]}.npy"
        try:
            with self._locked():
                kept = _read(path, shape, dtype)
                if kept is not None and check(kept):
                    os.utime(path)  # the one used last is removed last
                    return kept
                del kept
                path.unlink(missing_ok=True)
                self._make_room(size)
                _write(path, make(), shape, dtype)
                return np.lib.format.open_memmap(path, mode="r")
        except OSError as error:
            raise WorkspaceError(
                f"Expected to write {size / 1e9:.1f} GB to {self._folder}. Received: {error.strerror or error}.",
                hint="Free some disk space, or use no cache: --cache 0",
            ) from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the cache for this process; wait while another one holds it, which may be computing what is needed."""
        beside = self._folder.with_name(f".{self._folder.name}.lock")
        beside.parent.mkdir(parents=True, exist_ok=True)
        held = filelock.FileLock(beside, thread_local=False)
        try:
            held.acquire(timeout=0)
        except filelock.Timeout:
            note(f"Waiting for another cxr command, which is writing to {self._folder}")
            held.acquire()
        try:
            yield
        finally:
            held.release()

    def _files(self) -> dict[Path, os.stat_result]:
        """The arrays, the one unused for longest first."""
        states = {}
        for path in self._folder.glob("*.npy"):
            with suppress(FileNotFoundError):  # another process has just removed it
                states[path] = path.stat()
        return dict(sorted(states.items(), key=lambda item: item[1].st_mtime))

    def _used(self) -> int:
        return sum(state.st_size for state in self._files().values())

    def _make_room(self, size: int) -> None:
        """Remove what a killed process was writing, and arrays until `size` bytes are left; the lock is held."""
        for stale in self._folder.glob(".*.npy"):
            stale.unlink()
        for path in self._files():
            if self._used() + size <= self._limit:
                break
            with suppress(PermissionError):  # Windows removes no file that another process reads
                path.unlink()


def _read(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> np.ndarray | None:
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError):  # missing, cut short, or no array
        return None
    return array if array.shape == shape and array.dtype == dtype else None


def _write(path: Path, blocks: Iterable[np.ndarray], shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    """Write block by block, not through a memory map: a full disk is then an error and doesn't kill the process."""
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
