"""`manifest.csv`: one row a film of the prepared dataset."""

import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from sys import intern

from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.files import write_table
from cxr_cli.workspace.folders import PARTS, DatasetFolder


@dataclass(frozen=True, slots=True)
class Film:
    """One film of a prepared dataset."""

    path: str  # of the image, from the dataset's folder, with forward slashes
    label: str
    split: str  # train, val or test
    patient: str  # empty where it isn't known
    group: str  # a patient's films, and exact copies; never in two parts, unless such parts were given
    source: str  # the name of the folder of the metadata file, or of the class folders
    view: str
    sex: str
    age: str
    finding: str
    location: str  # the hospital or place; empty where it isn't known
    sha256: str  # of the original image file
    phash: str  # of the film, 16 hex digits; see `phashes`
    original: str  # where the image was copied from


_COLUMNS = [column.name for column in fields(Film)]
_SHARED = {"label", "split", "patient", "group", "source", "view", "sex", "age", "finding", "location"}
_HINT = f"Make it again: {DatasetRecord.MADE_BY}"


def write_manifest(path: Path, films: Iterable[Film]) -> None:
    """Write the manifest."""
    values_of = attrgetter(*_COLUMNS)
    write_table(path, _COLUMNS, (dict(zip(_COLUMNS, values_of(film), strict=True)) for film in films))


def read_manifest(dataset: DatasetFolder) -> list[Film]:
    """All films of a prepared dataset.

    Raises:
        WorkspaceError: the manifest is missing or damaged.
    """
    try:
        with dataset.manifest.open(encoding="utf-8", newline="") as stream:
            return list(_films_in(csv.reader(stream), dataset.manifest))
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise WorkspaceError(f"Expected a manifest in {dataset.manifest}. Received: {error}.", hint=_HINT) from error


def _films_in(rows: Iterator[list[str]], manifest: Path) -> Iterator[Film]:
    header = next(rows, [])
    if header != _COLUMNS:
        raise WorkspaceError(
            f"Expected the columns {', '.join(_COLUMNS)} in {manifest}. Received: {', '.join(header)}.", hint=_HINT
        )
    split = _COLUMNS.index("split")
    for number, row in enumerate(filter(None, rows), start=1):
        if len(row) != len(_COLUMNS) or row[split] not in PARTS:
            raise WorkspaceError(
                f"Expected {len(_COLUMNS)} columns and a split of {', '.join(PARTS)} in row {number} of {manifest}. "
                f"Received: {', '.join(row)}.",
                hint=_HINT,
            )
        # What is the same in many rows is kept once.
        yield Film(*(intern(value) if name in _SHARED else value for name, value in zip(_COLUMNS, row, strict=True)))


def films_by_part(films: Iterable[Film], labels: Iterable[str]) -> dict[str, dict[str, int]]:
    """Count films: part -> label -> films."""
    counts = {part: dict.fromkeys(labels, 0) for part in PARTS}
    for film in films:
        counts[film.split][film.label] += 1
    return counts


def fingerprint(films: Iterable[Film], *, segment: str | None = None) -> str:
    """A SHA-256 over every film's content, label and part, whatever their order and names: 64 hex digits.

    Args:
        films: all of them.
        segment: the method by which the films show the lungs alone, of a dataset that does.
    """
    lines = sorted(f"{film.sha256} {film.label} {film.split}" for film in films)
    lines += [f"segment {segment}"] if segment else []
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
