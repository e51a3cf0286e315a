"""Cells of CSV files: text that a spreadsheet would run as a formula is written so that it is shown as text.

An apostrophe goes before it, as OWASP advises for CSV injection, and reading takes it away again. Text that already has
apostrophes there gets one more, so that every text is read back as it was. Numbers stay numbers.
"""

import csv
import re
from collections.abc import Iterable
from typing import TextIO, TypedDict


class _TextOptions(TypedDict):
    encoding: str
    errors: str
    newline: str


# How CSV files are opened for writing. A byte of a file name that is not UTF-8 is written as `\\xff`.
CSV_TEXT = _TextOptions(encoding="utf-8", errors="backslashreplace", newline="")
# With the wide forms that Japanese and Chinese keyboards type.
_RUNS = "=+\\-@\t\r＝＋－＠"
# Excel takes semicolons for the ends of cells where the comma is the decimal sign.
_ENDS = ";\t\r\n"
_NUMBER = rf"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?:[{_ENDS}]|\Z)"
_START, _FORMULA = rf"(?<![^{_ENDS}])", rf"(?!{_NUMBER})[{_RUNS}]"
_RUNNABLE = re.compile(rf"{_START}'*(?={_FORMULA})")
_ESCAPED = re.compile(rf"{_START}'(?='*{_FORMULA})")
_FIRST = frozenset(_RUNS.replace("\\", "") + "'")


class CellWriter:
    """Writes the rows of a CSV file: LF line ends, no cell that a spreadsheet would run.

    Args:
        stream: opened with ``newline=""``.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        # With LF here, it would not quote a cell with CR in it, which then reads as two rows.
        self._writer = csv.writer(self, lineterminator="\r\n")

    def row(self, values: Iterable[object]) -> None:
        """Write one row: text, numbers, truth values, and None as an empty cell."""
        self._writer.writerow([to_cell(value) if isinstance(value, str) else value for value in values])

    def rows(self, rows: Iterable[Iterable[object]]) -> None:
        """Write several rows."""
        for values in rows:
            self.row(values)

    def write(self, line: str) -> int:
        """Take a line from the CSV writer, which writes each row in one piece."""
        return self._stream.write(line.removesuffix("\r\n") + "\n")


def to_cell(value: str) -> str:
    """What to write for `value`, so that a spreadsheet shows it as text; see `from_cell` for the way back."""
    if not value or (value[0] not in _FIRST and ";" not in value and value.isprintable()):
        return value
    return _RUNNABLE.sub(r"'\g<0>", value)


def from_cell(cell: str) -> str:
    """The text of which `to_cell` made `cell`. A cell without its apostrophe, of an older file, is the text itself."""
    return _ESCAPED.sub("", cell) if "'" in cell else cell
