"""Temporary files of this process: in one folder, which a later process removes if this one is killed."""

import atexit
import os
import shutil
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from cxr_cli.workspace.locks import try_lock

_PREFIX = "cxr-"
_LOCK = ".lock"
_ABANDONED = 3600.0  # seconds after which an empty folder without a lock is one of a process that was killed


def use_own_temporary_folder() -> None:
    """Let all temporary files of this process, also those of libraries, go to a folder of its own.

    It is removed when the process ends, and if it is killed, by the next one that calls this. For processes that are
    cxr's own: in another program, its files would go there too. Where no such folder can be made, nothing changes.
    """
    with suppress(OSError):  # whoever needs a temporary file says what is wrong
        tempfile.tempdir = str(_own_folder(os.getpid()))


@cache
def _own_folder(process: int) -> Path:
    """Make the folder; once for each process, as a forked one must not remove its parent's."""
    parent = Path(tempfile.gettempdir())
    _remove_abandoned(parent)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT)  # open, and so locked, until the process ends
        if try_lock(descriptor) is not False and (folder / _LOCK).exists():
            break
        os.close(descriptor)  # in between, another process took it for abandoned
    atexit.register(_remove, folder, process)
    return folder


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(parent: Path) -> None:
    """Remove the folders of processes that were killed; what has no lock file is not of this kind."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another user's, or removed meanwhile
            if not (folder / _LOCK).exists():
                if time.time() - folder.stat().st_mtime > _ABANDONED:
                    folder.rmdir()  # if it is empty
                continue
            descriptor = os.open(folder / _LOCK, os.O_RDWR)
            try:
                if try_lock(descriptor):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(descriptor)
