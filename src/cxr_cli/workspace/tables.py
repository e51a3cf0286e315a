"""CSV files of the workspace: the columns are the fields of a row type, declared once, read and written with types."""

import csv
import io
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from sys import intern
from types import NoneType
from typing import Any, Generic, Literal, TextIO, TypeVar, get_args, get_origin, get_type_hints

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.cells import CSV_TEXT, CellWriter, from_cell
from cxr_cli.workspace.files import growing_table
from cxr_cli.workspace.reading import steadily
from cxr_cli.workspace.staging import whole_file

R = TypeVar("R")
_TRUTH = {"True": True, "False": False}
_CELLS: dict[Any, Callable[[str], Any]] = {str: from_cell, int: int, float: float, bool: _TRUTH.__getitem__}


class CsvTable(Generic[R]):
    """One kind of CSV file: UTF-8, LF line ends, a header, an empty cell for None, formulas as text (see `cells`).

    Args:
        row: a dataclass, NamedTuple or msgspec.Struct. Its fields are str, int, float, bool, a Literal of strings, or
            one of these or None. A field `class_` is the column `class`, which is not a valid name in Python.
        made_by: the command that writes the file, named when it can't be read.
        repeated: columns whose values are the same in many rows; each value is kept in memory once.
    """

    def __init__(self, row: type[R], *, made_by: str, repeated: Collection[str] = ()) -> None:
        hints = get_type_hints(row)
        self.row = row
        self.made_by = made_by
        self._fields = [name for name in hints if not name.startswith("_")]
        unknown = set(repeated) - set(self._fields)
        if unknown:
            raise TypeError(f"Expected columns of {row.__name__}. Received: {', '.join(sorted(unknown))}.")
        self.columns = [name.removesuffix("_") for name in self._fields]
        self._cells = [_reader(hints[name], repeated=name in repeated) for name in self._fields]
        self._values = attrgetter(*self._fields)

    def write(self, path: Path, rows: Iterable[R]) -> None:
        """Write `path` atomically.

        Raises:
            WorkspaceError: the place can't be written to.
        """
        with whole_file(path) as stream:
            text = io.TextIOWrapper(stream, **CSV_TEXT)
            writer = CellWriter(text)
            writer.row(self.columns)
            writer.rows(map(self._values, rows))
            text.detach()  # flushes what it held back, and leaves the file open

    def to(self, stream: TextIO) -> Callable[[R], None]:
        """Write the header to an open stream; what is returned writes a row."""
        writer = CellWriter(stream)
        writer.row(self.columns)
        return lambda row: writer.row(self._values(row))

    @contextmanager
    def growing(self, path: Path) -> Iterator[Callable[[R], None]]:
        """Write `path` row by row, as `growing_table` does.

        Raises:
            WorkspaceError: the place can't be written to.
        """
        with growing_table(path, self.columns) as write:
            yield lambda row: write(self._values(row))

    def read(self, path: Path) -> list[R]:
        """All rows of `path`.

        Raises:
            WorkspaceError: the file is missing or damaged, or has other columns than this version writes.
        """
        hint = f"Make it again: {self.made_by}"
        try:
            with steadily(path, lambda: path.open(encoding="utf-8", newline="")) as stream:
                rows = csv.reader(stream)
                header = next(rows, [])
                if header != self.columns:
                    raise WorkspaceError(
                        f"Expected the columns {', '.join(self.columns)} in {path}. Received: {', '.join(header)}.",
                        hint=hint,
                    )
                return [self._parse(row, number, path, hint) for number, row in enumerate(filter(None, rows), start=1)]
        except (OSError, csv.Error, UnicodeDecodeError) as error:
            raise WorkspaceError(f"Expected a table in {path}. Received: {error}.", hint=hint) from error

    def _parse(self, row: list[str], number: int, path: Path, hint: str) -> R:
        try:
            values = (cell(text) for cell, text in zip(self._cells, row, strict=True))
            return self.row(**dict(zip(self._fields, values, strict=True)))
        except (ValueError, KeyError) as error:
            raise WorkspaceError(
                f"Expected {len(self.columns)} values for {', '.join(self.columns)} in row {number} of {path}. "
                f"Received: {', '.join(row)}.",
                hint=hint,
            ) from error


def _reader(kind: Any, *, repeated: bool) -> Callable[[str], Any]:
    """What turns a cell's text into a value of `kind`."""
    if get_origin(kind) is Literal:
        return {value: value for value in get_args(kind)}.__getitem__
    if kind in _CELLS:
        return (lambda cell: intern(from_cell(cell))) if repeated and kind is str else _CELLS[kind]
    options = [option for option in get_args(kind) if option is not NoneType]
    if len(options) != 1 or NoneType not in get_args(kind):
        raise TypeError(
            f"Expected a column of str, int, float, bool, Literal, or one of these or None. Received: {kind}."
        )
    inner = _reader(options[0], repeated=repeated)
    return lambda text: inner(text) if text else None
