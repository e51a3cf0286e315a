"""Which films a run knows from its training: the very films, near-twins of them, and other films of their patients."""

import csv
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cxr_cli.dataset.duplicates import find_twins
from cxr_cli.dataset.manifest import Film, read_manifest
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import WorkspaceError
from cxr_cli.evaluation.record import SeenFilms
from cxr_cli.films.phash import SIDE, distances
from cxr_cli.prediction.predictor import Predictor
from cxr_cli.workspace.folders import DatasetFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record

FILM, TWIN, PATIENT = "film", "twin", "patient"
# Bits of 64. No film of 300 of NIH's is so close to one of ieee8023's 524; those saved anew or resized are.
_ALIKE = 4


class _Known(NamedTuple):
    """A film that a run was trained or validated on."""

    sha256: str
    phash: str
    group: str
    patient: str
    source: str


def find_kin(
    workspace: Workspace,
    predictor: Predictor,
    films: Sequence[Film],
    small: np.ndarray,
) -> list[str] | None:
    """Say of each film how the run knows it: film, twin, patient, or empty where it doesn't.

    A patient is known by his name and that of his films' source, so that sources of one name should be one.

    Args:
        workspace: where the prepared dataset is, that may be the run's.
        predictor: the run.
        films: of any dataset.
        small: (N, 96, 96) uint8, their small pictures.

    Returns:
        None where it can't be known: the run has no record of its films, and the prepared dataset is another.

    Raises:
        WorkspaceError: the run's record of its films, or the manifest, is damaged.
    """
    found = _known_to(workspace, predictor)
    if found is None:
        return None
    known, pictures = found
    digests = {film.sha256 for film in known}
    patients = {(film.source, film.patient) for film in known if film.patient}
    groups = {film.group for film in known}
    twins = _alike(known, films) if pictures is None else _twins(known, pictures, films, small)

    def kin(film: Film) -> str:
        if film.sha256 in digests:
            return FILM
        if film.sha256 in twins:
            return TWIN
        return PATIENT if (film.source, film.patient) in patients or film.group in groups else ""

    return [kin(film) for film in films]


def count_kin(kin: Sequence[str], *, dropped: bool) -> SeenFilms:
    """How many films are known, and how."""
    counts = Counter(kin)
    return SeenFilms(films=counts[FILM], twins=counts[TWIN], patients=counts[PATIENT], dropped=dropped)


def _twins(known: Sequence[_Known], pictures: np.ndarray, films: Sequence[Film], small: np.ndarray) -> set[str]:
    """The digests of films that are near twins of known ones."""
    digests = [*(film.sha256 for film in known), *(film.sha256 for film in films)]
    pairs = find_twins(digests, np.concatenate([pictures, small]))
    return {digests[pair.second] for pair in pairs if pair.first < len(known) <= pair.second}


def _alike(known: Sequence[_Known], films: Sequence[Film]) -> set[str]:
    """The same from the hashes alone, where the known films' pictures are gone."""
    hashes = np.array([int(film.phash, 16) for film in known], np.uint64)
    asked = np.array([int(film.phash, 16) for film in films], np.uint64)
    return {
        film.sha256 for film, one in zip(films, asked[:, None], strict=True) if distances(one, hashes).min() <= _ALIKE
    }


def _known_to(workspace: Workspace, predictor: Predictor) -> tuple[list[_Known], np.ndarray | None] | None:
    """The run's training and validation films, and their small pictures where they are still there."""
    path, dataset = predictor.run.seen, workspace.dataset
    if dataset.record.is_file():
        made = read_record(dataset.record, DatasetRecord)
        if made.fingerprint == predictor.record.dataset_fingerprint:
            films = read_manifest(dataset)
            places = [place for place, film in enumerate(films) if film.split != "test"]
            known = [_Known(*(getattr(films[place], name) for name in _Known._fields)) for place in places]
            return known, small_of(dataset, places)
    if not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return [_Known(*(row[name] for name in _Known._fields)) for row in csv.DictReader(stream)], None
    except (OSError, csv.Error, KeyError, ValueError) as error:
        raise WorkspaceError(
            f"Expected the run's films in {path}. Received: {error!r}.", hint="Train the run again"
        ) from error


def small_of(dataset: DatasetFolder, places: Sequence[int]) -> np.ndarray:
    """The small pictures of some films of a dataset, (N, 96, 96) uint8, by their places in the manifest.

    Raises:
        WorkspaceError: they are missing or damaged.
    """
    try:
        pictures = np.load(dataset.small, mmap_mode="r")
        if pictures.shape[1:] != (SIDE, SIDE):
            raise ValueError(f"pictures of {pictures.shape[1:]} pixels")
        return np.asarray(pictures[places])
    except (OSError, ValueError, IndexError) as error:
        raise WorkspaceError(
            f"Expected the films' small pictures in {dataset.small}. Received: {error}.",
            hint=f"Make them again: {DatasetRecord.MADE_BY}",
        ) from error
