"""What is done to a film's pixels, the same in training and in answering."""

import numpy as np
from PIL import Image


def resize(film: np.ndarray, size: int) -> np.ndarray:
    """Fit a film to a model's input.

    The film is squeezed to a square, not padded: black bars would tell a film's shape, and in public sets the shape
    tells the source. Bilinear over the whole footprint of an output pixel, so that a large film does not alias.

    Args:
        film: (H, W) uint8.
        size: side of the result, in pixels.

    Returns:
        (size, size) uint8.
    """
    if film.shape == (size, size):
        return film
    return np.asarray(Image.fromarray(film).resize((size, size), Image.Resampling.BILINEAR))


def stretch(values: np.ndarray) -> np.ndarray:
    """Stretch a film's own range to 0..255.

    Args:
        values: (H, W) float32, any finite range; a constant film becomes 0.

    Returns:
        (H, W) uint8.

    Raises:
        ValueError: a value is infinite or not a number.
    """
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are infinite or not a number")
    values = values.astype(np.float64)  # the range of two float32 may be more than a float32 holds
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) / max(high - low, 1e-12)
    return np.rint(scaled * 255).astype(np.uint8)
