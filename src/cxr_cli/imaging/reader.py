"""The one way in for pixels: any image file -> (H, W) uint8, 0 is black."""

import glob
import threading
import warnings
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from cxr_cli.errors import ImageError
from cxr_cli.imaging import dicom
from cxr_cli.imaging.transforms import stretch

# What is read, by Pillow's names (JPEG includes MPO); its other formats are not for films, and some run other programs.
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM", "JPEG2000")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".pgm", ".jp2", ".dcm", ".dicom")
_MIN_SIDE = 32
_HINT = "Give a radiograph as PNG, JPEG, TIFF, BMP, WebP or DICOM, for example: cxr predict film.png"


def find_films(places: Iterable[Path]) -> list[Path]:
    """The films that files, folders and globs name, in the order given; a folder's own in the order of their paths.

    A file that is named is taken whatever its suffix; from a folder, and the folders in it, what has a film's suffix.

    Raises:
        ImageError: a place holds no film, or isn't there.
    """
    films: list[Path] = []
    for place in places:
        try:
            films.extend(_films_at(place))
        except OSError as error:
            raise ImageError(f"Expected a film. Received: {place}: {error.strerror}.", hint=_HINT) from error
    return list(dict.fromkeys(films))


def read_film(path: Path) -> np.ndarray:
    """Read one radiograph.

    Color is turned to gray (ITU-R 601), transparency lies on black, a 16-bit film is stretched between its darkest and
    brightest pixel, EXIF orientation is applied, DICOM goes through its window and MONOCHROME1 is inverted.

    Args:
        path: PNG, JPEG, TIFF, BMP, WebP, GIF, PGM, JPEG 2000 or DICOM.

    Returns:
        (H, W) uint8, 0 is black.

    Raises:
        ImageError: no such file, no image, a damaged one, one below 32 pixels a side, or one of a single gray value.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(132)
    except OSError as error:
        raise ImageError(f"Expected a film. Received: {path}: {error.strerror}.", hint=_HINT) from error
    if not head:
        raise ImageError(f"Expected a film. Received: {path} is empty (0 bytes).", hint=_HINT)
    with _READING:
        film = dicom.read(path) if dicom.is_dicom(head) else _read_picture(path)
    if min(film.shape) < _MIN_SIDE:
        raise ImageError(
            f"Expected a film of at least {_MIN_SIDE} × {_MIN_SIDE} pixels. "
            f"Received: {path} is {film.shape[1]} × {film.shape[0]}.",
            hint=_HINT,
        )
    if film.min() == film.max():
        raise ImageError(f"Expected a film. Received: {path} is blank, every pixel is {film[0, 0]}.", hint=_HINT)
    return film


def _read_picture(path: Path) -> np.ndarray:
    try:
        with Image.open(path, formats=_FORMATS) as picture:
            gray = _to_gray(ImageOps.exif_transpose(picture))
            # Pillow inverts a TIFF film that says "white is zero" (tag 262) only where it has 8 bits or fewer.
            inverted = picture.format == "TIFF" and picture.getexif().get(262) == 0 and _is_deep(picture)
            return 255 - gray if inverted else gray
    except UnidentifiedImageError as error:
        raise ImageError(f"Expected a film. Received: {path} is not an image.", hint=_HINT) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(
            f"Expected a film of at most {Image.MAX_IMAGE_PIXELS:,} pixels. Received: {path} is larger.", hint=_HINT
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageError(f"Expected a film. Received: {path} is damaged or cut short ({error}).", hint=_HINT) from error


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
    """Warning filters that hold as long as any thread reads.

    Filters are the process's: were each thread to set and restore them, one that ends would take another's away.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._filters = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._readers:
                self._filters.enter_context(warnings.catch_warnings())
                # Pillow warns of an image large enough to be an attack, and raises at twice that size: raise at once.
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                # Odd metadata is no reason to speak: what counts is whether the pixels can be read.
                warnings.simplefilter("ignore", UserWarning)
            self._readers += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                self._filters.close()


_READING = _Reading()


def _films_at(place: Path) -> list[Path]:
    if place.is_dir():
        films = sorted(path for path in place.rglob("*") if _is_film(path.relative_to(place)) and path.is_file())
        if not films:
            raise ImageError(f"Expected films in the folder {place}. Received: no file {_suffixes()}.", hint=_HINT)
        return films
    if place.exists():
        return [place]
    # A shell expands a glob itself; Windows' shells and quotes leave it to us.
    found = sorted(Path(name) for name in glob.glob(str(place), recursive=True))  # noqa: PTH207 - may be absolute
    if not found:
        raise ImageError(f"Expected a film, a folder or a glob. Received: nothing at {place}.", hint=_HINT)
    return [film for path in found for film in (_films_at(path) if path.is_dir() else [path])]


def _is_film(path: Path) -> bool:
    # Hidden files are the system's: macOS leaves a ._film.png beside each film on foreign disks.
    return path.suffix.lower() in SUFFIXES and not any(part.startswith(".") for part in path.parts)


def _suffixes() -> str:
    return f"ending in {', '.join(SUFFIXES)}"
