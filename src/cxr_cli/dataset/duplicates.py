"""Films that a dataset has more than once: exact copies, and copies that were altered, cropped, turned or mirrored."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from cxr_cli.dataset.manifest import Film
from cxr_cli.dataset.record import DatasetRecord, Duplicates
from cxr_cli.errors import WorkspaceError
from cxr_cli.films.likeness import (
    CLOSE,
    CLOSE_MOVED,
    CROPS,
    closest_likeness,
    fine_vectors,
    likeness,
    mirrored_vectors,
    movements,
    normalized,
    spaces,
    vectors,
)
from cxr_cli.films.matching import AT_ONCE, CopyMatch, match_copies
from cxr_cli.films.phash import SIDE, Box, distances, phashes, spectra
from cxr_cli.progress import track
from cxr_cli.threads import in_threads
from cxr_cli.workspace.arrays import read_array
from cxr_cli.workspace.folders import DatasetFolder
from cxr_cli.workspace.tables import CsvTable

EXACT = "exact"
MANY_FILMS = 30_000  # above it, cropped copies are not looked for: the work grows with the square, to hours
_AT_ONCE = 1_000_000  # products of vectors: two times 4 MB
# The maximum number of a film's candidates that are fitted, of those that are surely close and of the others.
_SURELY_CLOSE, _NEAREST, _SOME = 0.9, 8, 2
# Rendered films are far more alike than real ones: 1.2 to 1.8 pairs per film that are no copies correlate by 0.8 or
# more, of real films 0.01. Where many pairs are that alike, a copy has to be closer: of rendered films, up to 0.955 is
# no copy.
_ALIKE, _MANY, _SURE = 0.8, 0.5, 0.96
_ENOUGH = 3  # copies of a film that are listed in any case; of more, those that join all copies of one film
_FITTED_AT_ONCE = 4 * AT_ONCE  # the same on all machines, as the order decides which pairs are fitted
_TAKES_LONG = 500  # pairs to fit, whose progress is shown: a second
_SHOWN = 10
_HIT = np.dtype([("moved", "f4"), ("one", "i4"), ("other", "i4"), ("crop", "i1"), ("mirrored", "?")])
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

    The vector of each film, whole and cropped, is compared with those of all films, as they are and mirrored, by a
    matrix product. The work grows with the square of the number of films. Close pairs are fitted to each other, and
    confirmed by the correlation of their edges or of their structure. With more than `MANY_FILMS` films, only whole
    films are compared, which misses most cropped copies.

    Args:
        digests: one SHA-256 per film.
        small: (N, 96, 96) uint8, of `shrink`.

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
    some = small[places]
    fits = _fitted(some, _candidates(some))
    alike = sum(not found.copy and abs(found.correlation) >= _ALIKE for *_, found in fits)
    least = _SURE if alike > _MANY * len(some) else 0.0
    near = [
        DuplicatePair(
            first=int(places[min(one, other)]),
            second=int(places[max(one, other)]),
            kind=_kind(found),
            hamming=_bits_apart(some[one], some[other], mirrored=found.mirrored),
            correlation=round(found.correlation, 4),
        )
        for one, other, found in sorted(fits, key=lambda fit: fit[:2])
        if found.copy and abs(found.correlation) >= least
    ]
    return exact + near


def small_pictures(pictures: Iterable[bytes]) -> np.ndarray:
    """Small pictures as one array, (N, 96, 96) uint8; empty ones are left out."""
    return np.frombuffer(b"".join(pictures), np.uint8).reshape(-1, SIDE, SIDE)


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


def _candidates(small: np.ndarray) -> list[_Candidate]:
    """Pairs of films that may be copies, the closest first."""
    pictures = normalized(small)
    whole, fine = vectors(pictures), fine_vectors(pictures)
    turned = mirrored_vectors(fine)
    films = len(small)
    crops = CROPS if films <= MANY_FILMS else CROPS[:1]
    rows = max(1, _AT_ONCE // max(films, 1))
    found: list[np.ndarray] = []

    def compared() -> Iterator[None]:
        for top in range(0, films, rows):
            block = pictures[top : top + rows]
            for number, crop in enumerate(crops):
                pairs = list(_close_pairs(vectors(block, crop), whole, top, cropped=number > 0))
                used = np.unique(np.concatenate([one for one, _ in pairs]))
                bases = spaces(movements(block[used], crop))
                for mirrored, (one, other) in enumerate(pairs):
                    which = np.searchsorted(used, one)
                    moved = closest_likeness(bases, which, turned if mirrored else fine, other)
                    near = np.flatnonzero(moved >= CLOSE_MOVED)
                    hits = np.empty(len(near), _HIT)
                    hits["moved"], hits["one"], hits["other"] = moved[near], one[near] + top, other[near]
                    hits["crop"], hits["mirrored"] = number, mirrored
                    found.append(hits)
            yield from [None] * len(block)

    for _ in track(compared(), "Looking for altered copies", total=films):
        pass
    hits = np.concatenate([np.empty(0, _HIT), *found])
    keys = np.stack([np.minimum(hits["one"], hits["other"]), np.maximum(hits["one"], hits["other"])])
    order = np.lexsort((keys[1], keys[0], -hits["moved"]))
    _, firsts = np.unique(keys[0, order].astype(np.int64) * films + keys[1, order], return_index=True)
    kept, times = [], Counter[int]()
    for moved, one, other, number, mirrored in hits[order[np.sort(firsts)]].tolist():
        if min(times[one], times[other]) < (_NEAREST if moved >= _SURELY_CLOSE else _SOME):
            times.update((one, other))
            kept.append((one, other, crops[number], mirrored))
    return kept


def _fitted(small: np.ndarray, pairs: Sequence[_Candidate]) -> list[tuple[int, int, CopyMatch]]:
    """Fit pairs, the closest first, but for those of two films that are known to be copies of one film already."""
    joined = list(range(len(small)))  # each film leads to another of its group, the last one to itself
    copies = Counter[int]()

    def last(film: int) -> int:
        while joined[film] != film:
            joined[film] = film = joined[joined[film]]
        return film

    def known(one: int, other: int) -> bool:
        return min(copies[one], copies[other]) >= _ENOUGH and last(one) == last(other)

    def fits() -> Iterator[tuple[_Candidate, CopyMatch | None]]:
        for top in range(0, len(pairs), _FITTED_AT_ONCE):
            some = pairs[top : top + _FITTED_AT_ONCE]
            unknown = [pair for pair in some if not known(*pair[:2])]
            batches = [unknown[first : first + AT_ONCE] for first in range(0, len(unknown), AT_ONCE)]
            matches = dict(zip(unknown, chain.from_iterable(in_threads(partial(_match, small), batches)), strict=True))
            yield from ((pair, matches.get(pair)) for pair in some)

    kept = []
    shown = len(pairs) >= _TAKES_LONG
    steps = track(fits(), "Comparing films that look alike", total=len(pairs)) if shown else fits()
    for (one, other, *_), match in steps:
        if match is None or known(one, other):  # perhaps since its batch began
            continue
        kept.append((one, other, match))
        if match.copy and abs(match.correlation) >= _SURE:
            joined[last(one)] = last(other)
            copies.update((one, other))
    return kept


def _match(small: np.ndarray, pairs: Sequence[_Candidate]) -> list[CopyMatch]:
    one, other, crops, mirrored = zip(*pairs, strict=True)
    return match_copies(small[list(one)], small[list(other)], crops, mirrored=np.array(mirrored))


def _close_pairs(
    block: np.ndarray, whole: np.ndarray, top: int, *, cropped: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The rows of the block and of all films that are close, as they are, and then mirrored."""
    for close in likeness(block, whole):
        one, other = np.divmod(np.flatnonzero(close >= CLOSE), len(whole))  # a tenth of what `nonzero` takes
        # Two whole films are compared once; a crop of either is compared with the other one.
        used = one + top != other if cropped else one + top < other
        yield one[used], other[used]


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
