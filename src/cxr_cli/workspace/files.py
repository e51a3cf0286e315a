"""Safe writes of files: a file appears complete or not at all, and a full disk costs nothing that was there.

What is being written is a hidden sibling, `.staged-…`, that is renamed when it is complete; see `staging`.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from cxr_cli.progress import note
from cxr_cli.workspace.cells import CSV_TEXT, CellWriter
from cxr_cli.workspace.faults import write_errors
from cxr_cli.workspace.staging import refuse_special, whole_file


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically, and create its folder if it is missing.

    Raises:
        WorkspaceError: the file can't be written.
    """
    with whole_file(path) as stream:
        stream.write(data)


def write_free(path: Path, data: bytes) -> Path:
    """Write `data` to `path` or, where there is another file, under the next free name: film-2.png for film.png.

    A file that has this very content is left as it is: the same command again writes nothing new.

    Returns:
        Where the content is.

    Raises:
        WorkspaceError: the file can't be written.
    """
    for name in free_names(path.stem):
        place = path.with_name(f"{name}{path.suffix}")
        with write_errors(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                place.open("xb").close()  # takes the name, also before another command that looks for one now
            except FileExistsError:
                if place.is_file() and place.read_bytes() == data:
                    return place
                continue
        try:
            write_bytes(place, data)
        except BaseException:
            place.unlink(missing_ok=True)
            raise
        return place
    raise AssertionError("numbers don't end")


def free_names(name: str) -> Iterator[str]:
    """The names to try for something that may not replace another: film, film-2, film-3 and so on."""
    yield name
    for number in count(2):
        yield f"{name}-{number}"


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8, line ends unchanged, with backslashes for what is not Unicode."""
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


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

    If the block fails, `path` is unchanged and the rows written so far stay in that sibling (see `partial`). Such rows
    of an earlier table are kept under the next free name: answers.partial-2.csv.

    Raises:
        WorkspaceError: the file can't be written.
    """
    with write_errors(path):
        refuse_special(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        _keep_earlier(partial(path))
        stream = partial(path).open("x", **CSV_TEXT)
    writer = CellWriter(stream)

    def write(row: Iterable[object]) -> None:
        with write_errors(path):
            writer.row(row)
            stream.flush()  # a process that is killed keeps its rows

    try:
        write(columns)
        yield write
        with write_errors(path):
            stream.flush()
            os.fsync(stream.fileno())
    finally:
        with write_errors(path):
            stream.close()  # which writes what is left
    with write_errors(path):
        partial(path).replace(path)


def _keep_earlier(rows: Path) -> None:
    """Give the rows of an interrupted table another name. A link, perhaps to something that is not ours, is removed."""
    if rows.is_symlink() or not rows.is_file():
        rows.unlink(missing_ok=True)
        return
    places = (rows.with_name(f"{name}{rows.suffix}") for name in free_names(rows.stem))
    kept = next(place for place in places if not os.path.lexists(place))
    rows.rename(kept)
    note(f"The rows of an earlier command that was interrupted are kept: {kept}")


def partial(path: Path) -> Path:
    """Name the file in which `growing_table` keeps the rows of `path` until it has all of them."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")
