"""Safe writes: a file or folder appears whole or not at all, and one writer at a time."""

import csv
import errno
import io
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cxr_cli.errors import WorkspaceError

_STAGE_PREFIX = ".staged-"
_ASIDE_PREFIX = ".aside-"


def read_bytes(path: Path, *, hint: str) -> bytes:
    """The content of `path`.

    Args:
        path: a file of the workspace.
        hint: what to do where it can't be read.

    Raises:
        WorkspaceError: it can't be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise WorkspaceError(f"Expected to read {path}. Received: {error.strerror}.", hint=hint) from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically; the folder is made when missing.

    Raises:
        WorkspaceError: the place can't be written to.
    """
    with whole_file(path) as stream:
        stream.write(data)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8 with the line ends it has."""
    write_bytes(path, text.encode("utf-8"))


def write_table(path: Path, columns: list[str], rows: Iterable[dict[str, object]]) -> None:
    """Write a CSV file of the workspace: a header, LF line ends, UTF-8."""
    with whole_file(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        text.detach()  # with all that it held back


@contextmanager
def growing_table(path: Path, columns: list[str]) -> Iterator[Callable[[Iterable[object]], None]]:
    """Write a CSV file row by row, as `write_table` does, into a sibling that becomes `path` when the block ends well.

    A block that ends otherwise leaves the rows so far in that sibling (see `partial`), and `path` as it was.

    Raises:
        WorkspaceError: the place can't be written to.
    """
    with _mended_by_user(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = partial(path).open("w", encoding="utf-8", newline="")
    writer = csv.writer(stream, lineterminator="\n")

    def write(row: Iterable[object]) -> None:
        with _mended_by_user(path):
            writer.writerow(row)

    with stream:
        write(columns)
        yield write
        with _mended_by_user(path):
            stream.flush()
            os.fsync(stream.fileno())
    with _mended_by_user(path):
        partial(path).replace(path)


def partial(path: Path) -> Path:
    """Where `growing_table` keeps the rows of `path` until it has them all."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


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
        stage = target.with_name(f"{_STAGE_PREFIX}{target.name}-{uuid.uuid4().hex}")
        stage.mkdir()
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


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A temporary sibling that becomes `path` when the block ends well; the folder is made when missing.

    Raises:
        WorkspaceError: the place can't be written to.
    """
    with _mended_by_user(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not mkstemp's, which only its owner may read: results are for colleagues too.
        stage = path.with_name(f"{_STAGE_PREFIX}{uuid.uuid4().hex}")
        try:
            with stage.open("xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            stage.replace(path)
        except BaseException:
            stage.unlink(missing_ok=True)
            raise


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
