"""Whether two films are copies: one is moved, stretched and rotated until it fits the other, and both are compared."""

from dataclasses import dataclass
from functools import cache
from math import atan2, degrees

import numpy as np
from PIL import Image

from cxr_cli.films.likeness import after, local, movement, normalized
from cxr_cli.films.phash import SIDE, Box

# A pair is a copy if its edges or its structure correlate by more. In 25 million pairs of real films that are no
# copies, the highest were 0.918 and 0.905, both of two films of one patient (benchmarks/planted_copies.py).
_SAME_EDGES, _SAME_STRUCTURE = 0.925, 0.91
# Side in pixels, radius of the surroundings in pixels, steps, and the correlation below which a pair is given up: after
# one step, 97 in 100 copies of each kind have 0.75, and 80 in 100 pairs of other films less than 0.7.
_LADDER = ((32, 1.0, 1, 0.68), (32, 1.0, 2, 0.7), (64, 1.5, 3, 0.6))
_SIDE, _BLOCKS = 64, 8  # of the pictures that are compared, and blocks along a side
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


def match_copy(first: np.ndarray, second: np.ndarray, crop: Box, *, mirrored: bool) -> CopyMatch:
    """Match the second of two small pictures, or its mirror image, to the first, and compare them.

    Places are moved by Gauss-Newton steps on their structure. A pair that can't be a copy is given up early.

    Args:
        first: (96, 96) uint8, of `shrink`.
        second: (96, 96) uint8, of `shrink`.
        crop: of the first, to begin with.
        mirrored: whether to mirror the second.
    """
    second = np.ascontiguousarray(second[:, ::-1]) if mirrored else second
    small = normalized(np.stack([first, second]))
    place = movement(small[0], crop, small[1])
    pictures = Image.fromarray(first), Image.fromarray(second)
    for side, radius, steps, least in _LADDER:
        place, correlation = _step_by_step(*pictures, place, side, radius, steps)
        if correlation < least:
            return CopyMatch(copy=False, correlation=correlation, mirrored=mirrored, cropped=False, rotated=False)
    inside = _inside(place, _SIDE)
    moved, still = _sample(pictures[0], place, _SIDE), _sample(pictures[1], _AS_IT_IS, _SIDE)
    edges = _cosine(_edges(moved, inside), _edges(still, inside))
    structure = _block_correlation(local(moved, 1), local(still, 1), inside)
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
    first: Image.Image, second: Image.Image, place: np.ndarray, side: int, radius: float, steps: int
) -> tuple[np.ndarray, float]:
    """Improve the map as long as the absolute correlation rises; return both."""
    x, y = _places(side)
    still = local(_sample(second, _AS_IT_IS, side), radius)
    best, correlation = place, -1.0
    for step in range(steps + 1):
        inside = _inside(place, side)
        moved = local(_sample(first, place, side), radius)
        now = abs(_cosine(moved * inside, still * inside))
        if now <= correlation:
            break
        best, correlation = place, now
        if step == steps:
            break
        down, across = (slope * (side * inside) for slope in np.gradient(moved))
        changes = np.stack([moved * inside, across, across * x, across * y, down, down * x, down * y]).reshape(7, -1)
        share = np.linalg.solve(changes @ changes.T + 1e-3 * np.eye(7), changes @ (still * inside).ravel())
        right, wider, leaning, lower, turned, higher = np.clip(share[1:] / (share[0] or 1), -_STEP, _STEP)
        place = after(place, np.array([[1 + wider, leaning, right], [turned, 1 + higher, lower]]))
    return best, correlation


def _sample(picture: Image.Image, place: np.ndarray, side: int) -> np.ndarray:
    """A small picture at the places that a map, (2, 3), gives: (side, side) float32."""
    scaled = SIDE / side * place[:, :2]
    start = SIDE * (place[:, 2] + 0.5 - place[:, :2].sum(axis=1) / 2)
    (a, b), (c, d) = scaled.tolist()
    data = (a, b, float(start[0]), c, d, float(start[1]))
    return np.asarray(
        picture.transform((side, side), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR), np.float32
    )


def _inside(place: np.ndarray, side: int) -> np.ndarray:
    """Where a map, (2, 3), gives places well inside of the film: (side, side) bool."""
    x, y = _places(side)
    limit = 0.5 - 1 / side
    across, down = (row[0] * x + row[1] * y + row[2] for row in place.astype(np.float32))
    return np.asarray((np.abs(across) < limit) & (np.abs(down) < limit))


def _edges(levels: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Differences of neighboring pixels, compressed to -1..1, so that direction counts more than strength."""
    edges = np.zeros((2, *levels.shape), np.float32)
    edges[0, :, :-1], edges[1, :-1] = np.diff(levels, axis=1), np.diff(levels, axis=0)
    edges *= inside
    strength = np.abs(edges)
    return np.asarray(edges / (strength + (strength.sum() / max(2 * inside.sum(), 1) + _FLAT)))


def _block_correlation(first: np.ndarray, second: np.ndarray, inside: np.ndarray) -> float:
    """The mean correlation of blocks, without those that fit worst. Negative where one film is inverted."""
    step = _SIDE // _BLOCKS

    def total(values: np.ndarray) -> np.ndarray:
        return np.asarray((values * inside).reshape(_BLOCKS, step, _BLOCKS, step).sum((1, 3)).ravel())

    products, pixels = total(first * second), total(np.ones_like(first))
    used = pixels > step * step / 2
    if not used.any():
        return 0.0
    spread = np.sqrt(total(first * first) * total(second * second) + (_FAINT * pixels) ** 2)
    sign = 1.0 if products.sum() >= 0 else -1.0
    blocks = np.sort(sign * products[used] / spread[used])
    return float(sign * blocks[int(_MARKED * len(blocks)) :].mean())


def _cosine(first: np.ndarray, second: np.ndarray) -> float:
    one, other = first.ravel(), second.ravel()
    return float(one @ other / max(float(np.sqrt((one @ one) * (other @ other))), 1e-6))


@cache
def _places(side: int) -> tuple[np.ndarray, np.ndarray]:
    """The places of pixels as shares of the side, from the center: x, (1, S), and y, (S, 1), float32."""
    place = ((np.arange(side) + 0.5) / side - 0.5).astype(np.float32)
    return place[None, :], place[:, None]
