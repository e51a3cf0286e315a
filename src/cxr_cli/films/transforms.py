"""What is done to a film's pixels, the same in training and in prediction."""

from collections.abc import Iterable, Iterator

import numpy as np
from PIL import Image, ImageOps

# A part of a film: its left, top, right and bottom edge, as shares of the film's width and height.
FilmBox = tuple[float, float, float, float]
WHOLE_FILM: FilmBox = (0.0, 0.0, 1.0, 1.0)
_STRIPE = 1024  # rows of a film that are worked on at once


def cut_out(film: np.ndarray, box: FilmBox) -> np.ndarray:
    """Give a part of a film, or of a mask of its size, (H, W), to the nearest pixel."""
    height, width = film.shape
    left, top, right, bottom = box
    return film[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]


def resize(film: np.ndarray, size: int) -> np.ndarray:
    """Fit a film to a model's input.

    The film is squeezed to a square, not padded: black bars would show a film's shape, and in public sets the shape
    gives away the source. Bilinear over the whole footprint of an output pixel, so that a large film does not alias.

    Args:
        film: (H, W) uint8.
        size: side of the result, in pixels.

    Returns:
        (size, size) uint8.
    """
    if film.shape == (size, size):
        return film
    return np.asarray(Image.fromarray(film).resize((size, size), Image.Resampling.BILINEAR))


def equalize(film: np.ndarray) -> np.ndarray:
    """Spread the gray levels of a film so that all are about as frequent: histogram equalization, as Pillow has it.

    What is left is which place is brighter than which, whatever the exposure, window or processing of the film.

    Args:
        film: (H, W) uint8.

    Returns:
        (H, W) uint8.
    """
    return np.asarray(ImageOps.equalize(Image.fromarray(film)))


def stretch(values: np.ndarray) -> np.ndarray:
    """Map a film of more than 8 bits that doesn't say how to show it: its darkest pixel is black, its brightest white.

    This is the one rule for all formats, whether 16-bit PNG, floating-point TIFF or DICOM without a window.

    Args:
        values: (H, W) of any type of numbers; a constant film becomes 0. What is not a number is no part of the film,
            and becomes black; what is infinite is clipped.

    Returns:
        (H, W) uint8.
    """
    return scale(values, *darkest_and_brightest([values]))


def darkest_and_brightest(parts: Iterable[np.ndarray]) -> tuple[float, float]:
    """The lowest and the highest value in the parts of a film; (0, 0) if there is none that is finite."""
    ends: list[float] = []
    for part in parts:
        finite = part[np.isfinite(part)]
        if finite.size:
            ends += [float(finite.min()), float(finite.max())]
    return (min(ends), max(ends)) if ends else (0, 0)


def scale(values: np.ndarray, black: float, white: float) -> np.ndarray:
    """Map values on a straight line to gray levels; what lies outside of black and white is clipped.

    Args:
        values: (H, W), of any type of numbers; what is not a number becomes 0.
        black: the value that becomes 0.
        white: the value that becomes 255.

    Returns:
        (H, W) uint8; all 0 if `black` is `white`.
    """
    if black == white:
        return np.zeros(values.shape, np.uint8)
    with np.errstate(over="ignore", invalid="ignore"):  # what is infinite, or not a number
        shares = (values.astype(np.float64) - black) / (white - black)
    levels = np.nan_to_num(shares, nan=0, posinf=1, neginf=0).clip(0, 1) * 255
    # Halves, as float64 gives them in one order of the same steps or another, are rounded alike.
    return np.asarray(np.rint(np.round(levels, 6)), dtype=np.uint8)


def stripes(rows: int) -> Iterator[slice]:
    """Cut a film into stripes of rows, to work on with little memory."""
    return (slice(row, min(row + _STRIPE, rows)) for row in range(0, rows, _STRIPE))
