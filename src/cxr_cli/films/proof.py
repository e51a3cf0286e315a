"""Whether a file's bytes are a film, and its picture in small, for less than reading it takes."""

import io

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

_MIN_SIDE = 32  # as `read_film` asks for
_SURE_LEVELS = 8  # below it, rounding might tell a scaled film from the whole one
_DECODED = 96  # the smallest side, in pixels, of what is decoded
# What these say has to be understood too: what is understood of them is `read_film`'s to say.
_TO_UNDERSTAND = {"exif", "xmp", "mp"}


def surely_film(data: bytes) -> np.ndarray | None:
    """A plain JPEG's film at down to 1/8, where `read_film` reads it too; None says nothing about it.

    All data goes through the same decoder, which notices what is missing, but at 1/8 only 1 of 64 pixels is made. Each
    is its block's mean, and blocks' means differ only where pixels do: what isn't blank at 1/8 isn't blank.

    Args:
        data: all of the file.

    Returns:
        (H, W) uint8, 0 is black; at least 96 pixels a side where the film has so many.
    """
    try:
        with JpegImageFile(io.BytesIO(data)) as picture:
            width, height = picture.size
            if picture.mode not in {"L", "RGB"} or not _has_film_size(width, height):
                return None
            picture.draft("L", (_DECODED, _DECODED))
            film = np.asarray(picture.convert("L"))
            sure = not _TO_UNDERSTAND & picture.info.keys() and int(film.max()) - int(film.min()) >= _SURE_LEVELS
            return film if sure else None
    # Pillow's plugin raises many kinds for a broken file: `read_film` finds the words for it.
    except Exception:  # noqa: BLE001
        return None


def _has_film_size(width: int, height: int) -> bool:
    return min(width, height) >= _MIN_SIDE and width * height <= (Image.MAX_IMAGE_PIXELS or 0)
