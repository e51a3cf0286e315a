"""Errors of the disk, in words: what failed, where, and what to do about it."""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cxr_cli.errors import WorkspaceError

_ELSEWHERE = "or name another place, for example another workspace: --workspace DIR"
_PERMISSION = f"Ask for permission to write there, {_ELSEWHERE}"
# What a user can do about an error of the disk. Any other OSError that nobody expected is a bug.
_REMEDIES = {
    errno.ENOSPC: f"Free some space on that disk, {_ELSEWHERE}",
    errno.EDQUOT: f"Your quota on that disk is used up: free some space, {_ELSEWHERE}",
    errno.EFBIG: f"Raise the limit on the size of files (ulimit -f), {_ELSEWHERE}",
    errno.EROFS: f"That disk is read-only: mount it for writing, {_ELSEWHERE}",
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
    errno.EIO: f"The disk reports a fault: check it, {_ELSEWHERE}",
    errno.ESTALE: f"The network file system has lost the file: mount it again, {_ELSEWHERE}",
}
_WRITTEN = re.compile(r"errno = (\d+)|No space left on device|File too large|No usable temporary directory")
_OTHER = "Check the folder's permissions and free space, or name another place"


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn an `OSError` of the block, which only writes `path`, into a `WorkspaceError` that names it."""
    try:
        yield
    except OSError as error:
        raise _not_written(path, error) from error


@contextmanager
def disk_errors(path: Path, *, made_in: Path) -> Iterator[None]:
    """Turn an error of the disk in a block that makes `path` into a `WorkspaceError`; other errors pass through.

    Files that the block reads, such as films, may be missing or protected: only a disk that is full, read-only or
    faulty is certain to be the one that is written to.

    Args:
        path: what the errors name.
        made_in: where the block writes, which no error names.
    """
    try:
        yield
    except WorkspaceError as error:
        error.message = error.message.replace(str(made_in), str(path))
        error.args = (error.message,)
        raise
    except Exception as error:
        if _number(error) in {None, errno.EACCES, errno.EPERM}:
            raise
        raise _not_written(path, error) from error


def in_words(error: OSError) -> WorkspaceError | None:
    """An `OSError` that reached the command line, as one that a user can act on; None if it is a bug."""
    number = _number(error)
    if number is None and error.filename is None:
        return None
    where = "read and write files" if error.filename is None else f"use {error.filename}"
    return WorkspaceError(f"Expected to {where}. Received: {_reason(error)}.", hint=_REMEDIES.get(number or 0, ""))


def remedy(error: OSError, otherwise: str) -> str:
    """What a user can do about an error of the disk; `otherwise` where it is another one."""
    return _REMEDIES.get(_number(error) or 0, otherwise)


def _not_written(path: Path, error: Exception) -> WorkspaceError:
    hint = _REMEDIES.get(_number(error) or 0, _OTHER)
    return WorkspaceError(f"Expected to write to {path}. Received: {_reason(error)}.", hint=hint)


def _number(error: Exception) -> int | None:
    """The number of an error of the disk; HDF5, TensorFlow and Python's `tempfile` say it only in their text."""
    number = error.errno if isinstance(error, OSError) else None
    if number in {None, errno.ENOENT} and (written := _WRITTEN.search(str(error))):
        number = int(written[1]) if written[1] else errno.EFBIG if "large" in written[0] else errno.ENOSPC
    return number if number in _REMEDIES else None


def _reason(error: Exception) -> str:
    number = _number(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return os.strerror(number) if number else str(error)
