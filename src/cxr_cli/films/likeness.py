"""Which films may be copies: vectors of small pictures that can be compared quickly, by millions of pairs.

Contrast is removed first: each pixel is divided by how much its surroundings vary, so that gamma, equalization,
windows and sharpening count for little. A vector holds the cosine transform of the result, in which mirroring only
changes signs.
"""

from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np

from cxr_cli.films.phash import SIDE, WHOLE, Box

LEVELS = 32  # pixels of a normalized picture, along each side
# How a film may have been cropped, with small movements besides: by up to 0.1 of a side, on any of the four.
CROPS: tuple[Box, ...] = (
    WHOLE,
    *((share, share, share, share) for share in (0.033, 0.067, 0.1)),
    *(
        (0.06 * left, 0.06 * top, 0.06 * right, 0.06 * bottom)
        for left, top, right, bottom in product((0, 1), repeat=4)
        if left + top + right + bottom in (1, 2)
    ),
    (0.03, 0.1, 0.1, 0.1),
    (0.1, 0.03, 0.1, 0.1),
    (0.1, 0.1, 0.03, 0.1),
    (0.1, 0.1, 0.1, 0.03),
    (0.1, 0.03, 0.1, 0.03),
    (0.03, 0.1, 0.03, 0.1),
)
# Of 240 altered copies of 21 kinds, 98 in 100 of each kind were closer; 1.5 in 100 pairs of other films are as close.
CLOSE = 0.76
# The same after small movements; 4 in 10,000 pairs of other films are as close.
CLOSE_MOVED = 0.78
_COARSE, _FINE = 12, 16  # half waves along a side, in a vector and in a fine vector
_AT_ONCE = 1000  # films that are normalized
_NOISE = 0.5  # gray levels; smaller differences count less
_FARTHEST = 0.08  # largest movement that derivatives can tell, as a share of the side


class Waves(NamedTuple):
    """Which waves of the cosine transform a vector holds."""

    many: int
    rows: np.ndarray
    columns: np.ndarray
    weights: np.ndarray
    even: int  # the first ones are the same after mirroring; the others change their sign


def normalized(small: np.ndarray) -> np.ndarray:
    """Divide each pixel's difference from its surroundings by how much they vary.

    Args:
        small: (N, 96, 96) uint8, of `shrink`.

    Returns:
        (N, 32, 32) float32.
    """
    step = SIDE // LEVELS
    pictures = np.empty((len(small), LEVELS, LEVELS), np.float32)
    for top in range(0, len(small), _AT_ONCE):
        some = small[top : top + _AT_ONCE].reshape(-1, LEVELS, step, LEVELS, step)
        # A sum of slices takes a tenth of the time of `some.mean((2, 4))`.
        total = sum(some[:, :, y, :, x].astype(np.float32) for y, x in product(range(step), repeat=2))
        pictures[top : top + _AT_ONCE] = local(np.asarray(total / np.float32(step * step)), 1)
    return pictures


def local(levels: np.ndarray, radius: float) -> np.ndarray:
    """Gray levels less their mean nearby, divided by their standard deviation nearby.

    Args:
        levels: (..., S, S) float32.
        radius: of what is nearby: the standard deviation of a Gaussian, in pixels.

    Returns:
        The same shape; about -2 to 2.
    """
    blur = _blur(levels.shape[-1], radius)
    less = levels - blur @ levels @ blur.T
    return np.asarray(less / (np.sqrt(blur @ (less * less) @ blur.T) + _NOISE))


def vectors(pictures: np.ndarray, crop: Box = WHOLE) -> np.ndarray:
    """Vectors to compare films by: the product of two is near 1 or -1 for copies.

    Args:
        pictures: (N, 32, 32), of `normalized`.
        crop: what to leave out.

    Returns:
        (N, 122) float32, each of length 1.
    """
    return unit_rows(_transform(pictures, crop, _COARSE))


def vectors_of_crops(picture: np.ndarray, crops: tuple[Box, ...]) -> np.ndarray:
    """`vectors` of one film, cropped in several ways: (crops, 122) float32.

    Args:
        picture: (32, 32), of `normalized`.
        crops: what to leave out each time. Where it is negative, the film is extended by empty space.
    """
    many, rows, columns, weights, _ = _waves(_COARSE)
    down, across = _cosines_of_crops(crops, many)
    return unit_rows((down @ picture @ across)[:, rows, columns] * weights)


def coarse_vectors(fine: np.ndarray) -> np.ndarray:
    """(N, 122) float32: the `vectors` of films whose fine vectors, (N, 215), are known."""
    fewer, all_waves = _waves(_COARSE), _waves(_FINE)
    place = {wave: at for at, wave in enumerate(zip(all_waves.rows.tolist(), all_waves.columns.tolist(), strict=True))}
    kept = [place[wave] for wave in zip(fewer.rows.tolist(), fewer.columns.tolist(), strict=True)]
    return unit_rows(fine[:, kept])


def likeness(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How close each film of the first is to each of the second, 0 to 1, as it is and mirrored: two of (N, M) float32.

    Args:
        first: (N, 122), of `vectors`.
        second: (M, 122).
    """
    even = _waves(_COARSE).even
    same, turned = first[:, :even] @ second[:, :even].T, first[:, even:] @ second[:, even:].T
    mirrored = same - turned
    same += turned
    return np.abs(same, out=same), np.abs(mirrored, out=mirrored)


def fine_vectors(pictures: np.ndarray) -> np.ndarray:
    """(N, 215) float32: as `vectors`, with shorter waves."""
    return unit_rows(_transform(pictures, WHOLE, _FINE))


def mirrored_vectors(rows: np.ndarray) -> np.ndarray:
    """The vectors, (N, 122), or fine vectors, (N, 215), of the mirrored films."""
    waves = next(waves for waves in (_waves(_COARSE), _waves(_FINE)) if len(waves.rows) == rows.shape[1])
    return np.asarray(rows * np.where(np.arange(rows.shape[1]) < waves.even, 1, -1).astype(np.float32))


def movements(pictures: np.ndarray, crop: Box) -> np.ndarray:
    """Fine vectors of films and of their changes when they are moved, stretched along an axis or rotated a little.

    Args:
        pictures: (N, 32, 32), of `normalized`.
        crop: what to leave out.

    Returns:
        (N, 6, 215) float32.
    """
    return _transform(_changes(pictures), crop, _FINE)


def movements_of_crops(pictures: np.ndarray, crops: tuple[Box, ...]) -> np.ndarray:
    """`movements` of films, each of which is cropped in its own way: (N, 6, 215) float32.

    Args:
        pictures: (N, 32, 32), of `normalized`.
        crops: N of them, what to leave out of each.
    """
    many, rows, columns, weights, _ = _waves(_FINE)
    down = np.stack([_cosines(top, bottom, many) for _, top, _, bottom in crops])
    across = np.stack([_cosines(left, right, many).T for left, _, right, _ in crops])
    spectrum = down[:, None] @ _changes(pictures) @ across[:, None]
    return np.asarray(spectrum[..., rows, columns] * weights)


def _changes(pictures: np.ndarray) -> np.ndarray:
    """Films, and how they change with the movements: (N, 6, 32, 32)."""
    down, across = (slope * LEVELS for slope in np.gradient(pictures, axis=(1, 2)))
    place = ((np.arange(LEVELS) + 0.5) / LEVELS - 0.5).astype(np.float32)
    x, y = place[None, :], place[:, None]
    return np.stack([pictures, across, down, x * across, y * down, x * down - y * across], axis=1)


def moved_likeness(moves: np.ndarray, which: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """How close films are when the first one is moved to fit: (P,) float32, 0 to 1.

    Args:
        moves: (N, 6, 215), of `movements` or `movements_of_crops`.
        which: (P,) the row of the first film of each pair.
        fine: (P, 215), of `fine_vectors`, of the second ones.
    """
    return closest_likeness(spaces(moves), which, fine, np.arange(len(fine)))


def spaces(moves: np.ndarray) -> np.ndarray:
    """Orthonormal bases of what films become by small movements: (N, 6, 215) float32.

    Args:
        moves: (N, 6, 215), of `movements` or `movements_of_crops`.
    """
    gram = moves @ moves.transpose(0, 2, 1) + 1e-6 * np.eye(moves.shape[1], dtype=np.float32)
    return np.asarray(np.linalg.inv(np.linalg.cholesky(gram)) @ moves)


def closest_likeness(bases: np.ndarray, which: np.ndarray, fine: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The likeness of pairs when the first film is moved to fit: (P,) float32, 0 to 1.

    It is the length of the projection on the space of the film and its changes, the tangent distance of Simard et al.
    (1993), "Efficient pattern recognition using a new transformation distance".

    Args:
        bases: (N, 6, 215), of `spaces`.
        which: (P,) the row of the first film of each pair, in ascending order.
        fine: (M, 215), of `fine_vectors`.
        other: (P,) the row of the second film of each pair.
    """
    products = np.empty((bases.shape[1], len(which)), np.float32)
    ends = np.flatnonzero(np.diff(which, append=-1)) + 1  # one product for all pairs of a first film
    start = 0
    for end in ends.tolist():
        products[:, start:end] = bases[which[start]] @ fine[other[start:end]].T
        start = end
    return np.asarray(np.sqrt(np.sum(products * products, axis=0)))


def movement(first: np.ndarray, crops: Sequence[Box], second: np.ndarray) -> np.ndarray:
    """The maps from places in the second film of each pair to places in the first, as derivatives tell them.

    Args:
        first: (P, 32, 32), of `normalized`.
        crops: P of them, of the first ones.
        second: (P, 32, 32).

    Returns:
        (P, 2, 3): x and y in the first are this times (x, y, 1) in the second, as shares of the side, from its center.
    """
    moves, fine = movements_of_crops(first, tuple(crops)), fine_vectors(second)
    gram = moves @ moves.transpose(0, 2, 1) + 1e-6 * np.eye(moves.shape[1])
    share = np.linalg.solve(gram, moves @ fine[:, :, None])[:, :, 0]
    scale = np.where(share[:, :1] == 0, 1, share[:, :1])
    right, lower, wider, higher, turn = np.clip(share[:, 1:] / scale, -_FARTHEST, _FARTHEST).T
    moved = np.stack([1 + wider, -turn, right, turn, 1 + higher, lower], axis=1).reshape(-1, 2, 3)
    cropped = [
        ((1 - left - end, 0, (left - end) / 2), (0, 1 - top - bottom, (top - bottom) / 2))
        for left, top, end, bottom in crops
    ]
    return after(moved, np.array(cropped))


def after(second: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The maps, (P, 2, 3), that do what the first do and then what the second do."""
    square = second[..., :2]
    return np.concatenate([square @ first[..., :2], square @ first[..., 2:] + second[..., 2:]], axis=-1)


def _transform(pictures: np.ndarray, crop: Box, most: int) -> np.ndarray:
    """The weighted cosine transform of a crop: (..., D) float32."""
    left, top, right, bottom = crop
    many, rows, columns, weights, _ = _waves(most)
    spectrum = _cosines(top, bottom, many) @ pictures @ _cosines(left, right, many).T
    return np.asarray(spectrum[..., rows, columns] * weights)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows scaled to a length of 1."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-6))


@cache
def _waves(most: int) -> Waves:
    """The waves of up to `most` half waves along a side; short ones, which are weaker in films, get more weight."""
    rows, columns = np.indices((most + 1, most + 1)).reshape(2, -1)
    length = np.hypot(rows, columns)
    used = np.flatnonzero((length > 0) & (length <= most))
    used = used[np.argsort(columns[used] % 2, kind="stable")]
    even = int(np.count_nonzero(columns[used] % 2 == 0))
    return Waves(most + 1, rows[used], columns[used], np.sqrt(length[used]).astype(np.float32), even)


@cache
def _cosines(before: float, behind: float, many: int) -> np.ndarray:
    """Cosines over a part of a line: (many, 32) float32; row n has n half waves."""
    start, length = LEVELS * before, LEVELS * (1 - before - behind)
    pixels = np.arange(LEVELS)
    inside = np.clip(np.minimum(pixels + 1, start + length) - np.maximum(pixels, start), 0, 1)
    waves = np.cos(np.pi / length * np.outer(np.arange(many), pixels + 0.5 - start)) * inside / length
    waves[1:] *= np.sqrt(2)
    return np.asarray(waves, dtype=np.float32)


@cache
def _cosines_of_crops(crops: tuple[Box, ...], many: int) -> tuple[np.ndarray, np.ndarray]:
    """The vertical cosines, (crops, many, 32), and the horizontal ones, (crops, 32, many), float32."""
    down = [_cosines(top, bottom, many) for _, top, _, bottom in crops]
    across = [_cosines(left, right, many).T for left, _, right, _ in crops]
    return np.stack(down), np.stack(across)


@cache
def _blur(side: int, radius: float) -> np.ndarray:
    """A matrix that blurs a line, (S, S) float32."""
    apart = np.subtract.outer(np.arange(side), np.arange(side))
    weights = np.exp(-(apart**2) / (2 * radius**2))
    # Products with numbers below the smallest normal one, 1e-38, take processors up to 60 times as long.
    weights[weights < 1e-20] = 0
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)
