"""Parts of a film in blocks, each described by brightness, contrast and fine detail."""

from dataclasses import dataclass
from functools import reduce

import numpy as np

SIDE = 320  # of the films that are described, in pixels
_FINE = 5  # pixels: what differs from its surroundings of this size, such as letters, is detail


@dataclass(frozen=True)
class FilmArea:
    """A part of the film, in blocks."""

    name: str
    blocks: int  # per side of the film
    regions: np.ndarray  # (R, blocks, blocks) bool: the sides, or the corners, that it consists of

    def features(self, film: np.ndarray, detail: np.ndarray) -> np.ndarray:
        """Describe the place: each block's mean, spread and strongest detail, and each region's mean and maximum.

        Args:
            film: (320, 320) float32 in [0, 1].
            detail: likewise, how far each pixel is from its surroundings.

        Returns:
            (F,) float32.
        """
        union = self.regions.any(axis=0)
        gray, fine = (_blocks(shown, self.blocks)[union].reshape(union.sum(), -1) for shown in (film, detail))
        of_block = np.stack([gray.mean(axis=-1), gray.std(axis=-1), fine.max(axis=-1)], axis=-1)
        parts = [of_block.ravel()]
        for region in self.regions:
            own = of_block[region[union]]
            parts += [own.mean(axis=0), own.max(axis=0)]
        return np.concatenate(parts).astype(np.float32)

    def map(self, importances: np.ndarray) -> np.ndarray:
        """Where the features are that a classifier used: (F,) -> (blocks, blocks), with the same sum."""
        shown = np.zeros((self.blocks, self.blocks))
        union = self.regions.any(axis=0)
        own, of_regions = np.split(importances, [3 * union.sum()])
        shown[union] = own.reshape(-1, 3).sum(axis=1)
        for region, share in zip(self.regions, of_regions.reshape(len(self.regions), -1).sum(axis=1), strict=True):
            shown[region] += share / region.sum()
        return shown


def _areas() -> tuple[FilmArea, FilmArea]:
    sides = np.zeros((4, 10, 10), bool)
    sides[0, 0], sides[1, -1], sides[2, :, 0], sides[3, :, -1] = True, True, True, True
    corners = np.zeros((4, 20, 20), bool)
    for corner, (rows, columns) in zip(corners, ((0, 0), (0, 16), (16, 0), (16, 16)), strict=True):
        corner[rows : rows + 4, columns : columns + 4] = True
    return FilmArea("outer border", 10, sides), FilmArea("corners", 20, corners)


BORDER, CORNERS = _areas()  # the outer 10%; a square of 20% of the sides in each corner
# All of a film whose lungs are filled; and all of a film, of which only the detail is described.
WITHOUT_LUNGS, DETAIL = (
    FilmArea(name, 10, np.ones((1, 10, 10), bool)) for name in ("film without lungs", "fine detail")
)


def detail_of(film: np.ndarray) -> np.ndarray:
    """How far each pixel is from the mean of its surroundings: (H, W) float32 -> (H, W) float32."""
    rows, columns = film.shape
    around = np.pad(film, _FINE // 2, mode="symmetric")
    # Sums of shifted films: SciPy's filter takes five times as long.
    down = reduce(np.add, [around[place : place + rows] for place in range(_FINE)])
    total = reduce(np.add, [down[:, place : place + columns] for place in range(_FINE)])
    return np.asarray(np.abs(film - total / np.float32(_FINE**2)))


def small_film(film: np.ndarray, side: int) -> np.ndarray:
    """The means of blocks: (320, 320) float32 in [0, 1] -> (side, side) uint8."""
    means = _blocks(film, side).reshape(side, side, -1).mean(axis=-1)
    return np.asarray(np.rint(means * 255), dtype=np.uint8)


def _blocks(film: np.ndarray, count: int) -> np.ndarray:
    """(S, S) -> (count, count, rows of a block, columns), a view."""
    side = len(film) // count
    return film.reshape(count, side, count, side).transpose(0, 2, 1, 3)
