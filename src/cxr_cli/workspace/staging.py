"""Files and folders in the making: each is a hidden sibling, `.staged-…`, of the one that it replaces when complete.

A process that is killed leaves its siblings behind. The next command in the workspace, or the next that writes into the
same folder, removes them, but never one that is still in use: its process holds a lock on it, or for a folder on a file
beside it. Where there are no locks, a file that was not written to for an hour is abandoned.
"""

import errno
import io
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cxr_cli.workspace.faults import disk_errors, write_errors
from cxr_cli.workspace.locks import try_lock
from cxr_cli.workspace.swap import OLD_SUFFIX, STAGE_PREFIX, replace_folder

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_LOCK_SUFFIX = ".lock"
_ABANDONED = 3600.0  # seconds since the last write to a staged file; nothing computes between two writes


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Give a stream whose file replaces `path` when the block succeeds; create the folder if it is missing.

    If the block fails, `path` is unchanged. Only errors of writing become a `WorkspaceError`: any other error of the
    block, such as a file that it can't read, passes through as it is.

    Raises:
        WorkspaceError: the file can't be written.
    """
    # Not by mkstemp, whose files only their owner may read: colleagues read results too.
    stage = path.with_name(f"{STAGE_PREFIX}{uuid.uuid4().hex}")
    with write_errors(path):
        refuse_special(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned_once(Path(os.path.realpath(path.parent)))
        raw = _open_locked(stage, path)
    try:
        with io.BufferedWriter(raw) as stream:
            yield stream
            with write_errors(path):
                stream.flush()
                os.fsync(stream.fileno())
                if os.name != "nt":  # while it is locked; Windows renames no open file
                    stage.replace(path)
        if os.name == "nt":
            with write_errors(path):
                stage.replace(path)
    finally:
        _unlink(stage)


def refuse_special(path: Path) -> None:
    """Refuse to put a file where something else is: a folder, or a device such as `/dev/null`, which would be gone.

    Raises:
        OSError: it is there.
    """
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, f"a {'folder' if path.is_dir() else 'pipe or a device'} is in its place")


@contextmanager
def staged_folder(target: Path, *, keep: bool = False) -> Iterator[Path]:
    """Give a temporary sibling that replaces the folder `target` when the block succeeds.

    If the block fails, or removes the sibling, `target` is unchanged and no sibling is left. What killed processes left
    beside `target` is removed; what other processes are writing there is left alone.

    Args:
        target: the folder; it need not exist. A link leads to the folder that is replaced.
        keep: the sibling begins with all files of `target`, as links. A file in it must be replaced, never written to,
            as `whole_file` does. Defaults to False.

    Raises:
        WorkspaceError: the folder can't be written.
    """
    import filelock

    with write_errors(target):
        place = Path(os.path.realpath(target))  # `resolve` raises a RuntimeError for a link to itself
        if place.exists() and not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "a file is in its place")
        place.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(place.parent)
        stage = place.with_name(f"{STAGE_PREFIX}{place.name}-{uuid.uuid4().hex}")
        held = filelock.FileLock(_beside(stage, _LOCK_SUFFIX), thread_local=False)
        held.acquire()  # before the folder is there, so that it is never there unlocked
    try:
        with write_errors(target):
            stage.mkdir()
            if keep and place.exists():
                left_overs = shutil.ignore_patterns(f"{STAGE_PREFIX}*")
                shutil.copytree(place, stage, copy_function=_link, symlinks=True, ignore=left_overs, dirs_exist_ok=True)
        with disk_errors(target, made_in=stage):
            yield stage
        if not stage.exists():
            return
        with write_errors(target):
            if keep and Path.cwd().is_relative_to(place):
                _move_files(stage, place)
            else:
                replace_folder(stage, place)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        shutil.rmtree(_beside(stage, OLD_SUFFIX), ignore_errors=True)
        held.release()
        _unlink(_beside(stage, _LOCK_SUFFIX))


def remove_abandoned(folder: Path) -> None:
    """Remove what killed processes were writing in `folder`.

    A folder that had stepped aside for one that was never completed goes back to its place. What belongs to a process
    that still runs, or to another user, stays.
    """
    staged = [folder / name for name in listed(folder) if name.startswith(STAGE_PREFIX)]
    of_folders = [path for path in staged if _is_of_folder(path)]
    for path in set(staged) - set(of_folders):
        _remove_abandoned_file(path)
    for name in {path.name.removesuffix(_LOCK_SUFFIX).removesuffix(OLD_SUFFIX) for path in of_folders}:
        _remove_if_unlocked(folder / name)


def remove_left_overs(workspace: Path) -> None:
    """Remove what killed processes were writing anywhere in a workspace; see `remove_abandoned`."""
    folders = [workspace]
    for _ in range(3):  # evaluations/simple-cnn/test is replaced in evaluations/simple-cnn
        for folder in folders:
            remove_abandoned(folder)
        folders = [inner for folder in folders for inner in _folders_in(folder)]


def remove_at_once(path: Path) -> None:
    """Remove a file, or a folder with all that is in it; readers see all of it or nothing.

    A folder is set aside first: what a killed process leaves of it is removed as what it was writing.

    Raises:
        OSError: it can't be removed.
    """
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    aside = path.with_name(f"{STAGE_PREFIX}{path.name}-{uuid.uuid4().hex}")
    path.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def listed(folder: Path) -> list[str]:
    """The names in a folder; none if it is missing or may not be listed."""
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


def _folders_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry) for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    except OSError:
        return []


class _StagedFile(io.FileIO):
    """A new file whose write errors name the file that it is to become."""

    def __init__(self, stage: Path, target: Path) -> None:
        super().__init__(stage, "xb")
        self._target = target

    def write(self, data: "ReadableBuffer", /) -> int:
        with write_errors(self._target):
            return super().write(data)


def _open_locked(stage: Path, target: Path) -> _StagedFile:
    """Open a new file, and hold a lock on it until it is closed."""
    while True:
        raw = _StagedFile(stage, target)
        if try_lock(raw.fileno()) is not False and stage.exists():
            return raw
        raw.close()  # in between, another process took it for abandoned
        _unlink(stage)


def _link(source: str, target: str) -> None:
    """Link a file, or copy it where the file system has no links."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target)


def _move_files(stage: Path, place: Path) -> None:
    """Move the files of `stage` to `place`, in which this process, or the user's shell, stands; the records last."""
    made = {path.relative_to(stage) for path in stage.rglob("*") if not path.is_dir()}
    for path in sorted(made, key=lambda path: (len(path.parts) == 1, path.suffix == ".json")):
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (stage / path).replace(place / path)
    for path in place.rglob("*"):
        if not path.is_dir() and path.relative_to(place) not in made and not path.name.startswith(STAGE_PREFIX):
            path.unlink()


def _is_of_folder(path: Path) -> bool:
    """Whether `path` is a staged folder, or the lock or the old folder beside one."""
    return path.suffix in {_LOCK_SUFFIX, OLD_SUFFIX} or path.is_dir()


def _remove_abandoned_file(path: Path) -> None:
    with suppress(OSError):  # another process removed it, or it belongs to another user
        descriptor = os.open(path, os.O_RDWR)
        try:
            free = try_lock(descriptor)
            old = time.time() - path.stat().st_mtime > _ABANDONED
            if free:
                path.unlink()
        finally:
            os.close(descriptor)
        if free is None and old:
            path.unlink()


def _remove_if_unlocked(stage: Path) -> None:
    import filelock

    held = filelock.FileLock(_beside(stage, _LOCK_SUFFIX), timeout=0, thread_local=False)
    try:
        held.acquire()
    except (filelock.Timeout, OSError, NotImplementedError):  # in use, another user's, or no locks here
        return
    try:
        aside = _beside(stage, OLD_SUFFIX)
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


def _beside(stage: Path, suffix: str) -> Path:
    return stage.with_name(stage.name + suffix)


def _unlink(path: Path) -> None:
    with suppress(OSError):  # it is hidden, and the next write into the folder removes it
        path.unlink(missing_ok=True)
