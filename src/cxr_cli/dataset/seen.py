"""`seen.csv`, the films that a run was trained and validated on; and the one rule for how a run knows a film."""

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from cxr_cli.dataset.manifest import Film, read_manifest
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import WorkspaceError
from cxr_cli.films.likeness import CROPS as LIKENESS_CROPS
from cxr_cli.films.likeness import (
    LEVELS,
    coarse_vectors,
    fine_vectors,
    likeness,
    mirrored_vectors,
    moved_likeness,
    movements_of_crops,
    normalized,
    unit_rows,
    vectors_of_crops,
)
from cxr_cli.films.matching import match_copies
from cxr_cli.films.phash import CROPS, Box, distances, mirrored_phashes, phashes, shrink, spectra, spectra_of_crops
from cxr_cli.progress import track
from cxr_cli.workspace.arrays import read_array
from cxr_cli.workspace.digests import check_digest
from cxr_cli.workspace.files import write_bytes
from cxr_cli.workspace.folders import DatasetFolder, RunFolder
from cxr_cli.workspace.layout import TRAIN_COMMAND
from cxr_cli.workspace.records import read_record
from cxr_cli.workspace.tables import CsvTable

FILM = "film"  # the run was trained or validated on this very file
COPY = "copy"  # on the same film, altered, as its small picture shows
MAYBE_COPY = "maybe copy"  # perhaps on a copy: the films look alike, and the small picture is gone
PATIENT = "patient"  # on another film of the patient
HOW_SEEN = (FILM, COPY, MAYBE_COPY, PATIENT)


def _both_ways(crops: tuple[Box, ...]) -> tuple[Box, ...]:
    """A film may be cropped against the one that was seen, or that one against it, which is a negative crop."""
    return (*crops, *(_inverse_crop(crop) for crop in crops[1:]))


def _inverse_crop(crop: Box) -> Box:
    """The negative crop that makes the whole of a cropped film, in shares of what is left; or the crop, of that."""
    left, top, right, bottom = crop
    width, height = 1 - left - right, 1 - top - bottom
    return -left / width, -top / height, -right / width, -bottom / height


_VECTOR_CROPS = _both_ways(LIKENESS_CROPS)
# An extended film is empty outside, and so less like the whole one.
_REACH = np.array(
    [max(1, (1 - left - right) * (1 - top - bottom)) ** -0.5 for left, top, right, bottom in _VECTOR_CROPS], np.float32
)
_FITTED = 4  # of the candidates, the nearest
# The likeness of those that are worth a closer look, and after small movements of those that are worth fitting.
_CLOSE, _CLOSE_MOVED = 0.6, 0.76
_SURELY_CLOSE = 0.93  # likeness after small movements that is enough for a "maybe" where the small picture is gone
# Bits of 64, of the best of all crops, for a run of an early version, which has no vectors.
_HASH_CROPS, _CANDIDATE = _both_ways(CROPS), 8
_DIGITS = 16  # of 64, of a film's sha256: no two of a million films share them by chance
_NONE = np.empty((0, 2), np.uint64)
# A film's place, the crop of the film that is looked up, whether it is mirrored, and whether it is surely close.
_Near = tuple[int, Box, bool, bool]
_Candidate = tuple[int, Box, bool]  # the same, before it is known how close
# Bits of 64, of whole films: of 13 million pairs of real films of different collections, only the 12 copies are as
# close (at 3 bits, 8 others). Of 120 films at half their size and JPEG quality 60, 119 are.
_ALIKE = 2


@dataclass(frozen=True, slots=True)
class SeenFilm:
    """A film that a run was trained or validated on: a row of `seen.csv`."""

    part: str  # train or val
    sha256: str
    phash: str
    group: str
    patient: str
    source: str
    place: int  # its row in the dataset's manifest, from 0: where its small picture is


_SHA256, _PHASH = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{16}")
_TABLE = CsvTable(SeenFilm, made_by=TRAIN_COMMAND, repeated={"group", "patient", "source"})


def write_seen(run: RunFolder, films: Sequence[Film], small: np.ndarray) -> None:
    """Write what a run was trained and validated on: `seen.csv`, and what these films look like.

    Args:
        run: its folder.
        films: all of the dataset's manifest, in its order.
        small: (N, 96, 96) uint8, their small pictures.
    """
    seen = _seen_films(films)
    _TABLE.write(run.seen, seen)
    vectors = np.empty((len(seen), fine_vectors(normalized(small[:0])).shape[1]), np.int8)
    for row, film in enumerate(seen):
        fine = fine_vectors(normalized(small[film.place : film.place + 1]))[0]
        vectors[row] = np.round(fine * (127 / max(float(np.abs(fine).max()), 1e-6)))
    data = io.BytesIO()
    np.save(data, vectors)
    write_bytes(run.seen_vectors, data.getvalue())


def read_seen(run: RunFolder) -> list[SeenFilm] | None:
    """What a run was trained and validated on; None for a run from before this was recorded.

    Raises:
        WorkspaceError: the file is damaged.
    """
    if not run.seen.is_file():
        return None
    films = _TABLE.read(run.seen)
    for number, film in enumerate(films, start=1):
        if not (_SHA256.fullmatch(film.sha256) and _PHASH.fullmatch(film.phash) and film.place >= 0):
            raise WorkspaceError(
                f"Expected a sha256 of 64 hexadecimal digits, a phash of 16 and a place from 0 in row {number} of "
                f"{run.seen}. Received: {film.sha256}, {film.phash} and {film.place}.",
                hint=f"Make it again: {TRAIN_COMMAND}",
            )
    return films


def write_fingerprints(path: Path, films: Iterable[SeenFilm]) -> None:
    """Write what it takes to recognize films, and nothing else: no names, no patients, no pictures.

    Args:
        path: of the file.
        films: what a run has seen.
    """
    rows = sorted({(int(film.sha256[:_DIGITS], 16), int(film.phash, 16)) for film in films})
    data = io.BytesIO()
    np.save(data, np.array(rows, np.uint64).reshape(-1, 2))
    write_bytes(path, data.getvalue())


def _read_fingerprints(run: RunFolder) -> np.ndarray:
    """(N, 2) uint64: the first 64 bits of each film's sha256, and its perceptual hash.

    Raises:
        WorkspaceError: the file is damaged.
    """
    hint = "Install cxr again" if run.version else f"Train the run again: {TRAIN_COMMAND}"
    rows = read_array(run.fingerprints, what="fingerprints of films", hint=hint)
    if rows.dtype != np.uint64 or rows.shape[1:] != (2,):
        raise WorkspaceError(
            f"Expected fingerprints of films in {run.fingerprints}. Received: {rows.shape} {rows.dtype}.", hint=hint
        )
    return rows


def _read_vectors(run: RunFolder, films: Sequence[SeenFilm] | None) -> np.ndarray:
    """What the films of `seen.csv` look like, (N, 215) float32; (0, 215) for a run of an early version.

    Raises:
        WorkspaceError: the file is damaged.
    """
    wide = fine_vectors(np.empty((0, LEVELS, LEVELS), np.float32)).shape[1]
    if films is None or not run.seen_vectors.is_file():
        return np.empty((0, wide), np.float32)
    hint = f"Train the run again: {TRAIN_COMMAND}"
    rows = read_array(run.seen_vectors, what="vectors of films", hint=hint)
    if rows.dtype != np.int8 or rows.shape != (len(films), wide):
        raise WorkspaceError(
            f"Expected vectors of films, {len(films), wide} int8, in {run.seen_vectors}. Received: {rows.shape} "
            f"{rows.dtype}.",
            hint=hint,
        )
    return unit_rows(rows.astype(np.float32))


def open_seen(
    run: RunFolder, dataset: DatasetFolder, *, trained_on: str, digests: Mapping[str, str]
) -> "SeenIndex | None":
    """Open the index of the films that a run has seen.

    Args:
        run: its folder.
        dataset: the prepared dataset, whose small pictures confirm copies. It may be another than the run's, or
            missing.
        trained_on: the fingerprint of the dataset that the run was trained on.
        digests: the sha256 of the run's files, from its record; empty for a run of an early version.

    Returns:
        None where it is not known: the run has no record of its films, and the prepared dataset is another one.

    Raises:
        WorkspaceError: the run's record of its films, or the dataset, is damaged.
    """
    for path in (run.seen, run.seen_vectors, run.fingerprints):
        check_digest(path, digests, hint=f"Train the run again: {TRAIN_COMMAND}")
    films = read_seen(run)
    vectors = _read_vectors(run, films)
    if run.fingerprints.is_file():
        return SeenIndex(films or (), dataset, vectors=vectors, fingerprints=_read_fingerprints(run))
    if (
        films is None
        and dataset.record.is_file()
        and read_record(dataset.record, DatasetRecord).fingerprint == trained_on
    ):
        films = _seen_films(read_manifest(dataset))
    return None if films is None else SeenIndex(films, dataset, vectors=vectors)


class SeenIndex:
    """The films that a run was trained or validated on, to look films up in.

    A lookup gives the first of `HOW_SEEN` that is true of a film, or an empty string.
    """

    def __init__(
        self,
        films: Sequence[SeenFilm],
        dataset: DatasetFolder,
        *,
        vectors: np.ndarray,
        fingerprints: np.ndarray = _NONE,
    ) -> None:
        """Index the films. Small pictures are read when they are needed.

        Args:
            films: what the run has seen.
            dataset: its small pictures confirm copies, as long as they are those that the run was trained on.
            vectors: (N, 215) float32, what `films` look like; none for a run of an early version, which finds copies by
                their hashes.
            fingerprints: (N, 2) uint64, of further films that it has seen, whose small pictures are nowhere. Defaults
                to none.
        """
        self._films = films
        self._dataset = dataset
        self._digests = {film.sha256[:_DIGITS] for film in films} | {
            f"{digest:0{_DIGITS}x}" for digest in fingerprints[:, 0].tolist()
        }
        self._groups = {film.group for film in films}
        self._patients = {(film.source, film.patient) for film in films if film.patient}
        own = np.array([int(film.phash, 16) for film in films], np.uint64)
        self._hashes = np.concatenate([own, fingerprints[:, 1]])
        self._fine, self._coarse = vectors, coarse_vectors(vectors)
        self._unchanged: set[int] = set()  # places whose small picture is known to be the one that was seen

    def match_file(self, path: Path, film: np.ndarray) -> str:
        """How the run knows the film in a file, whose patient is not known.

        Args:
            path: the file.
            film: (H, W) uint8, the whole film in any size.
        """
        return self._match(shrink(film), lambda: hashlib.sha256(path.read_bytes()).hexdigest())

    def match_films(self, films: Sequence[Film], small: np.ndarray) -> list[str]:
        """How the run knows each of `films`.

        Patients are the same if their names and the sources of their films are the same.

        Args:
            films: of any dataset.
            small: (N, 96, 96) uint8, their small pictures.
        """
        pairs = track(zip(films, small, strict=True), "Looking for training films", total=len(films))
        return [self._match_film(film, picture) for film, picture in pairs]

    def _match_film(self, film: Film, small: np.ndarray) -> str:
        if film.sha256[:_DIGITS] in self._digests:
            return FILM
        known = (film.source, film.patient) in self._patients or film.group in self._groups
        return self._match(small, lambda: film.sha256) or (PATIENT if known else "")

    def _match(self, small: np.ndarray, digest: Callable[[], str]) -> str:
        """How the film in `small`, (96, 96) uint8, is known. `digest` is called only if a film is close."""
        near = [*self._near_by_vector(normalized(small[None])), *self._near_by_hash(small)]
        if not near:
            return ""
        if digest()[:_DIGITS] in self._digests:
            return FILM
        maybe, pairs = False, []
        for place, crop, mirrored, surely in near:
            seen = self._picture(place)
            if seen is None:
                maybe |= surely
            elif min(crop) < 0:
                pairs.append((seen, small, _crop_of_other(crop, mirrored=mirrored), mirrored))
            else:
                pairs.append((small, seen, crop, mirrored))
        if pairs:
            first, second, crops, ways = zip(*pairs, strict=True)
            matches = match_copies(np.stack(first), np.stack(second), crops, mirrored=np.array(ways))
            if any(match.copy for match in matches):
                return COPY
        return MAYBE_COPY if maybe else ""

    def _near_by_vector(self, picture: np.ndarray) -> Iterator[_Near]:
        """The films whose vectors are nearest, after small movements; `picture` is (1, 32, 32)."""
        if not len(self._fine):
            return
        vectors = vectors_of_crops(picture[0], _VECTOR_CROPS) / _REACH[:, None]
        close, own = np.stack(likeness(vectors, self._coarse)), len(LIKENESS_CROPS)  # (2, crops, films)
        near = [*_nearest(close[:, :own], _VECTOR_CROPS[:own]), *_nearest(close[:, own:], _VECTOR_CROPS[own:])]
        for (place, crop, mirrored), moved in self._moved(picture, near):
            if moved >= _CLOSE_MOVED:
                yield place, crop, mirrored, moved >= _SURELY_CLOSE

    def _moved(self, picture: np.ndarray, near: Iterable[_Candidate]) -> Iterator[tuple[_Candidate, float]]:
        """Candidates, without those whose small picture is needed and gone, and the `moved_likeness` of each.

        The film, `picture`, (1, 32, 32), is cropped, or the other one, where the crop is negative. All are moved at
        once, which takes a fraction of the time.
        """
        whole, kept, cropped, crops, fine = fine_vectors(picture)[0], [], [], [], []
        for place, crop, mirrored in near:
            if min(crop) >= 0:
                cropped.append(picture[0])
                crops.append(crop)
                other = self._fine[place]
            elif (seen := self._picture(place)) is not None:
                cropped.append(normalized(seen[None])[0])
                crops.append(_crop_of_other(crop, mirrored=mirrored))
                other = whole
            else:
                continue
            fine.append(mirrored_vectors(other[None])[0] if mirrored else other)
            kept.append((place, crop, mirrored))
        if kept:
            moves = movements_of_crops(np.stack(cropped), tuple(crops))
            yield from zip(kept, moved_likeness(moves, np.arange(len(kept)), np.stack(fine)).tolist(), strict=True)

    def _near_by_hash(self, small: np.ndarray) -> Iterator[_Near]:
        """The films whose hashes are nearest, of those without a vector."""
        first = len(self._fine)
        known = self._hashes[first:]
        if not len(known):
            return
        hashes = phashes(spectra_of_crops(small, _HASH_CROPS))
        bits = np.stack([distances(some[:, None], known) for some in (hashes, mirrored_phashes(hashes))])
        nearest = bits.min(axis=(0, 1))
        for place in np.argsort(nearest, kind="stable")[:_FITTED].tolist():
            if nearest[place] > _CANDIDATE:
                return
            mirrored, number = np.unravel_index(int(bits[:, :, place].argmin()), bits.shape[:2])
            surely = bool(bits[:, 0, place].min() <= _ALIKE)
            yield first + place, _HASH_CROPS[number], bool(mirrored), surely

    def _picture(self, place: int) -> np.ndarray | None:
        """The small picture of a film that was seen, (96, 96) uint8; None if the dataset has been replaced since."""
        if place >= len(self._films) or self._pictures is None:
            return None
        row = self._films[place].place
        if row >= len(self._pictures):
            return None
        picture = np.asarray(self._pictures[row])
        if place not in self._unchanged:
            if phashes(spectra(picture[None]))[0] != self._hashes[place]:
                return None
            self._unchanged.add(place)
        return picture

    @cached_property
    def _pictures(self) -> np.ndarray | None:
        from cxr_cli.dataset.duplicates import read_small  # few films are close enough to be compared

        try:
            return read_small(self._dataset)
        except WorkspaceError:
            return None


def _nearest(close: np.ndarray, crops: tuple[Box, ...]) -> Iterator[_Candidate]:
    """The nearest films, whose likeness is `close`, (2, crops, films): as they are, and mirrored."""
    best = close.max(axis=(0, 1))
    for place in np.argsort(-best, kind="stable")[:_FITTED].tolist():
        if best[place] < _CLOSE:
            return
        mirrored, number = np.unravel_index(int(close[:, :, place].argmax()), close.shape[:2])
        yield place, crops[number], bool(mirrored)


def _crop_of_other(crop: Box, *, mirrored: bool) -> Box:
    """The crop of the other film that a negative crop means."""
    left, top, right, bottom = _inverse_crop(crop)
    return (right, top, left, bottom) if mirrored else (left, top, right, bottom)


def _seen_films(films: Iterable[Film]) -> list[SeenFilm]:
    return [
        SeenFilm(film.split, film.sha256, film.phash, film.group, film.patient, film.source, place)
        for place, film in enumerate(films)
        if film.split != "test"
    ]
