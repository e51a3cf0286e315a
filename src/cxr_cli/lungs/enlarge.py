"""Enlarge a mask to the size of a film, or tell only how far the enlarged mask reaches, which takes a tenth as long."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from math import ceil

import numpy as np
from PIL import Image

Span = tuple[int, int]  # the first, and the one after the last
_ALL = slice(None)
_AT_ONCE = 8  # lines that are enlarged at once
_LEAST = (
    0.35  # some neighbor of a point that is more than a half inside has more: weights reach 1.125 in each direction
)


def enlarged(share: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Enlarge a mask to the size of a film, with a smooth edge.

    Args:
        share: (S, S) float32 in [0, 1], more than a half inside.
        shape: of the film, (H, W).

    Returns:
        (H, W) bool.
    """
    small = Image.fromarray(_softened(share))
    return np.asarray(small.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)) > 0.5


def enlarged_spans(share: np.ndarray, shape: tuple[int, ...]) -> tuple[Span, Span]:
    """The rows and the columns that `enlarged` reaches; only those near its ends are computed.

    Args:
        share: as for `enlarged`.
        shape: of the film, (H, W).

    Returns:
        The rows and the columns of the film from the first to after the last that is inside; all of an empty mask.
    """
    soft = _softened(share)
    down, across = _Taps(len(share), shape[0]), _Taps(len(share), shape[1])

    # As Pillow does it: first along each row, then along each column, with what is between rounded to float32.
    def rows(some: slice) -> np.ndarray:
        index = down.index[:, some]
        used = slice(int(index.min()), int(index.max()) + 1)
        return np.asarray(down.of(across.of(soft[used].T, _ALL).T, some, first=used.start).max(axis=1))

    def columns(some: slice) -> np.ndarray:
        return np.asarray(down.of(across.of(soft.T, some).T, _ALL).max(axis=0))

    return down.span(soft.max(axis=1), rows), across.span(soft.max(axis=0), columns)


def _softened(share: np.ndarray) -> np.ndarray:
    for _ in range(2):  # twice the weights 1, 2, 1 in each direction: nearly a normal curve that is 1 point wide
        for _ in range(2):
            before, after = np.concatenate([share[:1], share[:-1]]), np.concatenate([share[1:], share[-1:]])
            share = ((before + 2 * share + after) / 4).T
    return np.ascontiguousarray(share, dtype=np.float32)


class _Taps:
    """Which points of a line make each point of an enlarged line, as Pillow's bicubic filter weighs them."""

    def __init__(self, small: int, large: int) -> None:
        self.large = large
        self.index, self._weights = _taps(small, large)  # (taps, large)

    def of(self, lines: np.ndarray, some: slice, *, first: int = 0) -> np.ndarray:
        """Enlarge lines: (S, N), from their point `first` on -> the points `some` of each, (n, N) float32."""
        total = np.zeros((1, lines.shape[1]))
        for index, weights in zip(self.index[:, some] - first, self._weights[:, some], strict=True):
            total = total + lines[index] * weights[:, None]
        return total.astype(np.float32)

    def span(self, small: np.ndarray, most: Callable[[slice], np.ndarray]) -> Span:
        """The points from the first to after the last that is inside.

        Args:
            small: (S,) the largest share of each line before it is enlarged.
            most: gives the largest share of some lines of the enlarged picture.
        """
        may = np.flatnonzero(small > _LEAST)
        if not may.size:
            return 0, self.large
        reached = np.flatnonzero((self.index[-1] >= may[0]) & (self.index[0] <= may[-1]))
        begin, end = int(reached[0]), int(reached[-1]) + 1
        parts = [slice(start, min(start + _AT_ONCE, end)) for start in range(begin, end, _AT_ONCE)]
        first, last = _inside(parts, most), _inside(reversed(parts), most)
        return (int(first[0]), int(last[-1]) + 1) if first.size else (0, self.large)


@lru_cache(maxsize=64)
def _taps(small: int, large: int) -> tuple[np.ndarray, np.ndarray]:
    scale = small / large
    wide = max(1.0, scale)
    reach = 2 * wide
    centers = (np.arange(large) + 0.5) * scale
    first = np.maximum(np.trunc(centers - reach + 0.5).astype(int), 0)
    after = np.minimum(np.trunc(centers + reach + 0.5).astype(int), small)
    index = first + np.arange(2 * ceil(reach) + 1)[:, None]
    x = np.abs((index - centers + 0.5) * (1 / wide))
    weights = np.where(x < 1, (1.5 * x - 2.5) * x * x + 1, np.where(x < 2, (((x - 5) * x + 8) * x - 4) * -0.5, 0))
    weights[index >= after] = 0
    total = np.cumsum(weights, axis=0)[-1]  # one after the other, as Pillow adds them
    used = weights.any(axis=1)
    return np.minimum(index, small - 1)[used], (weights / total)[used]


def _inside(parts: Iterable[slice], most: Callable[[slice], np.ndarray]) -> np.ndarray:
    """The lines that are inside, of the first part that has some; none if there is no such part."""
    for part in parts:
        inside = np.flatnonzero(most(part) > 0.5)
        if inside.size:
            return np.asarray(inside + part.start)
    return np.empty(0, int)
