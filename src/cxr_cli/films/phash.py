"""Small pictures of films, and a hash of 64 bits that survives re-encoding."""

from functools import cache
from itertools import product

import numpy as np
from PIL import Image

from cxr_cli.films.transforms import resize

SIDE = 96  # of a small picture, in pixels
WAVES = 64  # of its spectrum
# Shares of a film's width and height: left, top, right, bottom.
Box = tuple[float, float, float, float]
WHOLE: Box = (0, 0, 0, 0)
# How a film may have been cropped: by 5% on one side, two or all, or by 2.5% on all.
CROPS: tuple[Box, ...] = (
    WHOLE,
    *(
        (0.05 * left, 0.05 * top, 0.05 * right, 0.05 * bottom)
        for left, top, right, bottom in product((0, 1), repeat=4)
        if left + top + right + bottom in (1, 2, 4)
    ),
    (0.025, 0.025, 0.025, 0.025),
)
_MARGIN = 12  # pixels by which the edge of a small picture may be extended
_FRAMED = 128  # size at which borders are looked for, in pixels
_EVEN = 12  # range of gray levels within a row of a border, at most


def shrink(film: np.ndarray) -> np.ndarray:
    """Shrink a film, without borders of one gray value of up to 1/8 of its sides.

    Args:
        film: (H, W) uint8.

    Returns:
        (96, 96) uint8.
    """
    framed = resize(film, _FRAMED)
    left, right = _borders(framed.T)
    top, bottom = _borders(framed)
    inside = Image.fromarray(framed[top : _FRAMED - bottom, left : _FRAMED - right])
    return np.asarray(inside.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def spectra(small: np.ndarray, crop: Box = WHOLE) -> np.ndarray:
    """The lowest frequencies of the cosine transform of small pictures, or of a crop of them, without their mean.

    Args:
        small: (N, 96, 96) uint8, of `shrink`.
        crop: what to leave out. Where it is negative, the picture is extended by its outermost pixels.

    Returns:
        (N, 64) float32, the lowest frequency first.
    """
    left, top, right, bottom = crop
    spectrum = _waves(top, bottom) @ small.astype(np.float32) @ _waves(left, right).T
    return np.asarray(spectrum[:, _LOWEST[0], _LOWEST[1]])


def spectra_of_crops(small: np.ndarray, crops: tuple[Box, ...]) -> np.ndarray:
    """`spectra` of one small picture, cropped in several ways: (crops, 64) float32.

    Args:
        small: (96, 96) uint8, of `shrink`.
        crops: what to leave out each time.
    """
    down, across = _waves_of_crops(crops)
    spectrum = down @ small.astype(np.float32) @ across
    return np.asarray(spectrum[:, _LOWEST[0], _LOWEST[1]])


def phashes(spectrum: np.ndarray) -> np.ndarray:
    """Perceptual hashes: the signs of the lowest frequencies.

    As in pHash (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions"), with the sign in
    place of a comparison with the median, so that an inverted film has all bits inverted.

    Args:
        spectrum: (N, 64), of `spectra`.

    Returns:
        (N,) uint64.
    """
    return np.ascontiguousarray(np.packbits(spectrum > 0, axis=1)).view(">u8")[:, 0].astype(np.uint64)


def mirrored_phashes(hashes: np.ndarray) -> np.ndarray:
    """The hashes of the mirrored films, (N,) uint64: waves with an odd number of halves across change their sign."""
    odd = np.packbits(_LOWEST[1] % 2 == 1).view(">u8")[0].astype(np.uint64)
    return np.asarray(hashes ^ odd)


def distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Number of bits, 0 to 32, in which hashes differ, of the film or of the inverted film. Arrays are broadcast."""
    bits = np.bitwise_count(first ^ second)
    return np.asarray(np.minimum(bits, WAVES - bits))


def _borders(framed: np.ndarray) -> tuple[int, int]:
    """How many rows from the top and from the bottom have one gray value."""
    inner = framed[:, _FRAMED // 16 : -_FRAMED // 16].astype(np.int16)
    uneven = inner.max(axis=1) - inner.min(axis=1) > _EVEN
    most = _FRAMED // 8
    uneven[[most, -1 - most]] = True
    return int(uneven.argmax()), int(uneven[::-1].argmax())


@cache
def _waves(before: float, after: float) -> np.ndarray:
    """Cosines over a part of a line: (W, 96) float32; row n has n half waves."""
    start, length = SIDE * before, SIDE * (1 - before - after)
    pixels = np.arange(-_MARGIN, SIDE + _MARGIN)
    inside = np.clip(np.minimum(pixels + 1, start + length) - np.maximum(pixels, start), 0, 1)
    waves = np.cos(np.pi / length * np.outer(np.arange(1 + _LOWEST.max()), pixels + 0.5 - start)) * inside / length
    within = waves[:, _MARGIN:-_MARGIN].copy()
    within[:, 0] += waves[:, :_MARGIN].sum(axis=1)
    within[:, -1] += waves[:, -_MARGIN:].sum(axis=1)
    return np.asarray(within, dtype=np.float32)


@cache
def _waves_of_crops(crops: tuple[Box, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The vertical waves, (crops, W, 96), and the horizontal ones, (crops, 96, W), float32."""
    down = [_waves(top, bottom) for _, top, _, bottom in crops]
    across = [_waves(left, right).T for left, _, right, _ in crops]
    return np.stack(down), np.stack(across)


def _lowest() -> np.ndarray:
    """The rows and columns of the 64 lowest frequencies above zero: (2, 64)."""
    rows, columns = np.divmod(np.arange(SIDE * SIDE), SIDE)
    order = np.lexsort((rows, rows**2 + columns**2))[1 : 1 + WAVES]
    return np.stack([rows[order], columns[order]])


_LOWEST = _lowest()
