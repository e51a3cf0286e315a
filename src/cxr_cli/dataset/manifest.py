"""`manifest.csv`: one row a film of the prepared dataset."""

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.files import write_table
from cxr_cli.workspace.layout import PARTS, DatasetFolder
from cxr_cli.workspace.records import DatasetRecord


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
    sha256: str  # of the original image file
    original: str  # where the image was copied from


_COLUMNS = [column.name for column in fields(Film)]


def write_manifest(path: Path, films: Iterable[Film]) -> None:
    """Write the manifest."""
    write_table(path, _COLUMNS, (asdict(film) for film in films))


def read_manifest(dataset: DatasetFolder) -> list[Film]:
    """All films of a prepared dataset.

    Raises:
        WorkspaceError: the manifest is missing or damaged.
    """
    hint = f"Make it again: {DatasetRecord.MADE_BY}"
    try:
        with dataset.manifest.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            rows, header = list(reader), list(reader.fieldnames or [])
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise WorkspaceError(f"Expected a manifest in {dataset.manifest}. Received: {error}.", hint=hint) from error
    if header != _COLUMNS:
        raise WorkspaceError(
            f"Expected the columns {', '.join(_COLUMNS)} in {dataset.manifest}. Received: {', '.join(header)}.",
            hint=hint,
        )
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values() or row["split"] not in PARTS:
            raise WorkspaceError(
                f"Expected {len(_COLUMNS)} columns and a split of {', '.join(PARTS)} in row {number} of "
                f"{dataset.manifest}. Received: {row}.",
                hint=hint,
            )
    return [Film(**row) for row in rows]


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
