"""Features of a film's border and corners, without its middle: brightness, contrast and fine detail by block."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr_cli.films.reader import read_at

_SIDE = 320  # of the film as it is read, in pixels
_SMALL = 64  # of the film that is kept for the classes' mean films
_DETAIL = 5  # pixels: what differs from its surroundings of this size, such as letters, is detail


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
        gray, fine = _blocks(film, self.blocks), _blocks(detail, self.blocks)
        of_block = np.stack([gray.mean(axis=-1), gray.std(axis=-1), fine.max(axis=-1)], axis=-1)
        parts = [of_block[self.regions.any(axis=0)].ravel()]
        for region in self.regions:
            parts += [of_block[region].mean(axis=0), of_block[region].max(axis=0)]
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


def _places() -> tuple[FilmArea, FilmArea]:
    sides = np.zeros((4, 10, 10), bool)
    sides[0, 0], sides[1, -1], sides[2, :, 0], sides[3, :, -1] = True, True, True, True
    corners = np.zeros((4, 20, 20), bool)
    for corner, (rows, columns) in zip(corners, ((0, 0), (0, 16), (16, 0), (16, 16)), strict=True):
        corner[rows : rows + 4, columns : columns + 4] = True
    return FilmArea("outer border", 10, sides), FilmArea("corners", 20, corners)


BORDER, CORNERS = _places()  # the outer 10 %; a square of 20 % of the sides in each corner


@dataclass(frozen=True, slots=True)
class Edges:
    """Of one film."""

    border: np.ndarray  # (F,) float32
    corners: np.ndarray
    small: np.ndarray  # (64, 64) uint8, all of it


def read_edges(path: Path) -> Edges:
    """Measure a film's border and corners.

    Raises:
        ImageError: the film can't be read.
    """
    from scipy.ndimage import uniform_filter

    film = read_at(path, _SIDE).astype(np.float32) / 255
    detail = np.abs(film - uniform_filter(film, _DETAIL))
    small = _blocks(film, _SMALL).mean(axis=-1)
    return Edges(
        border=BORDER.features(film, detail),
        corners=CORNERS.features(film, detail),
        small=np.rint(small * 255).astype(np.uint8),
    )


def _blocks(film: np.ndarray, count: int) -> np.ndarray:
    """(S, S) -> (count, count, pixels of a block)."""
    side = len(film) // count
    return film.reshape(count, side, count, side).transpose(0, 2, 1, 3).reshape(count, count, -1)
