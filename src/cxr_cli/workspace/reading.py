"""Files of folders that another process may be replacing: a reader finds the old one or the new one, never none."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.staging import listed, remove_abandoned
from cxr_cli.workspace.swap import OLD_SUFFIX, STAGE_PREFIX

T = TypeVar("T")
_MISSES = 3  # times in a row that a file must be missing from one and the same folder before it counts as missing


def read_bytes(path: Path, *, hint: str) -> bytes:
    """Read the bytes of `path`.

    Args:
        path: a file of the workspace.
        hint: what the user can do if it can't be read.

    Raises:
        WorkspaceError: the file can't be read.
    """
    try:
        return steadily(path, path.read_bytes)
    except OSError as error:
        raise WorkspaceError(f"Expected to read {path}. Received: {error.strerror}.", hint=hint) from error


def steadily(path: Path, read: Callable[[], T]) -> T:
    """Read a file of a folder that may be replaced at this moment: wait until a folder that stepped aside is back.

    Args:
        path: the file.
        read: opens it.

    Raises:
        FileNotFoundError: of `read`, where the file is missing indeed.
    """
    folder, misses = path.parent, 0
    while True:
        before = _identity(folder)
        try:
            return read()
        except FileNotFoundError:
            while _identity(folder) is None and folder.name in _names_aside(folder.parent):
                _bring_back(folder.parent)
            if before != _identity(folder):
                misses = 0
                continue
            misses += 1
            if misses == _MISSES:
                raise


def is_there(path: Path) -> bool:
    """Whether a file is there, in a folder that may be replaced at this moment."""
    try:
        return steadily(path, lambda: bool(path.stat()))
    except (FileNotFoundError, NotADirectoryError):
        return False


def files_in_each(folder: Path, name: str) -> list[Path]:
    """The paths of the files called `name` in the folders in `folder`, also of those that step aside at this moment."""
    names = {*listed(folder), *_names_aside(folder)}
    names |= set(listed(folder))  # again: a folder may have come back in between
    return [path for each in sorted(names) if not each.startswith(".") and is_there(path := folder / each / name)]


def _names_aside(parent: Path) -> set[str]:
    """The names of the folders in `parent` that step aside for another one at this moment."""
    asides = [name for name in listed(parent) if name.startswith(STAGE_PREFIX) and name.endswith(OLD_SUFFIX)]
    return {name for aside in asides for name in listed(parent / aside)}


def _bring_back(parent: Path) -> None:
    """Wait a moment for a living process; put back what a dead one moved."""
    time.sleep(0.005)
    remove_abandoned(parent)


def _identity(folder: Path) -> tuple[int, int, int] | None:
    """What tells a folder from the one before: the time of change too, because a new folder may get a freed number."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_ctime_ns
