"""Locks: one command writes a thing, or several read it. Whoever comes too late is told at once who is there.

A lock is an advisory lock on a hidden file, which the system gives up when its process ends, however it ends. Linux
sends it to the server of a network file system (NFS) too, which gives it up when the client is gone. The text of the
file only says who holds the lock: it never decides anything.
"""

import errno
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cxr_cli.errors import COMMANDS, InUseError
from cxr_cli.workspace.faults import write_errors

_BUSY = {errno.EACCES, errno.EAGAIN}
_WRITING = "writing"
_LONG = 10_000  # bytes of names of readers, most of which have ended


@contextmanager
def lock(folder: Path, *, name: str = "", shared: bool = False, hint: str = "") -> Iterator[None]:
    """Keep other processes from writing to a folder, or to one thing in it, as long as the block runs.

    The lock of a folder and those of the things in it are independent: a process that needs both takes both.

    Args:
        folder: created if it is missing; the lock is a hidden file in it.
        name: of the file or folder in `folder` that is written; it need not exist. Defaults to all of `folder`.
        shared: only read: other readers are let in. On a read-only disk nothing is held. Defaults to False.
        hint: what the user can do if it is in use. Defaults to waiting, or another workspace.

    Raises:
        InUseError: another process holds the lock.
        WorkspaceError: the folder can't be written to.
    """
    target = folder / name if name else folder
    path = folder / (f".lock-{name}" if name else ".lock")
    held = _open_shared(path) if shared else _open(target, path)
    if held is None:
        yield
        return
    try:
        state = try_lock(held, shared=shared)
        if state is None:
            with _soft_lock(target, path, shared=shared, hint=hint):
                yield
            return
        if not state:
            raise _in_use(target, path, hint=hint)
        _sign(held, shared=shared)
        try:
            yield
        finally:
            if not shared:
                with suppress(OSError):
                    os.ftruncate(held, 0)
    finally:
        os.close(held)


def try_lock(descriptor: int, *, shared: bool = False) -> bool | None:
    """Lock an open file without waiting; the lock ends when the file is closed or the process dies.

    Args:
        descriptor: the file, open for writing, or also for reading if `shared`.
        shared: let others in that take it `shared` too. Defaults to False.

    Returns:
        Whether it is locked; None where the system, or this file system, has no such locks.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _BUSY else None
    return True


def who_uses(folder: Path) -> dict[str, str]:
    """What other commands are writing or reading in a folder and those below it at this moment.

    Returns:
        The thing, relative to `folder`, and who uses it, in words. Empty where the system has no locks.
    """
    used = {}
    for path in sorted(folder.rglob(".lock*")):
        try:
            held = os.open(path, os.O_RDONLY)
        except OSError:
            continue
        try:
            if path.suffix != ".held" and try_lock(held) is False:
                name = path.name.removeprefix(".lock").removeprefix("-") or "."
                used[str(path.relative_to(folder).with_name(name))] = _holders(path)
        finally:
            os.close(held)
    return used


def _open(target: Path, path: Path) -> int:
    with write_errors(target):
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)


def _open_shared(path: Path) -> int | None:
    """Open a lock for reading; where none can be made, nobody writes either."""
    for flags in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
        with suppress(OSError):
            return os.open(path, flags, 0o666)
    return None


@contextmanager
def _soft_lock(target: Path, path: Path, *, shared: bool, hint: str) -> Iterator[None]:
    """Hold a lock where the system has none of its own: Windows, and file systems without locks. Readers need none."""
    import filelock

    if shared:
        yield
        return
    # On Windows a native lock; elsewhere a file with host and process, which is void once that process is gone.
    kind = filelock.FileLock if os.name == "nt" else filelock.SoftFileLock
    held = kind(path.with_name(path.name + ".held"), timeout=0, thread_local=False)
    try:
        held.acquire()
    except filelock.Timeout:
        if not _was_left(path):
            raise _in_use(target, path, hint=hint) from None
        Path(held.lock_file).unlink(missing_ok=True)
        held.acquire()
    try:
        path.write_text(_signature(_WRITING), encoding="utf-8")
        yield
    finally:
        held.release()


def _sign(held: int, *, shared: bool) -> None:
    """Say in the file who holds it; readers one below the other, so that each is named."""
    with suppress(OSError):  # a file that may only be read, or a full disk
        if not shared or os.fstat(held).st_size > _LONG:
            os.ftruncate(held, 0)
        os.lseek(held, 0, os.SEEK_END)
        os.write(held, _signature("reading" if shared else _WRITING).encode())


def _signature(doing: str) -> str:
    words = sys.argv[1:2]
    command = f"cxr {words[0]}" if words and words[0] in COMMANDS else "Python"
    return f"{os.getpid()}\t{socket.gethostname()}\t{command}\t{doing}\t{time.strftime('%Y-%m-%d %H:%M:%S')}\n"


def _in_use(target: Path, path: Path, *, hint: str) -> InUseError:
    holder = _holders(path)
    return InUseError(
        f"Expected {target} to be free. Received: {holder} there.",
        holder=holder,
        hint=hint or "Wait for it to finish, or name another workspace: --workspace DIR",
    )


def _holders(path: Path) -> str:
    """Who holds a lock, in words."""
    for row in reversed(_signatures(path)):
        pid, host, command, doing, since = row
        if _may_live(pid, host):
            return f"{command} (process {pid} on {host}, since {since}) is {doing}"
    return "another cxr command is writing"


def writers(folder: Path) -> dict[str, str]:
    """Who else on this computer is writing things in a folder: the name of each thing -> who, in words."""
    found = {}
    for path in sorted(folder.glob(".lock-*")):
        for pid, host, command, doing, since in _signatures(path):
            here = host == socket.gethostname() and pid != str(os.getpid())
            if here and doing == _WRITING and _may_live(pid, host):
                found[path.name.removeprefix(".lock-")] = f"{command} (process {pid}, since {since}) is {doing}"
    return found


def _was_left(path: Path) -> bool:
    """Whether all who signed a lock are processes of this computer that are gone."""
    rows = _signatures(path)
    return bool(rows) and not any(_may_live(pid, host) for pid, host, *_ in rows)


def _signatures(path: Path) -> list[list[str]]:
    try:
        rows = [line.split("\t") for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    except OSError:
        return []
    return [row for row in rows if len(row) == 5 and row[0].isdecimal()]


def _may_live(pid: str, host: str) -> bool:
    if host != socket.gethostname() or os.name == "nt":  # there, `kill` would end it
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
