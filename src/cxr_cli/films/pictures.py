"""Films in the formats of pictures, through Pillow: PNG, JPEG, TIFF, BMP, WebP, GIF, PPM and JPEG 2000."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngImageFile

from cxr_cli.errors import ImageError
from cxr_cli.extras import how_to_install, missing_modules
from cxr_cli.films.find import HINT, is_picture
from cxr_cli.films.jpeg import is_cut_short, read_jpeg_frame
from cxr_cli.films.limits import FRAMES, MEMORY, PIXELS
from cxr_cli.films.transforms import darkest_and_brightest, scale, stripes
from cxr_cli.progress import note

# Formats by Pillow's names (JPEG includes MPO). Its other formats are not for films, and some run other programs.
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM", "JPEG2000")
_FAST = 25_000_000  # pixels, that are decoded in a second
_FAST_SCANS = 64  # of a progressive JPEG; programs write about 10
_COPIES = 3  # of a picture, that are in memory at once
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R 601


class SlowError(Exception):
    """A film that may take long to decode."""


def decode_picture(path: Path, *, at_least: int | None, frame: int | None, slow: bool = False) -> np.ndarray:
    """Decode the first film of an image file.

    Args:
        path: an image file.
        at_least: side, in pixels. A JPEG of twice that size or more is decoded at 1/2, 1/4 or 1/8, not below it.
        frame: number of a page or frame, from 1. Defaults to none: the first one, and if there are more, it is said.
        slow: decode it however long it takes. Defaults to False.

    Returns:
        (H, W) uint8, 0 is black.

    Raises:
        ImageError: the file is damaged, no image, or too large.
        SlowError: decoding may take long, and `slow` is False.
    """
    with _opened(path, at_least=at_least, frame=frame, slow=slow) as (shown, inverted):
        gray = _to_gray(shown)
    return 255 - gray if inverted else gray


def decode_deep_picture(path: Path) -> np.ndarray:
    """Decode the first film of an image file, at the depth that it is stored with, however long that takes.

    Args:
        path: an image file.

    Returns:
        (H, W) uint8; or (H, W) of integers or floats of a film of more than 8 bits, the lowest value is black.

    Raises:
        ImageError: as for `decode_picture`.
    """
    with _opened(path, at_least=None, frame=None, slow=True) as (shown, inverted):
        if not _is_deep(shown):
            return 255 - _to_gray(shown) if inverted else _to_gray(shown)
        values = np.array(shown)
    return values.max() - values + values.min() if inverted else values


@contextmanager
def _opened(path: Path, *, at_least: int | None, frame: int | None, slow: bool) -> Iterator[tuple[Image.Image, bool]]:
    """Open an image, loaded and upright; and say whether its lowest value is white."""
    with _errors_named(path), _open(path, slow=slow) as picture:
        _check_size(path, picture)
        if not slow and frame is not None and frame > 1:  # all frames of an animation before it are decoded
            raise SlowError
        _choose(path, picture, frame)
        if at_least and min(picture.size) >= 2 * at_least:
            picture.draft("L", (at_least, at_least))  # only JPEG has drafts
        if not slow and _is_slow(path, picture):
            raise SlowError
        # Pillow inverts a TIFF film that says "white is zero" (tag 262) only where it has 8 bits or fewer.
        inverted = picture.format == "TIFF" and picture.getexif().get(262) == 0 and _is_deep(picture)
        shown = _decode_16_bit_png(path, picture)
        ImageOps.exif_transpose(shown, in_place=True)
        shown.load()
        yield shown, inverted


def _open(path: Path, *, slow: bool) -> Image.Image:
    """Open an image; a JPEG of more than 8 bits, which Pillow doesn't read, is decoded."""
    try:
        return Image.open(path, formats=FORMATS)
    except UnidentifiedImageError:
        data = path.read_bytes()
        frame = read_jpeg_frame(data)
        if frame is None or frame.bits <= 8 or frame.rows * frame.columns > PIXELS.value:
            raise
        if not slow:
            raise SlowError from None
        if is_cut_short(data):
            raise OSError("image file is truncated") from None
        _require_imagecodecs(path, f"a JPEG of {frame.bits} bits")
        import imagecodecs

        return _as_floats(imagecodecs.jpeg8_decode(data))


def _decode_16_bit_png(path: Path, picture: Image.Image) -> Image.Image:
    """Decode a PNG that has 16 bits and transparency or colors, of which Pillow reads the upper 8; give others back."""
    if not isinstance(picture, PngImageFile) or picture.mode not in {"LA", "RGB", "RGBA"}:
        return picture
    if not any(str(tile.args).endswith(";16B") for tile in picture.tile):
        return picture
    _require_imagecodecs(path, "a PNG of 16 bits with colors or transparency")
    import imagecodecs

    deep = _as_floats(imagecodecs.png_decode(path.read_bytes()))
    deep.info = picture.info
    return deep


def _require_imagecodecs(path: Path, kind: str) -> None:
    if missing_modules("imagecodecs"):
        raise ImageError(
            f"Expected a film. Received: {path}, {kind}, which needs the extra dicom.",
            hint=how_to_install("imagecodecs"),
        )


def _as_floats(pixels: np.ndarray) -> Image.Image:
    """(H, W) or (H, W, channels) of more than 8 bits -> gray, on black, as a picture of floats."""
    values = np.atleast_3d(pixels)
    gray = np.empty(values.shape[:2], np.float32)
    for rows in stripes(len(values)):
        part = values[rows].astype(np.float32)
        gray[rows] = part[..., :3] @ _LUMA if part.shape[-1] >= 3 else part[..., 0]
        if part.shape[-1] in {2, 4}:
            gray[rows] *= part[..., -1] / np.iinfo(pixels.dtype).max
    return Image.fromarray(gray)


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Report what goes wrong in Pillow, or in a decoder, as an error of the file."""
    try:
        yield
    except (ImageError, SlowError):
        raise
    except UnidentifiedImageError as error:
        with path.open("rb") as stream:
            known = is_picture(stream.read(132))
        what = "an image of a kind that can't be read, or damaged" if known else "not an image"
        raise ImageError(f"Expected a film. Received: {path}, which is {what}.", hint=HINT) from error
    except Image.DecompressionBombError as error:
        most, own = PIXELS.value, 2 * (Image.MAX_IMAGE_PIXELS or 0)  # Pillow has a limit of its own
        raise ImageError(
            f"Expected a film of at most {min(most, own):,} pixels. Received: {path} has more.",
            hint=PIXELS.hint if most <= own else HINT,
        ) from error
    except MemoryError as error:
        raise ImageError(
            f"Expected a film of at most {MEMORY}. Received: {path} needs more.", hint=MEMORY.hint
        ) from error
    # They raise many kinds for a broken file: OSError, SyntaxError, TypeError, RecursionError, struct.error …
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ImageError(
            f"Expected a film. Received: {path}, which is damaged or cut short ({reason}).", hint=HINT
        ) from error


def _check_size(path: Path, picture: Image.Image) -> None:
    pixels = picture.width * picture.height
    found = f"{path} has {picture.width} × {picture.height}"
    if pixels > PIXELS.value:
        raise ImageError(f"Expected a film of at most {PIXELS}. Received: {found}.", hint=PIXELS.hint)
    each = 1 if picture.mode in {"1", "L", "P"} else 2 if picture.mode.startswith("I;16") else 4  # bytes
    needed = _COPIES * pixels * each
    if needed > MEMORY.value:
        raise ImageError(
            f"Expected a film of at most {MEMORY}. Received: {found}, which need about {needed:,}.", hint=MEMORY.hint
        )


def _choose(path: Path, picture: Image.Image, frame: int | None) -> None:
    """Go to a page or frame; say so if the first of several is taken without being asked for."""
    if frame is None:
        if getattr(picture, "is_animated", False):
            _note_once(f"{path} holds several pages or frames: the first is read.")
        return
    if frame > FRAMES.value:
        raise ImageError(f"Expected a frame of at most {FRAMES}. Received: {frame}.", hint=FRAMES.hint)
    try:
        picture.seek(frame - 1)
    except EOFError as error:
        raise ImageError(
            f"Expected a file with a frame {frame}. Received: {path} holds fewer.", hint="Choose an earlier frame"
        ) from error


@lru_cache(maxsize=1024)
def _note_once(text: str) -> None:
    note(text)


def _is_slow(path: Path, picture: Image.Image) -> bool:
    if picture.format == "JPEG2000" or picture.width * picture.height > _FAST:
        return True
    return bool(picture.info.get("progressive")) and has_many_scans(path.read_bytes())


def has_many_scans(jpeg: bytes) -> bool:
    """Whether a JPEG has too many scans to decode fast, whatever its size."""
    return jpeg.count(b"\xff\xda") > _FAST_SCANS


def _to_gray(picture: Image.Image) -> np.ndarray:
    """Any mode -> (H, W) uint8, in stripes, so that a large picture needs little memory."""

    def part(rows: slice) -> Image.Image:
        whole = rows.stop - rows.start == picture.height
        return picture if whole else picture.crop((0, rows.start, picture.width, rows.stop))

    def parts() -> Iterator[Image.Image]:
        return map(part, stripes(picture.height))

    if _is_deep(picture):
        ends = darkest_and_brightest(np.asarray(some) for some in parts())
        return _joined([scale(np.asarray(some), *ends) for some in parts()])
    return _joined([np.asarray(_as_gray(_on_black(some))) for some in parts()])


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _as_gray(picture: Image.Image) -> Image.Image:
    return picture if picture.mode == "L" else picture.convert("L")  # which copies a picture that is gray already


def _on_black(picture: Image.Image) -> Image.Image:
    if picture.mode == "LAB":
        return picture.getchannel("L")
    if picture.mode not in {"LA", "PA", "RGBA"} and "transparency" not in picture.info:
        return picture
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, (0, 0, 0, 255)), layer)


def _is_deep(picture: Image.Image) -> bool:
    return picture.mode in {"I", "F"} or picture.mode.startswith("I;16")
