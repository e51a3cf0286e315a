"""Read a CSV file that a person gives: its encoding and separator are found, and what is no table is refused in words.

Spreadsheets save tables in many dialects: commas, semicolons or tabs, with a first line ``sep=;``, in UTF-8 with or
without BOM, in UTF-16, or in the code page of Windows. All are read. Nothing is left out silently.
"""

import csv
import glob
import io
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from cxr_cli.errors import MetadataError
from cxr_cli.nearest import nearest_path

_LARGEST = 1 << 30  # bytes: four million rows of the ieee8023 collection
_LONGEST = 100_000  # bytes of a header
_SEPARATORS = (",", ";", "\t")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_ARCHIVES = (b"PK\3\4", b"\xd0\xcf\x11\xe0")  # the first bytes of .xlsx and .ods, and of .xls
_CONTROL = re.compile(r"[\0-\x1f\x7f-\x9f\u2028\u2029]+")
_END = "\0"  # no text file has it


@dataclass(frozen=True)
class CsvFile:
    """A CSV file that was opened. Values have no space around them, and one in place of control characters."""

    path: Path
    header: list[str]
    notes: list[str]  # what to know about how it was read, in sentences
    hint: str
    records: Iterator[list[str]]  # of the lines after the header, as they are

    def rows(self, columns: Sequence[int]) -> Iterator[list[str]]:
        """The values of some columns, counted from 0, row by row; those that a short row lacks are empty.

        Can be called once.

        Raises:
            MetadataError: the next row can't be read, or has more values than the header has names.
        """
        width = len(self.header)
        try:
            for number, record in enumerate(self.records, start=1):
                if len(record) < width:
                    record += [""] * (width - len(record))
                elif any(map(str.strip, record[width:])):
                    raise ValueError(f"row {number} has more than the header's {width} columns")
                yield [_line(record[column]) for column in columns]
        except ValueError as error:
            raise _no_table(self.path, error, self.hint) from error


def open_csv(path: Path, *, known: Callable[[Sequence[str]], int], hint: str) -> CsvFile:
    """Open a CSV file.

    Args:
        path: of the file.
        known: how many columns of a header have a known name. The separator with the most is the file's.
        hint: what the user can do if it can't be read.

    Raises:
        MetadataError: the file can't be read, is no table, or is too large.
    """
    try:
        data = _contents(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path, or what `_contents` says
        reason = getattr(error, "strerror", None) or error
        raise MetadataError(
            f"Expected a CSV file. Received: {path}: {reason}.", hint=_file_meant(path, hint)
        ) from error
    try:
        data, encoding = _as_text(data)
        separator, lines = _separator(data, encoding)
        separators = (separator,) if separator else _SEPARATORS
        headers = [_header(_records(data, encoding, skip=lines, separator=one)) for one in separators]
        best = max(range(len(separators)), key=lambda place: known(headers[place]))
        if not headers[best]:
            raise ValueError("it has no columns")
    except ValueError as error:
        raise _no_table(path, error, hint) from error
    records = _records(data, encoding, skip=lines, separator=separators[best])
    next(records)
    notes = []
    if encoding in _GUESSED:
        notes.append(f"{path} is not UTF-8, so it was read as {_GUESSED[encoding]}. Check names with accents.")
    return CsvFile(path, headers[best], notes, hint, records)


_GUESSED = {"cp1252": "Windows-1252", "latin-1": "Latin-1"}


def _contents(path: Path) -> bytes:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise ValueError("it is a pipe or a device, not a file")
    if status.st_size > _LARGEST and not stat.S_ISDIR(status.st_mode):
        raise ValueError(f"it has {status.st_size / 2**30:.1f} GB, more than {_LARGEST / 2**30:.0f} GB; split it")
    return path.read_bytes()


def _as_text(data: bytes) -> tuple[bytes, str]:
    """The bytes, and their encoding.

    Raises:
        ValueError: they are not text.
    """
    if data.startswith(_ARCHIVES):
        raise ValueError("it is a workbook or an archive; save the table as CSV")
    start = data[:2000]
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        utf16 = "utf-16"
    elif start[1::2].count(0) > len(start) // 4 and not start[::2].count(0):
        utf16 = "utf-16-le"
    elif start[::2].count(0) > len(start) // 4 and not start[1::2].count(0):
        utf16 = "utf-16-be"
    else:
        utf16 = ""
    if utf16:
        try:
            data = data.decode(utf16).encode()
        except UnicodeError:
            raise ValueError("it begins like UTF-16, and is not") from None
    if (place := data.find(0)) >= 0:
        raise ValueError(f"it is not text: line {data.count(10, 0, place) + 1} has a NUL character")
    for encoding in ("utf-8", "cp1252"):
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return data, "utf-8-sig" if encoding == "utf-8" else encoding
    return data, "latin-1"


def _stream(data: bytes, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(data), encoding, newline="")


def _separator(data: bytes, encoding: str) -> tuple[str, int]:
    """The separator that Excel's first line names, and the number of lines before the header; nothing, and 0."""
    line = _SEPARATOR_LINE.fullmatch(_stream(data, encoding).readline(20))
    return (line[1], 1) if line else ("", 0)


def _header(records: Iterator[list[str]]) -> list[str]:
    return [_line(value) for value in next(records, [])]


def _records(data: bytes, encoding: str, *, skip: int, separator: str) -> Iterator[list[str]]:
    """The values of each line that isn't blank.

    Raises:
        ValueError: a quote is not closed, or a value is too long.
    """
    lines = _stream(data, encoding)
    for _ in range(skip):
        lines.readline()
    reader = csv.reader(chain(lines, [_END]), delimiter=separator, skipinitialspace=True)
    start = 1 + skip
    while True:
        try:
            record = next(reader)
        except csv.Error:
            limit = csv.field_size_limit()
            raise ValueError(
                f"line {start} has a value of more than {limit:,} characters; perhaps a quote is not closed"
            ) from None
        if record and record[-1].endswith(_END):
            if record != [_END]:
                raise ValueError(f"a quote in line {start} or later is not closed")
            return
        start = reader.line_num + 1 + skip
        if len(record) > 1 or (record and record[0].strip()):
            yield record


def _line(value: str) -> str:
    value = value.strip()
    return value if value.isprintable() else _CONTROL.sub(" ", value).strip()


def _file_meant(path: Path, hint: str) -> str:
    """The CSV file that was probably meant by a folder, or by a path at which nothing is."""
    if path.is_dir():
        tables = sorted(path.glob("*.csv"))
        return f"Did you mean {tables[0]}?" if tables else hint
    if glob.has_magic(path.name) and path.parent.is_dir():  # in quotes, so that no shell wrote it out
        tables = sorted(path.parent.glob(path.name))
        return f"Did you mean {tables[0]}?" if tables else hint
    meant = None if path.exists() else nearest_path(path)
    return f"Did you mean {meant}?" if meant and (meant.is_dir() or _has_findings(meant)) else hint


def _has_findings(path: Path) -> bool:
    """Whether a file may be metadata, and isn't a table of predictions, for example."""
    try:
        with path.open("rb") as stream:
            return b"finding" in stream.readline(_LONGEST).lower()
    except OSError:
        return False


def _no_table(path: Path, error: Exception, hint: str) -> MetadataError:
    return MetadataError(f"Expected a CSV file with a header. Received: {path}: {error}.", hint=hint)
