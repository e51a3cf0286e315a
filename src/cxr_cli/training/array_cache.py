"""Rows that take longer to compute than to read: kept on disk, each found by the content that it was computed from.

All runs share them: a film that one run or fold has passed through a frozen network is not passed through it again.
"""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import filelock
import numpy as np

from cxr_cli.errors import WorkspaceError
from cxr_cli.progress import note

_SPARE = 1 << 30  # bytes of the disk to leave free
_KEY = 16  # bytes


class Rows(Protocol):
    """An array, or what is indexed like one along its first axis."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape; the first is the number of rows."""
        ...

    def __len__(self) -> int:
        """The number of rows."""
        ...

    def __getitem__(self, wanted: Any, /) -> Any:
        """One row, or the rows of a slice or of (n,) int places, as an array."""
        ...


class KeptRows:
    """Rows of a table that is mapped from disk, in any order; each access copies what it needs."""

    def __init__(self, table: np.ndarray, places: np.ndarray) -> None:
        """`places` are the rows of `table`, (N,) int64."""
        self._table = table
        self._places = places

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        return (len(self._places), *self._table.shape[1:])

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._places)

    def __getitem__(self, wanted: Any, /) -> np.ndarray:
        """One row, or some."""
        return np.asarray(self._table[self._places[wanted]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All rows, in memory."""
        return np.asarray(self[:], dtype)


def row_key(*parts: bytes) -> bytes:
    """A key for `ArrayCache.rows`, from everything by which its row differs from the other rows of the table."""
    return hashlib.sha256(b"\0".join(parts)).digest()[:_KEY]


class ArrayCache:
    """A folder of tables. Several processes may share it: one computes, the others wait and then read its rows."""

    def __init__(self, folder: Path, *, limit: int) -> None:
        """Keep at most `limit` bytes in `folder`; 0 keeps nothing."""
        self._folder = folder
        self._limit = limit

    def fits(self, size: int) -> bool:
        """Whether rows of `size` bytes in all can be kept."""
        if size > self._limit:
            return False
        existing = next(place for place in (self._folder, *self._folder.parents) if place.exists())
        return size + _SPARE <= shutil.disk_usage(existing).free + self._used()

    def rows(
        self,
        kind: str,
        made_from: object,
        keys: Sequence[bytes],
        *,
        shape: tuple[int, ...],
        dtype: type[np.generic],
        make: Callable[[Sequence[int]], Iterable[np.ndarray]],
        check: Callable[[int, np.ndarray], bool],
    ) -> Rows:
        """Read rows from disk as far as they were computed before; compute the others, and keep them if they fit.

        Args:
            kind: the beginning of the table's name.
            made_from: everything that decides the values of all rows, in a form that JSON can hold.
            keys: of `row_key`, one for each row.
            shape: the shape of a row.
            dtype: the type of the rows.
            make: yields the rows of the given places in `keys`, in blocks.
            check: whether a kept row is what `make` would compute for its place. Two are checked; if one is wrong, all
                are computed again.

        Returns:
            A row for each key, mapped from disk, or in memory if they can't be kept.

        Raises:
            WorkspaceError: the folder can't be written to.
        """
        first: dict[bytes, int] = {}
        for place, key in enumerate(keys):
            first.setdefault(key, place)
        size = len(first) * (_KEY + math.prod(shape) * np.dtype(dtype).itemsize)
        if not self.fits(size):
            return _in_memory(make(range(len(keys))), (len(keys), *shape), dtype)
        description = json.dumps([made_from, shape, np.dtype(dtype).str], sort_keys=True)
        name = f"{kind}-{hashlib.sha256(description.encode()).hexdigest()[:24]}"
        try:
            with self._locked():
                table = _Table(self._folder / name, shape, dtype)
                found = table.find()
                known = [place for key, place in first.items() if key in found]
                kept = KeptRows(table.read(), np.array([found.get(key, 0) for key in keys], np.int64))
                right = all(check(place, kept[place]) for place in {known[0], known[-1]}) if known else True
                del kept
                missing = [place for key, place in first.items() if key not in found]
                if not right or table.size + len(missing) * table.row_size > self._limit:
                    table.remove()
                    found, missing = {}, list(first.values())
                if missing:
                    self._make_room(len(missing) * table.row_size, keep=table)
                    table.append([keys[place] for place in missing], make(missing))
                    found = table.find()
                table.touch()  # the one used last is removed last
                return KeptRows(table.read(), np.array([found[key] for key in keys], np.int64))
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
        """What is kept, the file unused for longest first."""
        states = {}
        for path in self._folder.glob("*.*"):
            with suppress(FileNotFoundError):  # another process has just removed it
                states[path] = path.stat()
        return dict(sorted(states.items(), key=lambda item: item[1].st_mtime))

    def _used(self) -> int:
        return sum(state.st_size for state in self._files().values())

    def _make_room(self, size: int, *, keep: "_Table") -> None:
        """Remove other tables, and what earlier versions kept, until `size` bytes are left; the lock is held."""
        for path in self._files():
            if self._used() + size <= self._limit:
                break
            if path not in keep.files:
                with suppress(PermissionError, FileNotFoundError):  # Windows removes no file that is being read
                    path.unlink()


class _Table:
    """Rows of one kind in a file, and their keys in a second one, which is written after them: a kill costs a block."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
        self._rows = path.with_suffix(".rows")
        self._keys = path.with_suffix(".keys")
        self._shape = shape
        self._dtype = np.dtype(dtype)
        self._bytes = math.prod(shape) * self._dtype.itemsize

    @property
    def files(self) -> tuple[Path, Path]:
        return self._rows, self._keys

    @property
    def row_size(self) -> int:
        """Bytes of a row with its key."""
        return _KEY + self._bytes

    @property
    def size(self) -> int:
        """Bytes of all rows."""
        return self._count() * self.row_size

    def _count(self) -> int:
        if not (self._rows.is_file() and self._keys.is_file()):
            return 0
        return min(self._rows.stat().st_size // self._bytes, self._keys.stat().st_size // _KEY)

    def find(self) -> dict[bytes, int]:
        """The place of each key."""
        count = self._count()
        data = self._keys.read_bytes() if count else b""
        return {data[_KEY * place : _KEY * (place + 1)]: place for place in range(count)}

    def read(self) -> np.ndarray:
        count = self._count()
        if not count:
            return np.empty((0, *self._shape), self._dtype)
        return np.memmap(self._rows, self._dtype, mode="r", shape=(count, *self._shape))

    def append(self, keys: Sequence[bytes], blocks: Iterable[np.ndarray]) -> None:
        """Write block by block, not through a memory map: a full disk is then an error and doesn't kill the process."""
        self._rows.parent.mkdir(parents=True, exist_ok=True)
        count, done = self._count(), 0
        with self._rows.open("ab") as rows, self._keys.open("ab") as names:
            rows.truncate(count * self._bytes)  # what a killed process was writing
            names.truncate(count * _KEY)
            for block in blocks:
                rows.write(np.ascontiguousarray(block, dtype=self._dtype).data)
                rows.flush()
                names.write(b"".join(keys[done : done + len(block)]))
                names.flush()
                done += len(block)
        assert done == len(keys), (done, len(keys))

    def touch(self) -> None:
        for path in self.files:
            os.utime(path)

    def remove(self) -> None:
        for path in reversed(self.files):
            path.unlink(missing_ok=True)


def _in_memory(blocks: Iterable[np.ndarray], shape: tuple[int, ...], dtype: type[np.generic]) -> np.ndarray:
    array, start = np.empty(shape, dtype), 0
    for block in blocks:
        array[start : start + len(block)] = block
        start += len(block)
    assert start == shape[0], (start, shape)
    return array
