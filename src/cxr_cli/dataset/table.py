"""Read a metadata file row by row: the columns of the ieee8023 schema, every value as text."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from pathlib import Path

from cxr_cli.errors import MetadataError

# Other names of a column, in other releases and collections.
_SYNONYMS = {
    "patientid": ("patient", "subjectid"),
    "filename": ("file", "image", "imagename", "imagefile"),
    "finding": ("findings", "diagnosis", "label"),
}
_REQUIRED = ("filename", "finding")
_USED = ("patientid", "sex", "age", "finding", "view", "modality", "location", "folder", "filename")
_HINT = "Give a CSV file with at least the columns filename and finding: cxr prepare --metadata FILE"
_END = "\0"  # no metadata file has it


@dataclass(frozen=True)
class Table:
    """A metadata file."""

    path: Path
    columns: list[str]  # of the schema, that the file has
    rows: Iterator[dict[str, str]]  # column -> value, stripped; can be iterated once

    def __iter__(self) -> Iterator[dict[str, str]]:
        """The rows.

        Raises:
            MetadataError: the next line is not CSV, or has more values than the header has names.
        """
        try:
            yield from self.rows
        except (ValueError, csv.Error) as error:
            raise _no_table(self.path, error) from error


def read_table(path: Path) -> Table:
    """Open one metadata file.

    Raises:
        MetadataError: the file can't be read or lacks `filename` or `finding`.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MetadataError(f"Expected a metadata file. Received: {path}: {error.strerror}.", hint=_HINT) from error
    try:
        records = _records(data)
        header = [_line(value) for value in next(records, [])]
        if not header:
            raise ValueError("it has no columns")
    except (ValueError, csv.Error) as error:
        raise _no_table(path, error) from error
    columns = _schema_columns(header)
    missing = [column for column in _REQUIRED if column not in columns]
    if missing:
        raise MetadataError(
            f"Expected the columns {', '.join(_REQUIRED)} in {path}. Received: {', '.join(filter(None, header))}.",
            hint="Save it with commas between the columns"
            if len(header) == 1 and re.search("[;\t]", header[0])
            else f"Rename or add the column{'s' * (len(missing) > 1)} {', '.join(missing)}",
        )
    return Table(path, list(columns), _rows(records, columns, width=len(header)))


def _rows(records: Iterable[list[str]], columns: Mapping[str, int], *, width: int) -> Iterator[dict[str, str]]:
    values_of = itemgetter(*columns.values())
    for number, record in enumerate(records, start=1):
        if len(record) < width:
            record += [""] * (width - len(record))
        elif any(map(str.strip, record[width:])):
            raise ValueError(f"row {number} has more than the header's {width} columns")
        yield dict(zip(columns, map(_line, values_of(record)), strict=True))


def _records(data: bytes) -> Iterator[list[str]]:
    """The values of each line that isn't blank.

    Raises:
        ValueError: not text, or a quote is not closed.
        csv.Error: not CSV.
    """
    if b"\0" in data:
        raise ValueError("it is not text")
    try:
        data.decode()
        encoding = "utf-8-sig"
    except UnicodeDecodeError:
        encoding = "latin-1"
    lines = io.TextIOWrapper(io.BytesIO(data), encoding, newline="")
    reader = csv.reader(chain(lines, [_END]), skipinitialspace=True)
    start = 1
    for record in reader:
        if record and record[-1].endswith(_END):
            if record != [_END]:
                raise ValueError(f"a quote in line {start} or later is not closed")
            return
        start = reader.line_num + 1
        if len(record) > 1 or (record and record[0].strip()):
            yield record


def _line(value: str) -> str:
    """`value` without surrounding spaces and inner line breaks, so that it fits on a line of the manifest."""
    value = value.strip()
    return re.sub(r"[\r\n]+", " ", value) if "\n" in value or "\r" in value else value


def _no_table(path: Path, error: Exception) -> MetadataError:
    return MetadataError(f"Expected a CSV file with a header. Received: {path}: {error}.", hint=_HINT)


def _schema_columns(header: Sequence[str]) -> dict[str, int]:
    """Find the columns of the schema: the first with the exact name, else the first with an alias of it."""
    names = [folded(column) for column in header]
    columns = {}
    for name in _USED:
        places = [names.index(known) for known in (name, *_SYNONYMS.get(name, ())) if known in names]
        if places:
            columns[name] = places[0] if names[places[0]] == name else min(places)
    return columns


@lru_cache(maxsize=10_000)
def folded(text: str) -> str:
    """`text` without case, spaces, hyphens and other signs, for comparison."""
    return re.sub(r"[^a-z0-9]+", "", text.casefold())
