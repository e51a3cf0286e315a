"""Read a metadata file row by row: the columns of the ieee8023 schema, every value as text."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cxr_cli.dataset.csv_file import open_csv
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


@dataclass(frozen=True)
class Table:
    """A metadata file."""

    path: Path
    columns: list[str]  # of the schema, that the file has
    rows: Iterator[dict[str, str]]  # column -> value; can be iterated once, and raises MetadataError
    notes: list[str]  # what to know about how it was read, in sentences


def read_table(path: Path) -> Table:
    """Open one metadata file.

    Raises:
        MetadataError: the file can't be read, lacks `filename` or `finding`, or has a column twice.
    """
    file = open_csv(path, known=lambda header: len(_schema_columns(header)), hint=_HINT)
    columns = _schema_columns(file.header)
    missing = [column for column in _REQUIRED if column not in columns]
    if missing:
        raise MetadataError(
            f"Expected the columns {', '.join(_REQUIRED)} in {path}. Received: {', '.join(filter(None, file.header))}.",
            hint=f"Rename or add the column{'s' * (len(missing) > 1)} {', '.join(missing)}",
        )
    refuse_twins(path, file.header, columns)
    names = list(columns)
    rows = (dict(zip(names, values, strict=True)) for values in file.rows(list(columns.values())))
    return Table(path, names, rows, file.notes + _chosen(path, file.header, columns))


def names_in(finding: str) -> list[str]:
    """Split a finding into the names in it: ``Pneumonia/Viral/COVID-19`` has three."""
    return [name.strip() for name in re.split(r"[,/;|]", finding)]


def refuse_twins(path: Path, header: Sequence[str], columns: dict[str, int]) -> None:
    """Refuse a file with two columns of a name that is used: one of them would give films the wrong class.

    Args:
        path: of the file.
        header: its names.
        columns: the places of those that are used, by what they are.

    Raises:
        MetadataError: one of these names is there twice.
    """
    names = [folded(column) for column in header]
    times = Counter(names)
    for column, place in columns.items():
        if times[names[place]] > 1:
            places = [str(number) for number, name in enumerate(names, start=1) if name == names[place]]
            raise MetadataError(
                f"Expected one column for {column} in {path}. Received: {header[place]!r} as columns "
                f"{' and '.join(places)}.",
                hint="Rename or remove all but one of them",
            )


def _chosen(path: Path, header: Sequence[str], columns: dict[str, int]) -> list[str]:
    """Say which column was taken where several could be meant and none has the exact name."""
    names = [folded(column) for column in header]
    notes = []
    for column, place in columns.items():
        others = [header[names.index(name)] for name in _SYNONYMS.get(column, ()) if name in names]
        if names[place] != column and len(others) > 1:
            rest = ", ".join(other for other in others if other != header[place])
            notes.append(f"The {column} in {path} is the column {header[place]}, not {rest}.")
    return notes


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
