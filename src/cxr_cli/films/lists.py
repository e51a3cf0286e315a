"""Lists of vectors that are close to each other, so that among very many films a film is compared with few.

An inverted file (Jégou et al. 2011, "Product quantization for nearest neighbor search"), without the quantization.
Likeness has no sign: a film and the inverted one are in the same list.
"""

from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from cxr_cli.films.likeness import unit_rows
from cxr_cli.threads import LARGE, in_threads

_PER_ROOT = 4  # lists, as a multiple of the square root of the number of vectors
_TAUGHT_BY = 32  # vectors per list that the centers are placed by
_ROUNDS = 5  # of placing the centers
_LONGEST = 4  # times the mean length of a list; a longer one is cut in two
_AT_ONCE = 4096  # vectors that are compared with all centers


class Lists(NamedTuple):
    """Vectors by the center that is closest to them."""

    centers: np.ndarray  # (K, D) float32, each of length 1
    members: list[np.ndarray]  # the places of each list's vectors, in ascending order


def sort_into_lists(vectors: np.ndarray) -> Lists:
    """Sort vectors into about 4 √N lists.

    No list is much longer than four times the mean, however many vectors are alike: this limits the work per film.

    Args:
        vectors: (N, D) float32 of length 1.
    """
    many = max(1, round(_PER_ROOT * len(vectors) ** 0.5))
    chosen = vectors[np.random.default_rng(0).permutation(len(vectors))[: many * _TAUGHT_BY]]
    centers = chosen[:many]
    for _ in range(_ROUNDS):
        centers = np.stack([_middle(chosen[own]) for own in _groups(chosen, centers)])
    longest = max(2, _LONGEST * len(vectors) // many)
    members = [part for own in _groups(vectors, centers) for part in _cut(vectors, own, longest)]
    return Lists(np.stack([_middle(vectors[own]) for own in members]), members)


def closest_lists(vectors: np.ndarray, centers: np.ndarray, many: int) -> np.ndarray:
    """The numbers of the centers that are closest to each vector: (N, many) int32, in any order."""
    close = np.abs(vectors @ centers.T)
    if many == 1:
        return np.asarray(close.argmax(axis=1)[:, None], np.int32)
    many = min(many, len(centers))
    return np.asarray(np.argpartition(close, -many, axis=1)[:, -many:], np.int32)


def by_list(lists: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each list that occurs in `closest_lists`, and the rows in which it does, in ascending order."""
    order = np.argsort(lists, axis=None, kind="stable")
    numbers = lists.ravel()[order]
    ends = np.flatnonzero(np.diff(numbers, append=-1)) + 1
    for start, end in pairwise([0, *ends.tolist()]):
        yield int(numbers[start]), order[start:end] // lists.shape[1]


def _groups(vectors: np.ndarray, centers: np.ndarray) -> list[np.ndarray]:
    """The places of the vectors of each center that has any."""
    blocks = (vectors[top : top + _AT_ONCE] for top in range(0, len(vectors), _AT_ONCE))
    lists = in_threads(partial(closest_lists, centers=centers, many=1), blocks, threads=LARGE)
    return [rows for _, rows in by_list(np.concatenate([*lists]))]


def _cut(vectors: np.ndarray, own: np.ndarray, longest: int) -> Iterator[np.ndarray]:
    """Halve a list along the direction in which its vectors vary most until no part is too long."""
    if len(own) <= longest:
        yield own
        return
    some = _one_sign(vectors[own])
    some = some - some.mean(axis=0)
    _, directions = np.linalg.eigh(some.T @ some)
    order = np.argsort(some @ directions[:, -1], kind="stable")
    for half in np.array_split(order, 2):
        yield from _cut(vectors, own[np.sort(half)], longest)


def _middle(vectors: np.ndarray) -> np.ndarray:
    return unit_rows(_one_sign(vectors).mean(axis=0))


def _one_sign(vectors: np.ndarray) -> np.ndarray:
    """Vectors with the signs changed of those that point away from most."""
    aligned = vectors * np.where(vectors @ vectors[0] < 0, -1, 1).astype(np.float32)[:, None]
    return np.asarray(aligned * np.where(aligned @ aligned.mean(axis=0) < 0, -1, 1).astype(np.float32)[:, None])
