"""Films at the depth that they are stored with, for a viewer that moves the window itself."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr_cli.films.dicom import decode_stored, is_dicom
from cxr_cli.films.gray_scale import has_table
from cxr_cli.films.pictures import decode_deep_picture
from cxr_cli.films.silence import READING
from cxr_cli.films.transforms import darkest_and_brightest, scale

_STEPS = 2**16  # of values that are no integers, or of more than 16 bits


@dataclass(frozen=True)
class DeepFilm:
    """A film, and how it is shown when it is opened: `shown[values]` is what `read_film` gives, to a gray level."""

    values: np.ndarray  # (H, W) uint8 or uint16
    shown: np.ndarray  # (N,) uint8, the gray level of each value; 0 is black
    ends: tuple[float, float]  # what value 0 and value N - 1 stand for, in the units of the file

    def reduced(self, pixels: int) -> tuple["DeepFilm", int]:
        """The film with about `pixels` pixels at most, and how many pixels of a row became one: 1 for a smaller film.

        Args:
            pixels: number of pixels, more than 0.
        """
        height, width = self.values.shape
        by = int(np.ceil(np.sqrt(max(1.0, height * width / pixels))))
        if by == 1:
            return self, 1
        rows, columns = height // by, width // by
        blocks = self.values[: rows * by, : columns * by].reshape(rows, by, columns, by)
        return DeepFilm(np.rint(blocks.mean((1, 3))).astype(self.values.dtype), self.shown, self.ends), by


def read_deep_film(path: Path) -> DeepFilm:
    """Read one radiograph that `read_film` can read, at full depth.

    It is decoded in this process, however long it takes: run it where that can be ended.

    Args:
        path: as for `read_film`.

    Raises:
        ImageError: the file is damaged, or no image.
    """
    with READING, path.open("rb") as stream:
        from_dicom = is_dicom(stream.read(132))
    with READING:
        return _of_dicom(path) if from_dicom else _of_picture(decode_deep_picture(path))


def _of_dicom(path: Path) -> DeepFilm:
    pixels, gray_scale = decode_stored(path)
    if gray_scale is None:
        return _of_picture(pixels)
    if not has_table(pixels):
        return _of_picture(gray_scale.show(pixels))
    low, shown = gray_scale.table(pixels)
    values = (pixels.astype(np.int32) - low).astype(_kind(len(shown)))
    return DeepFilm(values, shown, gray_scale.rescaled_ends(low, low + len(shown) - 1))


def _of_picture(pixels: np.ndarray) -> DeepFilm:
    if pixels.dtype == np.uint8:
        return DeepFilm(pixels, np.arange(256, dtype=np.uint8), (0, 255))
    low, high = darkest_and_brightest([pixels])
    if pixels.dtype.kind in "iu" and high - low < _STEPS:
        steps = int(high - low) + 1
        values = (pixels.astype(np.int64) - int(low)).astype(_kind(steps))
    else:
        steps = _STEPS
        shares = np.nan_to_num((pixels.astype(np.float64) - low) / ((high - low) or 1), nan=0, posinf=1, neginf=0)
        values = np.rint(shares.clip(0, 1) * (steps - 1)).astype(np.uint16)
    return DeepFilm(values, scale(np.arange(steps), 0, steps - 1), (low, high))


def _kind(steps: int) -> type[np.uint8] | type[np.uint16]:
    return np.uint8 if steps <= 256 else np.uint16
