"""A quick check whether a file is a film, in less time than reading it takes, and the film at a smaller size."""

import io

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from cxr_cli.films.limits import PIXELS
from cxr_cli.films.pictures import has_many_scans

_MIN_SIDE = 32  # as `read_film` requires
_SURE_LEVELS = 8  # with a smaller range of gray, rounding could make a blank film of one that isn't
_DECODED = 96  # smallest side, in pixels, at which a film is decoded
# With such metadata only `read_film` can tell whether the file is damaged.
_TO_UNDERSTAND = {"exif", "xmp", "mp"}


def surely_film(data: bytes) -> np.ndarray | None:
    """Decode a plain JPEG at down to 1/8 of its size, if it is certain that `read_film` can read it.

    The same decoder reads all of the data and notices if any is missing, but at 1/8 it only computes 1 of 64 pixels.
    Each is the mean of a block, and means only differ if pixels do: a film that isn't blank at 1/8 isn't blank.

    Args:
        data: the content of the file.

    Returns:
        (H, W) uint8, 0 is black; at least 96 pixels on each side if the film has as many. None if it isn't certain: the
        file may still be a film.
    """
    try:
        with JpegImageFile(io.BytesIO(data)) as picture:
            width, height = picture.size
            if picture.mode not in {"L", "RGB"} or not _has_film_size(width, height) or has_many_scans(data):
                return None
            picture.draft("L", (_DECODED, _DECODED))
            film = np.asarray(picture.convert("L"))
            sure = not _TO_UNDERSTAND & picture.info.keys() and int(film.max()) - int(film.min()) >= _SURE_LEVELS
            return film if sure else None
    # Pillow's plugin raises many kinds of error for a broken file; `read_film` will say what is wrong with it.
    except Exception:  # noqa: BLE001
        return None


def _has_film_size(width: int, height: int) -> bool:
    return min(width, height) >= _MIN_SIDE and width * height <= PIXELS.value
