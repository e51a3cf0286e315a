"""Safe writes: a file or folder appears whole or not at all, and one writer at a time."""

import csv
import errno
import io
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cxr_cli.errors import WorkspaceError

_STAGE_PREFIX = ".staged-"
_ASIDE_PREFIX = ".aside-"


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically; the folder is made when missing.

    Raises:
        WorkspaceError: the place can't be written to.
    """
    with _mended_by_user(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_STAGE_PREFIX)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            # mkstemp makes files that only their owner reads; results are for colleagues too.
            Path(name).chmod(0o666 & ~_umask())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8 with the line ends it has."""
    write_bytes(path, text.encode("utf-8"))


def write_table(path: Path, columns: list[str], rows: Iterable[dict[str, object]]) -> None:
    """Write a CSV file of the workspace: a header, LF line ends, UTF-8."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A temporary sibling that becomes `target` when the block ends well; else `target` stays as it was.

    The caller holds the workspace's lock, so siblings left by a killed process are nobody's and are removed.

    Raises:
        WorkspaceError: the place can't be written to.
    """
    with _mended_by_user(target):
        if target.exists() and not target.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "a file is in its place")
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_up(target.parent)
        stage = Path(tempfile.mkdtemp(dir=target.parent, prefix=f"{_STAGE_PREFIX}{target.name}-"))
        stage.chmod(0o777 & ~_umask())
    try:
        yield stage
        with _mended_by_user(target):
            _swap(stage, target)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold `folder` for one writer.

    Raises:
        WorkspaceError: another process holds it, or it can't be written to.
    """
    import filelock

    with _mended_by_user(folder):
        folder.mkdir(parents=True, exist_ok=True)
        held = filelock.FileLock(folder / ".lock", timeout=0)
        try:
            held.acquire()
        except filelock.Timeout:
            raise WorkspaceError(
                f"Expected {folder} to be free. Received: another cxr command is writing there.",
                hint="Wait for it to end, or name another workspace: --workspace DIR",
            ) from None
    try:
        yield
    finally:
        held.release()


def _swap(stage: Path, target: Path) -> None:
    # A folder can't be replaced in one call: the old one steps aside first, and comes back if the new one can't go in.
    if not target.exists():
        stage.rename(target)
        return
    aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=_ASIDE_PREFIX))
    old = target.rename(aside / target.name)
    try:
        stage.rename(target)
    except OSError:
        old.rename(target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _clear_up(folder: Path) -> None:
    """Remove what killed processes left; a folder that had stepped aside for one that never came goes back."""
    for old in folder.glob(f"{_ASIDE_PREFIX}*/*"):
        if not (folder / old.name).exists():
            old.rename(folder / old.name)
    for stale in [*folder.glob(f"{_STAGE_PREFIX}*/"), *folder.glob(f"{_ASIDE_PREFIX}*/")]:
        shutil.rmtree(stale, ignore_errors=True)


@contextmanager
def _mended_by_user(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorkspaceError(
            f"Expected to write to {path}. Received: {error.strerror or error}.",
            hint="Check the folder's permissions and free space, or name another place",
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
