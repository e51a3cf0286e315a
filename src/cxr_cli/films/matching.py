"""Whether two films are copies: one is moved, stretched and rotated until it fits the other, and both are compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import atan2, degrees, prod

import numpy as np
from PIL import Image

from cxr_cli.films.likeness import after, local, movement, normalized
from cxr_cli.films.phash import SIDE, Box

# A pair is a copy if its edges or its structure correlate by more. In 25 million pairs of real films that are no
# copies, the highest were 0.918 and 0.905, both of two films of one patient (benchmarks/planted_copies.py).
_SAME_EDGES, _SAME_STRUCTURE = 0.925, 0.91
_SIDE, _BLOCKS = 64, 8  # of the pictures that are compared, and blocks along a side
# Side in pixels, radius of the surroundings in pixels, and below which correlation a pair is given up after each step:
# after the first one, 97 in 100 copies of each kind have 0.75, and 80 in 100 pairs of other films less than 0.7.
_LADDER = ((32, 1.0, (0.68, 0.0, 0.7)), (_SIDE, 1.5, (0.0, 0.0, 0.6)))
AT_ONCE = 32  # pairs to match at once: what they need stays in the processor's cache
_MARKED = 0.25  # share of the blocks that may differ: where text was burned in
_FLAT = 0.25  # gray levels; a smaller difference is no edge
_FAINT = 0.03  # of the structure's variance; blocks with less are empty
_STEP = 0.08  # the largest change of the map at once
_MOVED = 0.02  # share of a side: less is rounding
_TURNED = 0.5  # degrees
_AS_IT_IS = np.array([[1.0, 0, 0], [0, 1, 0]])


@dataclass(frozen=True)
class CopyMatch:
    """How well two small pictures fit, and how one was altered."""

    copy: bool
    correlation: float  # of their edges or of their structure, -1 to 1; negative where one film is inverted
    mirrored: bool
    cropped: bool
    rotated: bool


def match_copies(
    first: np.ndarray, second: np.ndarray, crops: Sequence[Box], *, mirrored: np.ndarray
) -> list[CopyMatch]:
    """Match the second of each pair of small pictures, or its mirror image, to the first, and compare them.

    Places are moved by Gauss-Newton steps on their structure. A pair that can't be a copy is given up early. All pairs
    take a step at once, in half the time that it would take one by one.

    Args:
        first: (P, 96, 96) uint8, of `shrink`.
        second: (P, 96, 96) uint8, of `shrink`.
        crops: P of them, of the first ones, to begin with.
        mirrored: (P,) bool, whether to mirror the second.
    """
    pairs = len(first)
    second = np.where(mirrored[:, None, None], second[:, :, ::-1], second)
    place = movement(normalized(first), crops, normalized(second))
    ones, others = ([Image.fromarray(small) for small in films] for films in (first, second))
    correlation, left = np.zeros(pairs), np.arange(pairs)
    for side, radius, least in _LADDER:
        some = [ones[at] for at in left.tolist()]
        still = _samples([others[at] for at in left.tolist()], np.broadcast_to(_AS_IT_IS, (len(left), 2, 3)), side)
        place[left], correlation[left] = _step_by_step(some, local(still, radius), place[left], radius, least)
        kept = correlation[left] >= least[-1]
        left, still = left[kept], still[kept]
    matches = [
        CopyMatch(copy=False, correlation=value, mirrored=way, cropped=False, rotated=False)
        for value, way in zip(correlation.tolist(), mirrored.tolist(), strict=True)
    ]
    moved, inside = _samples([ones[at] for at in left.tolist()], place[left], _SIDE), _inside(place[left], _SIDE)
    edges = _cosines(_edges(moved, inside), _edges(still, inside)).tolist()
    structure = _block_correlations(local(moved, 1), local(still, 1), inside)
    for at, edge, block in zip(left.tolist(), edges, structure, strict=True):
        matches[at] = _matched(edge, block, place[at], mirrored=bool(mirrored[at]))
    return matches


def _matched(edges: float, structure: float, place: np.ndarray, *, mirrored: bool) -> CopyMatch:
    """What the correlations of edges and structure say, and the map that moved the first film, (2, 3)."""
    sides = place[:, 2] - np.diag(place) / 2 + 0.5, place[:, 2] + np.diag(place) / 2 - 0.5
    turn = degrees(atan2(place[1, 0] - place[0, 1], place[0, 0] + place[1, 1]))
    return CopyMatch(
        copy=abs(edges) >= _SAME_EDGES or abs(structure) >= _SAME_STRUCTURE,
        correlation=max(edges, structure, key=abs),
        mirrored=mirrored,
        cropped=bool(np.abs(sides).max() > _MOVED),
        rotated=abs(turn) > _TURNED,
    )


def _step_by_step(
    first: Sequence[Image.Image], still: np.ndarray, place: np.ndarray, radius: float, least: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Improve the maps, (P, 2, 3), as long as the absolute correlation rises; return both.

    Args:
        first: P films to move.
        still: (P, S, S) float32, `local` of the others.
        place: (P, 2, 3), the maps to begin with.
        radius: that of `local`.
        least: the correlation below which a pair is given up, after each step.
    """
    side, pairs = still.shape[-1], len(first)
    best, correlation, at = place.copy(), np.full(pairs, -1.0), np.arange(pairs)
    for step, given_up_below in enumerate((0.0, *least)):
        inside = _inside(place, side)
        moved = local(_samples([first[pair] for pair in at.tolist()], place, side), radius)
        now = np.abs(_cosines(moved * inside, still[at] * inside))
        better = now > correlation[at]
        best[at[better]], correlation[at[better]] = place[better], now[better]
        better &= now >= given_up_below
        at, place, inside, moved = at[better], place[better], inside[better], moved[better]
        if step == len(least) or not len(at):
            break
        place = _moved_on(place, moved, still[at], inside)
    return best, correlation


def _moved_on(place: np.ndarray, moved: np.ndarray, still: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The maps, (P, 2, 3), after a Gauss-Newton step on pictures of (P, S, S)."""
    side = moved.shape[-1]
    x, y = _places(side)
    down, across = (slope * (np.float32(side) * inside) for slope in np.gradient(moved, axis=(1, 2)))
    changes = np.stack([moved * inside, across, across * x, across * y, down, down * x, down * y], axis=1)
    changes = changes.reshape(len(moved), 7, side * side)
    gram = changes @ changes.transpose(0, 2, 1) + 1e-3 * np.eye(7)
    share = np.linalg.solve(gram, changes @ (still * inside).reshape(len(moved), side * side, 1))[:, :, 0]
    scale = np.where(share[:, :1] == 0, 1, share[:, :1])
    right, wider, leaning, lower, turned, higher = np.clip(share[:, 1:] / scale, -_STEP, _STEP).T
    return after(place, np.stack([1 + wider, leaning, right, turned, 1 + higher, lower], axis=1).reshape(-1, 2, 3))


def _samples(pictures: Sequence[Image.Image], place: np.ndarray, side: int) -> np.ndarray:
    """Small pictures at the places that maps, (P, 2, 3), give: (P, side, side) float32."""
    scaled = SIDE / side * place[:, :, :2]
    start = SIDE * (place[:, :, 2] + 0.5 - place[:, :, :2].sum(axis=2) / 2)
    data = np.concatenate([scaled, start[:, :, None]], axis=2).reshape(-1, 6).tolist()
    sampled = np.empty((len(pictures), side, side), np.float32)
    for at, (picture, coefficients) in enumerate(zip(pictures, data, strict=True)):
        moved = picture.transform((side, side), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)
        sampled[at] = np.asarray(moved)
    return sampled


def _inside(place: np.ndarray, side: int) -> np.ndarray:
    """Where maps, (P, 2, 3), give places well inside of the film: (P, side, side) bool."""
    x, y = _places(side)
    limit = 0.5 - 1 / side
    rows = place.astype(np.float32)[:, :, :, None, None]
    across, down = (rows[:, row, 0] * x + rows[:, row, 1] * y + rows[:, row, 2] for row in (0, 1))
    return np.asarray((np.abs(across) < limit) & (np.abs(down) < limit))


def _edges(levels: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Differences of neighboring pixels, (P, 2, S, S), compressed to -1..1, so that direction counts more than size."""
    edges = np.zeros((len(levels), 2, *levels.shape[1:]), np.float32)
    edges[:, 0, :, :-1], edges[:, 1, :-1] = np.diff(levels, axis=2), np.diff(levels, axis=1)
    edges *= inside[:, None]
    strength = np.abs(edges)
    pixels = np.maximum(2 * inside.sum((1, 2)), 1).astype(np.float32)
    usual = strength.sum((1, 2, 3)) / pixels + np.float32(_FLAT)
    return np.asarray(edges / (strength + usual[:, None, None, None]))


def _block_correlations(first: np.ndarray, second: np.ndarray, inside: np.ndarray) -> list[float]:
    """The mean correlations of blocks, without those that fit worst. Negative where one film is inverted."""
    step = _SIDE // _BLOCKS

    def total(values: np.ndarray) -> np.ndarray:
        blocks = (values * inside).reshape(-1, _BLOCKS, step, _BLOCKS, step)
        return np.asarray(blocks.sum(4).sum(2).reshape(len(inside), _BLOCKS * _BLOCKS))

    products, pixels = total(first * second), total(np.ones_like(first))
    spread = np.sqrt(total(first * first) * total(second * second) + (_FAINT * pixels) ** 2)
    found = []
    for product, size, most in zip(products, pixels, spread, strict=True):
        used = size > step * step / 2
        sign = 1.0 if product.sum() >= 0 else -1.0
        blocks = np.sort(sign * product[used] / most[used])
        found.append(float(sign * blocks[int(_MARKED * len(blocks)) :].mean()) if used.any() else 0.0)
    return found


def _cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The cosines of the angles between the pictures of pairs: (P,) float32."""
    one, other = (pictures.reshape(len(first), 1, prod(pictures.shape[1:])) for pictures in (first, second))
    product, squares, others = (a @ b.transpose(0, 2, 1) for a, b in ((one, other), (one, one), (other, other)))
    return np.asarray((product / np.maximum(np.sqrt(squares * others), 1e-6))[:, 0, 0])


@cache
def _places(side: int) -> tuple[np.ndarray, np.ndarray]:
    """The places of pixels as shares of the side, from the center: x, (1, S), and y, (S, 1), float32."""
    place = ((np.arange(side) + 0.5) / side - 0.5).astype(np.float32)
    return place[None, :], place[:, None]
