"""The page's own temporary folder: for its user alone, and gone when the server is, however it ended."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

_PREFIX = "cxr-page-"
_LOCK = ".lock"


@contextmanager
def page_folder() -> Iterator[Path]:
    """Give an empty folder that nobody else can read, and remove it at the end.

    A server that is killed leaves its folder behind, with the films in it. The next one removes it: a lock beside a
    folder says whether its server lives.
    """
    parent = Path(tempfile.gettempdir())
    _remove_abandoned(parent)
    folder = parent / f"{_PREFIX}{secrets.token_hex(8)}"
    lock = _lock_of(folder)
    lock.acquire()  # before the folder is there, so that it is never there unlocked
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{_PREFIX}*"):
        if folder.suffix == _LOCK or folder.is_symlink() or not _is_own(folder):
            continue
        lock = _lock_of(folder)
        try:
            lock.acquire(timeout=0)
        except (filelock.Timeout, OSError):  # its server lives
            continue
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)


def _lock_of(folder: Path) -> filelock.BaseFileLock:
    return filelock.FileLock(folder.with_name(folder.name + _LOCK), thread_local=False)


def _is_own(folder: Path) -> bool:
    try:
        return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
    except OSError:
        return False
