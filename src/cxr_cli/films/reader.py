"""The one reader of films: any image file -> (H, W) uint8, 0 is black."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

import numpy as np

from cxr_cli.errors import ImageError, UsageError
from cxr_cli.films.dicom import decode_dicom, is_dicom, read_meta
from cxr_cli.films.find import HINT
from cxr_cli.films.limits import BYTES
from cxr_cli.films.pictures import SlowError, decode_picture
from cxr_cli.films.silence import READING
from cxr_cli.films.transforms import resize

PIXELS = 3  # raise it whenever any film comes out with other pixels, so that no cache of earlier ones is used
_MIN_SIDE = 32
# A JPEG that is decoded at 1/2, 1/4 or 1/8 keeps at least this many times the size of the model's input. At 4, the
# model's input differs from that of the full decode by 0.1 gray levels on average.
_KEPT = 4
_frame: ContextVar[int | None] = ContextVar("frame", default=None)


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
        status = path.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):  # opening a pipe could wait for ever
            raise ImageError(f"Expected a film. Received: {path}, which is a pipe, a socket or a device.", hint=HINT)
        with path.open("rb") as stream:
            head = stream.read(132)
    except OSError as error:
        raise ImageError(f"Expected a film. Received: {path}: {error.strerror}.", hint=HINT) from error
    except ValueError as error:
        raise ImageError(f"Expected a film. Received: {str(path)!r}: {error}.", hint=HINT) from error
    if not head:
        raise ImageError(f"Expected a film. Received: {path}, which is empty (0 bytes).", hint=HINT)
    if status.st_size > BYTES.value:
        raise ImageError(
            f"Expected a film of at most {BYTES}. Received: {path} has {status.st_size:,}.", hint=BYTES.hint
        )
    film = _decode(path, head, at_least)
    if min(film.shape) < _MIN_SIDE:
        raise ImageError(
            f"Expected a film of at least {_MIN_SIDE} × {_MIN_SIDE} pixels. "
            f"Received: {path}, which is {film.shape[1]} × {film.shape[0]}.",
            hint=HINT,
        )
    if film.min() == film.max():
        if at_least:  # a film that is blank at 1/8 may not be blank in full
            return _read(path)
        raise ImageError(f"Expected a film. Received: {path}, which is blank, every pixel is {film[0, 0]}.", hint=HINT)
    return film


def _decode(path: Path, head: bytes, at_least: int | None) -> np.ndarray:
    frame = _frame.get()
    with READING, suppress(SlowError):
        if not is_dicom(head):
            return decode_picture(path, at_least=at_least, frame=frame)
        if read_meta(path).native:
            return decode_dicom(path, frame)
    from cxr_cli.films.apart import decode_apart  # most films don't need it

    return decode_apart(path, frame=frame, at_least=at_least)


@contextmanager
def frame_chosen(frame: int | None) -> Iterator[None]:
    """Read this frame of each file in the block.

    Args:
        frame: number of a frame of a DICOM file, of a page or of a picture of an animation, from 1. None for films that
            are alone in their files: a DICOM file of several frames is an error then; of pages and animations the first
            is read, and it is said.

    Raises:
        UsageError: `frame` is below 1.
    """
    if frame is not None and frame < 1:
        raise UsageError(f"Expected a frame from 1 on. Received: {frame}.", hint="The first one is --frame 1")
    token = _frame.set(frame)
    try:
        yield
    finally:
        _frame.reset(token)
