"""Pairs of films that may be copies: found among all pairs, or by an index where films are very many."""

from collections.abc import Callable, Iterator

import numpy as np

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
from cxr_cli.films.lists import Lists, by_list, closest_lists, sort_into_lists
from cxr_cli.progress import track
from cxr_cli.threads import LARGE, in_threads

MANY_FILMS = 20_000  # above it, not all pairs are compared: the work grows with the square, to hours
HIT = np.dtype([("moved", "f4"), ("one", "i4"), ("other", "i4"), ("crop", "i1"), ("mirrored", "?")])
_AT_ONCE, _ROWS = 1_000_000, 250  # products of vectors: two times 4 MB; and films, so that each core has some
# The maximum number of a film's candidates that are fitted, of those that are surely close and of the others.
_SURELY_CLOSE, _NEAREST, _SOME = 0.9, 8, 2
_BLOCK = 2048  # films that are looked up at once, by a thread
_LISTS = 16  # that are looked into for a film and for each of its crops
_BEST = 2  # of a list, for each crop
_CLOSEST = 8  # films that are moved to fit, of those that are found for one
_SORTED = 100_000  # pairs that are Python's objects at once


def films_alike(small: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Find pairs of films that may be copies: (P,) of `HIT`, the closest first.

    Up to `MANY_FILMS`, each film is compared with every other, whole and cropped, as it is and mirrored. Above that,
    it is compared with the films of the lists that are closest to it and its crops, and the 8 closest ones are kept.

    Args:
        small: (N, 96, 96) uint8, of `shrink`. They may be in a file: only some are read at once.
        places: which of them to compare. The pairs have places in this array; `crop` is a place in `CROPS`, of `one`.
    """
    found = _compared if len(places) <= MANY_FILMS else _looked_up
    return _limited(np.concatenate([np.empty(0, HIT), *found(small, places)]), len(places))


def _limited(hits: np.ndarray, films: int) -> np.ndarray:
    """Each pair once, where it is closest, and of each film only the closest ones."""
    keys = np.stack([np.minimum(hits["one"], hits["other"]), np.maximum(hits["one"], hits["other"])])
    order = np.lexsort((keys[1], keys[0], -hits["moved"]))
    _, firsts = np.unique(keys[0, order].astype(np.int64) * films + keys[1, order], return_index=True)
    hits = hits[order[np.sort(firsts)]]
    kept, times = np.zeros(len(hits), bool), [0] * films
    for top in range(0, len(hits), _SORTED):
        some = hits[top : top + _SORTED]
        for place, (moved, one, other, *_) in enumerate(some.tolist(), start=top):
            if min(times[one], times[other]) < (_NEAREST if moved >= _SURELY_CLOSE else _SOME):
                times[one] += 1
                times[other] += 1
                kept[place] = True
    return hits[kept]


def _compared(small: np.ndarray, places: np.ndarray) -> list[np.ndarray]:
    """Compare all pairs."""
    pictures = normalized(small[places])
    whole, fine = vectors(pictures), fine_vectors(pictures)
    turned = mirrored_vectors(fine)
    films = len(places)
    rows = max(1, min(_ROWS, _AT_ONCE // max(films, 1)))

    def compare(top: int) -> np.ndarray:
        block, found = pictures[top : top + rows], []
        for number, crop in enumerate(CROPS):
            pairs = list(_close_pairs(vectors(block, crop), whole, top, cropped=number > 0))
            used = np.unique(np.concatenate([one for one, _ in pairs]))
            bases = spaces(movements(block[used], crop))
            for mirrored, (one, other) in enumerate(pairs):
                which = np.searchsorted(used, one)
                moved = closest_likeness(bases, which, turned if mirrored else fine, other)
                found.append(_hits(moved, one + top, other, number, mirrored))
        return np.concatenate(found)

    return _of_blocks(compare, films, rows)


def _of_blocks(work: Callable[[int], np.ndarray], films: int, rows: int) -> list[np.ndarray]:
    """What threads find for blocks of films, each given by its first film; progress counts films."""
    found: list[np.ndarray] = []

    def steps() -> Iterator[None]:
        for hits in in_threads(work, range(0, films, rows), threads=LARGE):
            yield from [None] * min(rows, films - rows * len(found))
            found.append(hits)

    for _ in track(steps(), "Looking for altered copies", total=films):
        pass
    return found


def _hits(moved: np.ndarray, one: np.ndarray, other: np.ndarray, crop: int, mirrored: np.ndarray | int) -> np.ndarray:
    """The pairs that are close enough."""
    hits = np.empty(len(one), HIT)
    hits["moved"], hits["one"], hits["other"], hits["crop"], hits["mirrored"] = moved, one, other, crop, mirrored
    return hits[moved >= CLOSE_MOVED]


def _close_pairs(
    block: np.ndarray, whole: np.ndarray, top: int, *, cropped: bool
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The rows of the block and of all films that are close, as they are, and then mirrored."""
    for close in likeness(block, whole):
        one, other = np.divmod(np.flatnonzero(close >= CLOSE), len(whole))  # a tenth of what `nonzero` takes
        # Two whole films are compared once; a crop of either is compared with the other one.
        used = one + top != other if cropped else one + top < other
        yield one[used], other[used]


def _looked_up(small: np.ndarray, places: np.ndarray) -> list[np.ndarray]:
    """Compare each film with those of the lists that it, or a crop of it, is closest to."""
    from threadpoolctl import threadpool_limits

    index = _Index(small, places)
    # One thread of BLAS for the lists too: with more, sums are rounded in another order.
    with threadpool_limits(1, user_api="blas"):
        index.make()
        return _of_blocks(index.look_up, len(places), _BLOCK)


class _Index:
    """The vectors of films in lists, each as it is and mirrored: 1.4 KB per film."""

    def __init__(self, small: np.ndarray, places: np.ndarray) -> None:
        self._small, self._places, self._films = small, places, len(places)
        nothing = normalized(small[:0])
        self._vectors = np.empty((2 * self._films, vectors(nothing).shape[1]), np.float32)
        # What few are compared by takes half the memory in 16 bits, which change a likeness by less than 0.0005.
        self._fine = np.empty((self._films, fine_vectors(nothing).shape[1]), np.float16)
        self._lists = Lists(np.empty(0, np.float32), [])

    def make(self) -> None:
        """Compute the vectors, and sort them into lists."""
        for _ in in_threads(self._fill, range(0, self._films, _BLOCK), threads=LARGE):
            pass
        self._lists = sort_into_lists(self._vectors)

    def look_up(self, top: int) -> np.ndarray:
        """Find the closest films of each film of a block, and move it to fit them."""
        pictures = self._pictures(top)
        film, entry, crop = self._closest(pictures, top)
        other, mirrored = entry % self._films, entry >= self._films
        found = []
        for number in np.unique(crop).tolist():
            own = np.flatnonzero(crop == number)
            used, which = np.unique(film[own], return_inverse=True)
            fine = self._fine[other[own]].astype(np.float32)
            fine = np.where(mirrored[own, None], mirrored_vectors(fine), fine)
            bases = spaces(movements(pictures[used], CROPS[number]))
            moved = closest_likeness(bases, which, fine, np.arange(len(own)))
            found.append(_hits(moved, film[own] + top, other[own], number, mirrored[own]))
        return np.concatenate([np.empty(0, HIT), *found])

    def _pictures(self, top: int) -> np.ndarray:
        return normalized(self._small[self._places[top : top + _BLOCK]])

    def _fill(self, top: int) -> None:
        pictures = self._pictures(top)
        end, whole = top + len(pictures), vectors(pictures)
        self._vectors[top:end] = whole
        self._vectors[self._films + top : self._films + end] = mirrored_vectors(whole)
        self._fine[top:end] = fine_vectors(pictures)

    def _closest(self, pictures: np.ndarray, top: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The closest films of each film of the block, and the crops at which they are: (P,) each, by film."""
        queries = [vectors(pictures, crop) for crop in CROPS]
        lists = np.concatenate([closest_lists(some, self._lists.centers, _LISTS) for some in queries])
        cropped, found = np.concatenate(queries), []
        for number, rows in by_list(lists):
            own = self._lists.members[number]
            close = np.abs(cropped[rows] @ self._vectors[own].T)
            each = np.arange(len(rows))
            film = rows % len(pictures)
            for itself in (film + top, film + top + self._films):
                at = np.minimum(np.searchsorted(own, itself), len(own) - 1)
                close[each, at] *= own[at] != itself
            for _ in range(_BEST):
                best = close.argmax(axis=1)
                found.append((close[each, best], film, own[best], rows // len(pictures)))
                close[each, best] = 0
        value, film, entry, crop = (np.concatenate(column) for column in zip(*found, strict=True))
        near = np.flatnonzero(value >= CLOSE)
        near = near[np.lexsort((crop[near], entry[near], -value[near], film[near]))]
        _, firsts = np.unique(film[near] * self._vectors.shape[0] + entry[near], return_index=True)
        near = near[np.sort(firsts)]
        rank = np.arange(len(near)) - np.searchsorted(film[near], film[near])
        near = near[rank < _CLOSEST]
        return film[near], entry[near], crop[near]
