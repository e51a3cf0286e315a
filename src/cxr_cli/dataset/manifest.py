"""`manifest.csv`: one row per film of the prepared dataset."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import WorkspaceError
from cxr_cli.films.inside import Inside
from cxr_cli.lungs.framing import Framing
from cxr_cli.workspace.folders import PARTS, DatasetFolder
from cxr_cli.workspace.records import read_record
from cxr_cli.workspace.tables import CsvTable


@dataclass(frozen=True, slots=True)
class Film:
    """One film of a prepared dataset."""

    path: str  # of the image, from the dataset's folder, with forward slashes
    label: str
    split: str  # train, val or test
    patient: str  # empty if unknown
    group: str  # films of a patient, and copies; never in two parts, unless such parts were given
    source: str  # the name of the folder of the metadata file, or of the class folders
    view: str
    sex: str
    age: str
    finding: str
    location: str  # the hospital or place; empty if unknown
    sha256: str  # of the original image file
    phash: str  # of the film, 16 hex digits; see `phashes`
    original: str  # where the image was copied from; for a DICOM film the copy itself, as its own path may name people


_TABLE = CsvTable(
    Film,
    made_by=DatasetRecord.MADE_BY,
    repeated={"label", "split", "patient", "group", "source", "view", "sex", "age", "finding", "location"},
)


def write_manifest(path: Path, films: Iterable[Film]) -> None:
    """Write the manifest."""
    _TABLE.write(path, films)


def read_manifest(dataset: DatasetFolder) -> list[Film]:
    """Read all films of a prepared dataset.

    Raises:
        WorkspaceError: the manifest is missing or damaged, or lists other films than the dataset's record knows.
    """
    films = _TABLE.read(dataset.manifest)
    leads_out = _PathCheck(dataset)
    for number, film in enumerate(films, start=1):
        if leads_out(film.path):
            raise WorkspaceError(
                f"Expected a path in {dataset.root} in row {number} of {dataset.manifest}. Received: {film.path!r}.",
                hint=f"Make it again: {DatasetRecord.MADE_BY}",
            )
        if film.split not in PARTS:
            raise WorkspaceError(
                f"Expected a split of {', '.join(PARTS)} in row {number} of {dataset.manifest}. "
                f"Received: {film.split!r}.",
                hint=f"Make it again: {DatasetRecord.MADE_BY}",
            )
    made = read_record(dataset.record, DatasetRecord)
    if dataset_fingerprint(films, made.framing) != made.fingerprint:
        raise WorkspaceError(
            f"Expected the films, classes and parts of {dataset.record} (fingerprint {made.fingerprint[:12]}) in "
            f"{dataset.manifest}. Received: others, {len(films)} films.",
            hint=f"Make it again: {DatasetRecord.MADE_BY}",
        )
    return films


class _PathCheck:
    """Tells which paths of a manifest lead out of the dataset; each folder is looked at once."""

    def __init__(self, dataset: DatasetFolder) -> None:
        self._root = dataset.root
        # A fold of a cross-validation refers to the films of its workspace's dataset.
        of_fold = dataset.root.parent.name.startswith("fold-") and len(dataset.root.parents) > 3
        self._inside = Inside([dataset.root.parents[3] / dataset.root.name] if of_fold else [])
        self._known: dict[str, bool] = {}

    def __call__(self, path: str) -> bool:
        folder, _, name = path.replace("\\", "/").rpartition("/")
        if folder not in self._known:
            out = path.startswith("/") or ".." in folder.split("/")
            self._known[folder] = out and not self._inside.has(str(self._root / folder))
        return self._known[folder] or name == ".."


def films_by_part(films: Iterable[Film], labels: Iterable[str]) -> dict[str, dict[str, int]]:
    """Count films: part -> label -> films."""
    counts = {part: dict.fromkeys(labels, 0) for part in PARTS}
    for film in films:
        counts[film.split][film.label] += 1
    return counts


def dataset_fingerprint(films: Iterable[Film], framing: Framing | None = None) -> str:
    """Hash the content, label and part of every film, independent of their order and names: a SHA-256 in 64 hex digits.

    Args:
        films: all of them.
        framing: what was done to the films. Defaults to None: they are whole.
    """
    lines = sorted(f"{film.sha256} {film.label} {film.split}" for film in films)
    lines += [msgspec.json.encode(framing).decode()] if framing else []
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
