"""Films that a dataset has more than once: exact copies, and copies that were altered, cropped, turned or mirrored."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from cxr_cli.dataset.alike import films_alike
from cxr_cli.dataset.manifest import Film
from cxr_cli.dataset.record import DatasetRecord, Duplicates
from cxr_cli.errors import WorkspaceError
from cxr_cli.films.likeness import CROPS
from cxr_cli.films.matching import AT_ONCE, CopyMatch, match_copies
from cxr_cli.films.phash import SIDE, Box, distances, phashes, spectra
from cxr_cli.progress import track
from cxr_cli.threads import in_threads
from cxr_cli.workspace.arrays import read_array
from cxr_cli.workspace.folders import DatasetFolder
from cxr_cli.workspace.tables import CsvTable

EXACT = "exact"
# Rendered films are far more alike than real ones: 1.2 to 1.8 pairs per film that are no copies correlate by 0.8 or
# more, of real films 0.01. Where many pairs are that alike, a copy has to be closer: of rendered films, up to 0.955 is
# no copy.
_ALIKE, _MANY, _SURE = 0.8, 0.5, 0.96
_ENOUGH = 3  # copies of a film that are listed in any case; of more, those that join all copies of one film
_FITTED_AT_ONCE = 4 * AT_ONCE  # the same on all machines, as the order decides which pairs are fitted
_TAKES_LONG = 500  # pairs to fit, whose progress is shown: a second
_SHOWN = 10
_Candidate = tuple[int, int, Box, bool]  # two films, the crop of the first, and whether the second is mirrored


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """Two copies of one film."""

    first: int  # their places in the list of films
    second: int
    kind: str  # "exact", "re-encoded or resized", or which of "inverted", "mirrored", "rotated" and "cropped"
    hamming: int  # bits of 64 in which their hashes differ
    correlation: float  # of their edges or structure when they fit best, -1 to 1; below 0 if one is inverted


@dataclass(frozen=True, slots=True)
class DuplicateRow:
    """A row of `duplicates.csv`: the two films of a pair, side by side."""

    original_1: str  # where the image was copied from
    original_2: str
    label_1: str
    label_2: str
    patient_1: str
    patient_2: str
    split_1: str
    split_2: str
    source_1: str
    source_2: str
    path_1: str  # from the dataset's folder
    path_2: str
    kind: str  # this and the following as in `DuplicatePair`
    hamming: int
    correlation: float


_TABLE = CsvTable(DuplicateRow, made_by=DatasetRecord.MADE_BY)


def find_duplicates(digests: Sequence[str], small: np.ndarray) -> list[DuplicatePair]:
    """Find the films that occur more than once.

    Films that are alike (see `films_alike`) are fitted to each other, and confirmed by the correlation of their edges
    or of their structure.

    Args:
        digests: one SHA-256 per film.
        small: (N, 96, 96) uint8, of `shrink`. They may be in a file: few are read at once where films are many.

    Returns:
        Exact copies, each paired with the first one; then near-duplicates among the first ones.
    """
    first: dict[str, int] = {}
    exact = [
        DuplicatePair(first=first[digest], second=place, kind=EXACT, hamming=0, correlation=1.0)
        for place, digest in enumerate(digests)
        if first.setdefault(digest, place) != place
    ]
    places = np.fromiter(first.values(), dtype=np.intp)
    copies, alike = _fitted(small, places, films_alike(small, places))
    least = _SURE if alike > _MANY * len(places) else 0.0
    near = [
        DuplicatePair(
            first=int(places[min(one, other)]),
            second=int(places[max(one, other)]),
            kind=_kind(found),
            hamming=_bits_apart(small[places[one]], small[places[other]], mirrored=found.mirrored),
            correlation=round(found.correlation, 4),
        )
        for one, other, found in sorted(copies, key=lambda fit: fit[:2])
        if abs(found.correlation) >= least
    ]
    return exact + near


def small_pictures(pictures: Iterable[bytes]) -> np.ndarray:
    """Small pictures as one array, (N, 96, 96) uint8; empty ones are left out.

    They are kept in a temporary file, which is gone with the array: those of a million films take 9 GB.
    """
    with tempfile.TemporaryFile() as file:
        file.writelines(pictures)
        file.flush()
        films = file.tell() // SIDE**2
        shape = films, SIDE, SIDE
        return np.memmap(file, np.uint8, "r", shape=shape) if films else np.empty(shape, np.uint8)


def count_duplicates(films: Sequence[Film], duplicates: Sequence[DuplicatePair]) -> Duplicates:
    """Count the pairs, and those whose films differ in what copies should have in common."""
    pairs = [(films[pair.first], films[pair.second]) for pair in duplicates]
    exact = sum(pair.kind == EXACT for pair in duplicates)
    return Duplicates(
        exact=exact,
        near=len(duplicates) - exact,
        other_class=sum(one.label != other.label for one, other in pairs),
        other_patient=sum(_other_patient(one, other) for one, other in pairs),
        other_source=sum(one.source != other.source for one, other in pairs),
        other_part=sum(one.split != other.split for one, other in pairs),
        contradictions=[(one.path, other.path) for one, other in pairs if one.label != other.label][:_SHOWN],
    )


def write_duplicates(path: Path, films: Sequence[Film], duplicates: Sequence[DuplicatePair]) -> None:
    """Write `duplicates.csv`: pairs with two labels first, then those of two parts, then those of two patients."""

    def weight(pair: DuplicatePair) -> tuple[bool, bool, bool, float]:
        one, other = films[pair.first], films[pair.second]
        same = one.label == other.label, one.split == other.split, not _other_patient(one, other)
        return *same, -abs(pair.correlation)

    _TABLE.write(path, (_row(films, pair) for pair in sorted(duplicates, key=weight)))


def read_duplicates(dataset: DatasetFolder) -> list[DuplicateRow]:
    """The pairs in `duplicates.csv`.

    Raises:
        WorkspaceError: the table is missing or damaged.
    """
    return _TABLE.read(dataset.duplicates)


def read_small(dataset: DatasetFolder, *, films: int | None = None) -> np.ndarray:
    """The small pictures of the films of a dataset in the manifest's order, (N, 96, 96) uint8, read when they are used.

    Args:
        dataset: the dataset.
        films: how many there should be. Defaults to any number.

    Raises:
        WorkspaceError: the pictures are missing or damaged, or of another number of films.
    """
    what, hint = "the films' small pictures", f"Make them again: {DatasetRecord.MADE_BY}"
    pictures = read_array(dataset.small, what=what, hint=hint, in_memory=False)
    shape = (pictures.shape[:1] if films is None else (films,)) + (SIDE, SIDE)
    if pictures.shape != shape or pictures.dtype != np.uint8:
        raise WorkspaceError(
            f"Expected {what}, {shape} uint8, in {dataset.small}. Received: {pictures.shape} {pictures.dtype}.",
            hint=hint,
        )
    return pictures


def _row(films: Sequence[Film], pair: DuplicatePair) -> DuplicateRow:
    one, other = films[pair.first], films[pair.second]
    return DuplicateRow(
        original_1=one.original,
        original_2=other.original,
        label_1=one.label,
        label_2=other.label,
        patient_1=one.patient,
        patient_2=other.patient,
        split_1=one.split,
        split_2=other.split,
        source_1=one.source,
        source_2=other.source,
        path_1=one.path,
        path_2=other.path,
        kind=pair.kind,
        hamming=pair.hamming,
        correlation=pair.correlation,
    )


def _other_patient(one: Film, other: Film) -> bool:
    """Whether both have a patient, and different ones."""
    return bool(one.patient and other.patient) and (one.source, one.patient) != (other.source, other.patient)


def _fitted(small: np.ndarray, places: np.ndarray, hits: np.ndarray) -> tuple[list[tuple[int, int, CopyMatch]], int]:
    """Fit pairs, the closest first, but for those of two films that are known to be copies of one film already.

    Returns:
        The copies, and how many other pairs correlate by `_ALIKE` or more.
    """
    joined = list(range(len(places)))  # each film leads to another of its group, the last one to itself
    copies = Counter[int]()

    def last(film: int) -> int:
        while joined[film] != film:
            joined[film] = film = joined[joined[film]]
        return film

    def known(one: int, other: int) -> bool:
        return min(copies[one], copies[other]) >= _ENOUGH and last(one) == last(other)

    def fits() -> Iterator[tuple[_Candidate, CopyMatch | None]]:
        for top in range(0, len(hits), _FITTED_AT_ONCE):
            rows = hits[top : top + _FITTED_AT_ONCE].tolist()
            some = [(one, other, CROPS[crop], mirrored) for _, one, other, crop, mirrored in rows]
            unknown = [pair for pair in some if not known(*pair[:2])]
            batches = [unknown[first : first + AT_ONCE] for first in range(0, len(unknown), AT_ONCE)]
            matched = chain.from_iterable(in_threads(partial(_match, small, places), batches))
            matches = dict(zip(unknown, matched, strict=True))
            yield from ((pair, matches.get(pair)) for pair in some)

    kept, alike = [], 0
    shown = len(hits) >= _TAKES_LONG
    steps = track(fits(), "Comparing films that look alike", total=len(hits)) if shown else fits()
    for (one, other, *_), match in steps:
        if match is None or known(one, other):  # perhaps since its batch began
            continue
        if match.copy:
            kept.append((one, other, match))
            if abs(match.correlation) >= _SURE:
                joined[last(one)] = last(other)
                copies.update((one, other))
        else:
            alike += abs(match.correlation) >= _ALIKE
    return kept, alike


def _match(small: np.ndarray, places: np.ndarray, pairs: Sequence[_Candidate]) -> list[CopyMatch]:
    one, other, crops, mirrored = zip(*pairs, strict=True)
    return match_copies(small[places[[*one]]], small[places[[*other]]], crops, mirrored=np.array(mirrored))


def _bits_apart(one: np.ndarray, other: np.ndarray, *, mirrored: bool) -> int:
    """Bits of 64 in which the hashes of two small pictures differ, with the second one mirrored or not."""
    first, second = phashes(spectra(np.stack([one, other[:, ::-1] if mirrored else other])))
    return int(distances(first, second))


def _kind(found: CopyMatch) -> str:
    words = {
        "inverted": found.correlation < 0,
        "mirrored": found.mirrored,
        "rotated": found.rotated,
        "cropped": found.cropped,
    }
    return ", ".join(word for word, altered in words.items() if altered) or "re-encoded or resized"
