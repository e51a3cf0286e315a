"""One folder in the place of another, in one step where the system can do so."""

import errno
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

STAGE_PREFIX = ".staged-"
OLD_SUFFIX = ".old"  # the folder that is being replaced, while it steps aside
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # Linux: <fcntl.h>, <linux/fs.h>
_RENAME_SWAP = 2  # macOS: <sys/stdio.h>
_NOT_HERE = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EXDEV}  # errors of a file system that can't exchange


def exchange(one: Path, other: Path) -> bool:
    """Let two existing folders change names in one step.

    Returns:
        False where the system, or this file system (NFS, for example), can't do so: nothing was done.

    Raises:
        OSError: they can't change names.
    """
    call = _native_exchange()
    if call is None:
        return False
    if call(os.fsencode(one), os.fsencode(other)) == 0:
        return True
    import ctypes

    number = ctypes.get_errno()
    if number in _NOT_HERE:
        return False
    raise OSError(number, os.strerror(number), str(other))


def replace_folder(stage: Path, target: Path) -> None:
    """Put the folder `stage` in the place of `target`; the old one, if any, is then in the place of `stage` or beside.

    Where the two can't be exchanged in one step, the old one steps aside first, where readers see it (see `reading`),
    and comes back if the new one can't go in.

    Raises:
        OSError: they can't be renamed; `target` is as it was.
    """
    if not target.exists():
        stage.rename(target)
        return
    if exchange(stage, target):
        return
    aside = stage.with_name(stage.name + OLD_SUFFIX)
    aside.mkdir()
    old = target.rename(aside / target.name)
    try:
        stage.rename(target)
    except OSError:
        old.rename(target)
        raise


@cache
def _native_exchange() -> Callable[[bytes, bytes], int] | None:
    """The system's own exchange of two names; it gives 0, or sets `errno`."""
    import ctypes
    import platform

    try:
        library: Any = ctypes.CDLL(None, use_errno=True)
        if platform.system() == "Linux":
            renameat2 = library.renameat2
            renameat2.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]
            return lambda one, other: int(renameat2(_AT_FDCWD, one, _AT_FDCWD, other, _RENAME_EXCHANGE))
        if platform.system() == "Darwin":
            renamex_np = library.renamex_np
            renamex_np.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint]
            return lambda one, other: int(renamex_np(one, other, _RENAME_SWAP))
    except (OSError, AttributeError, TypeError):  # Windows, or an old C library
        pass
    return None
