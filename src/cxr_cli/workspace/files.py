"""Safe writes: a file or folder appears complete or not at all, and a lock lets one process write at a time.

What is being written is a hidden sibling, `.staged-…`, that is renamed when it is complete. A process that is killed
leaves its sibling behind. The next write into the same folder removes it, but never one that is still in use: a folder
has a lock beside it, and a file is written to all the time, so an old one is abandoned.
"""

import errno
import io
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.cells import CSV_TEXT, CellWriter

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STAGE_PREFIX = ".staged-"
_LOCK_SUFFIX = ".lock"
_OLD_SUFFIX = ".old"  # the folder that is being replaced, while it steps aside
_ABANDONED = 3600.0  # seconds since the last write to a staged file; nothing computes between two writes


def read_bytes(path: Path, *, hint: str) -> bytes:
    """Read the bytes of `path`.

    Args:
        path: a file of the workspace.
        hint: what the user can do if it can't be read.

    Raises:
        WorkspaceError: the file can't be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise WorkspaceError(f"Expected to read {path}. Received: {error.strerror}.", hint=hint) from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically, and create its folder if it is missing.

    Raises:
        WorkspaceError: the file can't be written.
    """
    with whole_file(path) as stream:
        stream.write(data)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8, with its line ends unchanged."""
    write_bytes(path, text.encode("utf-8"))


def write_table(path: Path, columns: list[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write a CSV file of the workspace: a header, LF line ends, UTF-8. What a row lacks is an empty cell."""
    with whole_file(path) as stream:
        text = io.TextIOWrapper(stream, **CSV_TEXT)
        writer = CellWriter(text)
        writer.row(columns)
        writer.rows([row.get(column) for column in columns] for row in rows)
        text.detach()  # with all that it held back


@contextmanager
def growing_table(path: Path, columns: list[str]) -> Iterator[Callable[[Iterable[object]], None]]:
    """Write a CSV file row by row into a sibling that is renamed to `path` when the block succeeds.

    If the block fails, `path` is unchanged and the rows written so far stay in that sibling (see `partial`).

    Raises:
        WorkspaceError: the file can't be written.
    """
    with _write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = partial(path).open("w", **CSV_TEXT)
    writer = CellWriter(stream)

    def write(row: Iterable[object]) -> None:
        with _write_errors(path):
            writer.row(row)

    with stream:
        write(columns)
        yield write
        with _write_errors(path):
            stream.flush()
            os.fsync(stream.fileno())
    with _write_errors(path):
        partial(path).replace(path)


def partial(path: Path) -> Path:
    """Name the file in which `growing_table` keeps the rows of `path` until it has all of them."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """Give a temporary sibling that replaces the folder `target` when the block succeeds.

    If the block fails, the sibling is removed and `target` is unchanged. What killed processes left beside `target` is
    removed; what other processes are writing there is left alone.

    Raises:
        WorkspaceError: the folder can't be written.
    """
    import filelock

    with _write_errors(target):
        if target.exists() and not target.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "a file is in its place")
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(target.parent)
        stage = target.with_name(f"{_STAGE_PREFIX}{target.name}-{uuid.uuid4().hex}")
        held = filelock.FileLock(_beside(stage, _LOCK_SUFFIX), thread_local=False)
        held.acquire()  # before the folder is there, so that it is never there unlocked
    try:
        with _write_errors(target):
            stage.mkdir()
        yield stage
        with _write_errors(target):
            _replace_folder(stage, target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        shutil.rmtree(_beside(stage, _OLD_SUFFIX), ignore_errors=True)
        held.release()
        _unlink(_beside(stage, _LOCK_SUFFIX))


@contextmanager
def lock(folder: Path, *, name: str = "", hint: str = "") -> Iterator[None]:
    """Keep other processes from writing to a folder, or to one thing in it, as long as the block runs.

    The lock of a folder and those of the things in it are independent: a process that needs both takes both.

    Args:
        folder: created if it is missing; the lock is a hidden file in it.
        name: of the file or folder in `folder` that is written; it need not exist. Defaults to all of `folder`.
        hint: what the user can do if it is in use. Defaults to waiting, or another workspace.

    Raises:
        WorkspaceError: another process holds the lock, or the folder can't be written to.
    """
    import filelock

    target = folder / name if name else folder
    with _write_errors(target):
        folder.mkdir(parents=True, exist_ok=True)
        held = filelock.FileLock(folder / (f".lock-{name}" if name else ".lock"), timeout=0, thread_local=False)
        try:
            held.acquire()
        except filelock.Timeout:
            raise WorkspaceError(
                f"Expected {target} to be free. Received: another cxr command is writing there.",
                hint=hint or "Wait for it to finish, or name another workspace: --workspace DIR",
            ) from None
    try:
        yield
    finally:
        held.release()


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Give a stream whose file replaces `path` when the block succeeds; create the folder if it is missing.

    If the block fails, `path` is unchanged. Only errors of writing become a `WorkspaceError`: any other error of the
    block, such as a file that it can't read, passes through as it is.

    Raises:
        WorkspaceError: the file can't be written.
    """
    # Not by mkstemp, whose files only their owner may read: colleagues read results too.
    stage = path.with_name(f"{_STAGE_PREFIX}{uuid.uuid4().hex}")
    with _write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned_once(path.parent.resolve())
        raw = _StagedFile(stage, path)
    try:
        with io.BufferedWriter(raw) as stream:
            yield stream
            with _write_errors(path):
                stream.flush()
                os.fsync(stream.fileno())
        with _write_errors(path):
            stage.replace(path)
    finally:
        _unlink(stage)


def remove_abandoned(folder: Path) -> None:
    """Remove what killed processes were writing in `folder`.

    A folder that had stepped aside for one that was never completed goes back to its place. What belongs to a process
    that still runs, or to another user, stays.
    """
    try:
        with os.scandir(folder) as entries:
            staged = [Path(entry) for entry in entries if entry.name.startswith(_STAGE_PREFIX)]
    except OSError:  # a folder that may be written to but not listed
        return
    of_folders = [path for path in staged if _is_of_folder(path)]
    for path in set(staged) - set(of_folders):
        _remove_old_file(path)
    for name in {path.name.removesuffix(_LOCK_SUFFIX).removesuffix(_OLD_SUFFIX) for path in of_folders}:
        _remove_if_unlocked(folder / name)


class _StagedFile(io.FileIO):
    """A new file whose write errors name the file that it is to become."""

    def __init__(self, stage: Path, target: Path) -> None:
        super().__init__(stage, "xb")
        self._target = target

    def write(self, data: "ReadableBuffer", /) -> int:
        with _write_errors(self._target):
            return super().write(data)


def _is_of_folder(path: Path) -> bool:
    """Whether `path` is a staged folder, or the lock or the old folder beside one."""
    return path.suffix in {_LOCK_SUFFIX, _OLD_SUFFIX} or path.is_dir()


def _remove_old_file(path: Path) -> None:
    with suppress(OSError):  # another process removed it, or it belongs to another user
        if time.time() - path.stat().st_mtime > _ABANDONED:
            path.unlink()


def _remove_if_unlocked(stage: Path) -> None:
    import filelock

    held = filelock.FileLock(_beside(stage, _LOCK_SUFFIX), timeout=0, thread_local=False)
    try:
        held.acquire()
    except (filelock.Timeout, OSError, NotImplementedError):  # in use, another user's, or no locks here
        return
    try:
        aside = _beside(stage, _OLD_SUFFIX)
        for old in aside.glob("*"):
            if not (stage.parent / old.name).exists():
                with suppress(OSError):
                    old.rename(stage.parent / old.name)
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(stage, ignore_errors=True)
    finally:
        held.release()
        _unlink(_beside(stage, _LOCK_SUFFIX))


# Once per folder and process: a folder of ten thousand masks must not be listed for each of them.
_remove_abandoned_once = cache(remove_abandoned)


def _replace_folder(stage: Path, target: Path) -> None:
    # A folder can't be replaced in one call: the old one steps aside first, and comes back if the new one can't go in.
    if not target.exists():
        stage.rename(target)
        return
    aside = _beside(stage, _OLD_SUFFIX)
    aside.mkdir()
    old = target.rename(aside / target.name)
    try:
        stage.rename(target)
    except OSError:
        old.rename(target)
        raise


def _beside(stage: Path, suffix: str) -> Path:
    return stage.with_name(stage.name + suffix)


def _unlink(path: Path) -> None:
    with suppress(OSError):  # it is hidden, and the next write into the folder removes it
        path.unlink(missing_ok=True)


@contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` of the block into one that a user can act on."""
    try:
        yield
    except OSError as error:
        raise WorkspaceError(
            f"Expected to write to {path}. Received: {error.strerror or error}.",
            hint="Check the folder's permissions and free space, or name another place",
        ) from error
