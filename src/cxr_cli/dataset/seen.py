"""`seen.csv`: the films that a run was trained and validated on; and whether a film is one of them, or a copy."""

import csv
import hashlib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cxr_cli.dataset.manifest import Film
from cxr_cli.errors import WorkspaceError
from cxr_cli.films.phash import (
    CROPS,
    SURE_COPY,
    Box,
    descriptors,
    distances,
    match,
    phashes,
    shrink,
    spectra,
    spectra_of_crops,
)
from cxr_cli.workspace.files import write_table
from cxr_cli.workspace.folders import DatasetFolder, RunFolder
from cxr_cli.workspace.layout import TRAIN_COMMAND

FILM, TWIN, MAYBE_TWIN = "film", "twin", "maybe twin"
# A film may be cropped against the one that was seen, or that one against it.
_CROPS: tuple[Box, ...] = (*CROPS, *((-left, -top, -right, -bottom) for left, top, right, bottom in CROPS[1:]))
# Bits of 64, of the best of all crops: of 400 altered copies of real films, 98 in 100 were as close.
_CANDIDATE = 8
_FITTED = 4  # of the candidates, the nearest
_CLOSE = 0.94  # descriptors of those that are worth fitting, which takes 1 to 3 ms
_ALIKE = 3  # bits of 64, of whole films: of 1.2 million pairs of real films that are no copies, two are as close


class SeenFilm(NamedTuple):
    """A film that a run was trained or validated on."""

    part: str  # train or val
    sha256: str
    phash: str
    group: str
    patient: str
    source: str
    place: str  # its row in the dataset's manifest, from 0: where its small picture is


def write_seen(path: Path, films: Iterable[Film]) -> None:
    """Write what a run was trained and validated on.

    Args:
        path: of the run's `seen.csv`.
        films: all of the dataset's manifest, in its order.
    """
    rows = (
        SeenFilm(film.split, film.sha256, film.phash, film.group, film.patient, film.source, str(place))
        for place, film in enumerate(films)
        if film.split != "test"
    )
    write_table(path, list(SeenFilm._fields), (row._asdict() for row in rows))


def read_seen(run: RunFolder) -> list[SeenFilm] | None:
    """What a run was trained and validated on; None for a run of before that was written.

    Raises:
        WorkspaceError: the file is damaged.
    """
    if not run.seen.is_file():
        return None
    try:
        with run.seen.open(encoding="utf-8", newline="") as stream:
            rows = csv.reader(stream)
            if next(rows, []) != list(SeenFilm._fields):
                raise ValueError(f"its columns are not {', '.join(SeenFilm._fields)}")
            return [SeenFilm(*row) for row in rows]
    except (OSError, csv.Error, ValueError, TypeError) as error:
        raise WorkspaceError(
            f"Expected the films that {run.name} was trained on in {run.seen}. Received: {error}.",
            hint=f"Make it again: {TRAIN_COMMAND}",
        ) from error


class Seen:
    """The films that a run has seen, to look films up in."""

    def __init__(self, films: list[SeenFilm], dataset: DatasetFolder) -> None:
        """Nothing but the hashes is made of them yet.

        Args:
            films: of `read_seen`.
            dataset: whose small pictures tell copies surely, as long as they are those that the run was trained on.
        """
        self._films = films
        self._dataset = dataset
        self._digests = {film.sha256 for film in films}
        self._hashes = np.array([int(film.phash, 16) for film in films], np.uint64)

    def match(self, path: Path, film: np.ndarray) -> str:
        """How the run knows a film.

        Args:
            path: its file.
            film: (H, W) uint8, in any size.

        Returns:
            "film": it was trained or validated on this very file. "twin": on the same film, saved anew, resized,
            cropped or inverted. "maybe twin": perhaps so, by the hashes; the film's picture is no longer in the
            workspace. Empty where it knows none of these.
        """
        small = shrink(film)
        spectrum = spectra_of_crops(small, _CROPS)
        bits = distances(phashes(spectrum)[:, None], self._hashes)  # (crops, films)
        nearest = bits.min(axis=0)
        if not self._films or nearest.min() > _CANDIDATE:
            return ""
        if hashlib.sha256(path.read_bytes()).hexdigest() in self._digests:
            return FILM
        maybe = False
        for place in np.argsort(nearest, kind="stable")[:_FITTED].tolist():
            if nearest[place] > _CANDIDATE:
                break
            picture = self._picture(place)
            if picture is None:
                maybe |= bool(bits[0, place] <= _ALIKE)
            else:
                close = np.abs(descriptors(spectrum) @ descriptors(spectra(picture[None]))[0])
                crop = _CROPS[int(close.argmax())]
                if close.max() >= _CLOSE and abs(match(small, picture, crop).correlation) >= SURE_COPY:
                    return TWIN
        return MAYBE_TWIN if maybe else ""

    def _picture(self, place: int) -> np.ndarray | None:
        """The small picture of a film that was seen: (96, 96) uint8; None where the dataset is another by now."""
        row = int(self._films[place].place)
        if self._pictures is None or row >= len(self._pictures):
            return None
        picture = np.asarray(self._pictures[row])
        return picture if phashes(spectra(picture[None]))[0] == self._hashes[place] else None

    @cached_property
    def _pictures(self) -> np.ndarray | None:
        try:
            pictures: np.ndarray = np.load(self._dataset.small, mmap_mode="r")
            return pictures
        except (OSError, ValueError):
            return None


def open_seen(run: RunFolder, dataset: DatasetFolder) -> Seen | None:
    """What a run has seen; None for a run of before that was written."""
    films = read_seen(run)
    return None if films is None else Seen(films, dataset)
