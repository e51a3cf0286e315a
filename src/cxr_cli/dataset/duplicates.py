"""Films that a dataset has more than once: exact copies, and re-encoded, resized, cropped or inverted ones."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr_cli.dataset.manifest import Film
from cxr_cli.dataset.record import DatasetRecord, Duplicates
from cxr_cli.errors import WorkspaceError
from cxr_cli.films.phash import (
    COPY,
    CROPS,
    SIDE,
    SURE_COPY,
    WAVES,
    WHOLE,
    descriptors,
    distances,
    match,
    phashes,
    spectra,
)
from cxr_cli.progress import track
from cxr_cli.workspace.arrays import read_array
from cxr_cli.workspace.folders import DatasetFolder
from cxr_cli.workspace.tables import CsvTable

EXACT = "exact"
# Of 400 altered copies of real films, all were closer; of pairs of real films that are no copies, 2 in 10,000 are.
_CANDIDATE = 0.95
_NEAREST = 8  # the maximum number of a film's candidates that are fitted: each rendered film is close to many
_AT_ONCE = 8_000_000  # products of descriptors: 32 MB
MANY_FILMS = 30_000  # above it, cropped copies are not looked for: the work grows with the square, to hours
_SAME_HASH = 3  # bits of 64: of 1.2 million pairs of real films that are no copies, two are as close
_CROPPED = 0.012  # of a side: less is rounding
_SHOWN = 10
_ALIKE, _MANY = 0.8, 8
_TYPICAL = 100  # films: the mean of fewer says little about what they have in common
_CANDIDATE_APART = 0.9  # as `_CANDIDATE`, without what all films have in common


@dataclass(frozen=True, slots=True)
class DuplicatePair:
    """Two copies of one film."""

    first: int  # their places in the list of films
    second: int
    kind: str  # "exact"; else "re-encoded or resized", "cropped", "inverted" or "inverted, cropped"
    hamming: int  # bits of 64 in which their hashes differ
    correlation: float  # of their edges when they fit best, -1 to 1


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

    The descriptor of each film, whole and cropped, is compared with those of all films by a matrix product. The work
    grows with the square of the number of films: a minute for 20,000. Close pairs are fitted to each other, and
    confirmed by the correlation of their edges. With more than `MANY_FILMS` films, the hashes of whole films are
    compared instead, which misses most cropped copies.

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
    hashes = phashes(spectra(some))
    close = _candidates(some) if len(some) <= MANY_FILMS else _candidates_by_hash(hashes)
    fits = [(one, other, match(some[one], some[other], crop)) for one, other, crop in close]
    alike = Counter(
        film for *pair, fit in fits if _ALIKE <= abs(fit.correlation) < SURE_COPY for film in pair
    )  # rendered films, or films of one patient: with many of them, the threshold is higher
    near = [
        DuplicatePair(
            first=int(places[one]),
            second=int(places[other]),
            kind=_kind(fit.correlation < 0, max(map(abs, fit.crop)) > _CROPPED),
            hamming=int(distances(hashes[one], hashes[other])),
            correlation=round(fit.correlation, 4),
        )
        for one, other, fit in fits
        if abs(fit.correlation) >= (SURE_COPY if alike[one] + alike[other] > _MANY else COPY)
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


def _candidates(small: np.ndarray) -> list[tuple[int, int, tuple[float, ...]]]:
    """Pairs of films with close descriptors, and the crop of the first film; a negative crop is one of the second."""
    whole = descriptors(spectra(small))
    films = len(small)
    common = whole.mean(axis=0) if films >= _TYPICAL else np.zeros(WAVES, np.float32)
    rows = max(1, _AT_ONCE // max(films, 1))
    close_pairs = [np.empty((4, 0))]  # rows: the cropped film, the whole one, the number of the crop, the product

    def compared() -> Iterator[None]:
        for top in range(0, films, rows):
            block = small[top : top + rows]
            for number, crop in enumerate(CROPS):
                cropped = descriptors(spectra(block, crop))
                close = cropped @ whole.T
                np.abs(close, out=close)
                one, other = np.divmod(np.flatnonzero(close >= _CANDIDATE), films)  # a tenth of what `nonzero` takes
                products = np.sum(cropped[one] * whole[other], axis=1)
                apart = _cosines(cropped[one] * np.sign(products)[:, None] - common, whole[other] - common)
                pairs = np.stack([one + top, other, np.full(len(one), number), np.abs(products)])
                close_pairs.append(pairs[:, (apart >= _CANDIDATE_APART) & (one + top != other)])
            yield from [None] * len(block)

    for _ in track(compared(), "Looking for copies", total=films):
        pass
    best: dict[tuple[int, int], tuple[float, tuple[float, ...]]] = {}
    for cropped, other, number, close in np.concatenate(close_pairs, axis=1).T.tolist():
        pair = (int(min(cropped, other)), int(max(cropped, other)))
        if close > best.get(pair, (0.0, ()))[0]:
            sign = 1 if cropped == pair[0] else -1
            best[pair] = close, tuple(sign * share for share in CROPS[int(number)])
    kept, times = [], Counter[int]()
    for pair, (_, crop) in sorted(best.items(), key=lambda item: (-item[1][0], item[0])):
        if min(times[film] for film in pair) < _NEAREST:
            times.update(pair)
            kept.append((*pair, crop))
    return sorted(kept)


def _candidates_by_hash(hashes: np.ndarray) -> list[tuple[int, int, tuple[float, ...]]]:
    """Pairs of films whose hashes are almost the same."""
    films = len(hashes)
    rows = max(1, _AT_ONCE // max(films, 1))
    candidates: list[tuple[int, int, tuple[float, ...]]] = []

    def compared() -> Iterator[None]:
        for top in range(0, films, rows):
            block = hashes[top : top + rows]
            one, other = np.nonzero(distances(block[:, None], hashes) <= _SAME_HASH)
            pairs = zip((one + top).tolist(), other.tolist(), strict=True)
            candidates.extend((first, second, WHOLE) for first, second in pairs if first < second)
            yield from [None] * len(block)

    for _ in track(compared(), "Looking for copies", total=films):
        pass
    return candidates


def _cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The cosine of each pair of rows: (N,) float32."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray(np.sum(one * other, axis=1) / np.maximum(lengths, 1e-6))


def _kind(inverted: bool, cropped: bool) -> str:
    words = ["inverted"] * inverted + ["cropped"] * cropped
    return ", ".join(words) or "re-encoded or resized"
