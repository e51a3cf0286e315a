"""The one reader of films: any image file -> (H, W) uint8, 0 is black."""

import stat
import threading
import warnings
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cxr_cli.errors import ImageError
from cxr_cli.films import dicom
from cxr_cli.films.find import HINT
from cxr_cli.films.transforms import resize, stretch

# Formats by Pillow's names (JPEG includes MPO). Its other formats are not for films, and some run other programs.
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM", "JPEG2000")
PIXELS = 2  # raise it whenever any film comes out with other pixels, so that no cache of earlier ones is used
_MIN_SIDE = 32
# A JPEG that is decoded at 1/2, 1/4 or 1/8 keeps at least this many times the size of the model's input. At 4, the
# model's input differs from that of the full decode by 0.1 gray levels on average.
_KEPT = 4


def read_film(path: Path) -> np.ndarray:
    """Read one radiograph.

    An 8-bit film is used as it is. The window of a DICOM film is applied, and MONOCHROME1 is inverted. Any other film
    of more than 8 bits is stretched between its darkest and its brightest pixel. Color becomes gray (ITU-R 601),
    transparency lies on black, and EXIF orientation is applied.

    Args:
        path: PNG, JPEG, TIFF, BMP, WebP, GIF, PGM, JPEG 2000 or DICOM.

    Returns:
        (H, W) uint8, 0 is black.

    Raises:
        ImageError: the file is missing, damaged or no image, or the film has a side below 32 pixels or one gray value.
    """
    return _read(path)


def read_at(path: Path, size: int) -> np.ndarray:
    """Read one radiograph at the size of a model's input. Training, predictions and heat maps all use these pixels.

    Args:
        path: as for `read_film`.
        size: side of the model's input, in pixels.

    Returns:
        (size, size) uint8, 0 is black.

    Raises:
        ImageError: as for `read_film`.
    """
    return resize(read_for(path, size), size)


def read_for(path: Path, size: int, *, film: np.ndarray | None = None) -> np.ndarray:
    """Read one radiograph that is then resized to a model's input.

    A JPEG that is at least 8 times as large is decoded at 1/2, 1/4 or 1/8 (`Image.draft`), still at least 4 times as
    large as the input: decoding takes most of the time of a large film.

    Args:
        path: as for `read_film`.
        size: side of the model's input, in pixels.
        film: the result of `read_film`, if it is at hand. Defaults to none: only what is needed is decoded.

    Returns:
        (H, W) uint8, 0 is black.

    Raises:
        ImageError: as for `read_film`.
    """
    if film is None or min(film.shape) >= 2 * _KEPT * size:
        return _read(path, at_least=_KEPT * size)
    return film


def _read(path: Path, *, at_least: int | None = None) -> np.ndarray:
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # opening a pipe could wait for ever
            raise ImageError(f"Expected a film. Received: {path} is a pipe, a socket or a device.", hint=HINT)
        with path.open("rb") as stream:
            head = stream.read(132)
    except OSError as error:
        raise ImageError(f"Expected a film. Received: {path}: {error.strerror}.", hint=HINT) from error
    if not head:
        raise ImageError(f"Expected a film. Received: {path} is empty (0 bytes).", hint=HINT)
    with READING:
        film = dicom.read(path) if dicom.is_dicom(head) else _read_picture(path, at_least)
    if min(film.shape) < _MIN_SIDE:
        raise ImageError(
            f"Expected a film of at least {_MIN_SIDE} × {_MIN_SIDE} pixels. "
            f"Received: {path} is {film.shape[1]} × {film.shape[0]}.",
            hint=HINT,
        )
    if film.min() == film.max():
        if at_least:  # a film that is blank at 1/8 may not be blank in full
            return _read(path)
        raise ImageError(f"Expected a film. Received: {path} is blank, every pixel is {film[0, 0]}.", hint=HINT)
    return film


def _read_picture(path: Path, at_least: int | None) -> np.ndarray:
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            if at_least and min(picture.size) >= 2 * at_least:
                picture.draft("L", (at_least, at_least))  # only JPEG has drafts
            ImageOps.exif_transpose(picture, in_place=True)
            gray = _to_gray(picture)
            # Pillow inverts a TIFF film that says "white is zero" (tag 262) only where it has 8 bits or fewer.
            inverted = picture.format == "TIFF" and picture.getexif().get(262) == 0 and _is_deep(picture)
            return 255 - gray if inverted else gray
    except UnidentifiedImageError as error:
        raise ImageError(f"Expected a film. Received: {path} is not an image.", hint=HINT) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(
            f"Expected a film of at most {Image.MAX_IMAGE_PIXELS:,} pixels. Received: {path} is larger.", hint=HINT
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageError(f"Expected a film. Received: {path} is damaged or cut short ({error}).", hint=HINT) from error


def _to_gray(picture: Image.Image) -> np.ndarray:
    if _is_deep(picture):
        return stretch(np.asarray(picture, dtype=np.float32))
    if picture.mode in {"LA", "PA", "RGBA"} or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        black = Image.new("RGBA", layer.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(black, layer)
    return np.asarray(picture.convert("L"))


def _is_deep(picture: Image.Image) -> bool:
    return picture.mode in {"I", "F"} or picture.mode.startswith("I;16")


class _Reading:
    """Warning filters that are set as long as any thread reads.

    Filters belong to the process: if each thread set and restored them itself, one that ends would remove another's.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._filters = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._readers:
                self._filters.enter_context(warnings.catch_warnings())
                # Pillow warns of an image large enough to be an attack, and raises at twice that size; raise for both.
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                # Unusual metadata needs no warning: only the pixels matter.
                warnings.simplefilter("ignore", UserWarning)
            self._readers += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                self._filters.close()


READING = _Reading()
