"""DICOM films, through pydicom, the reference reader."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from cxr_cli.errors import ImageError
from cxr_cli.extras import how_to_install
from cxr_cli.films.dicom_reasons import HINT, FaultyFilmError, reason_in_words
from cxr_cli.films.gray_scale import GrayScale, LookupTable, read_gray_scale
from cxr_cli.films.limits import BYTES, FRAMES, MEMORY, PIXELS, Limit

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

_HEAD = 132  # bytes: the preamble and the prefix of a DICOM file
_META = 4096  # bytes, in which the transfer syntax is found: it is the fifth short element
_DEFLATED = "1.2.840.10008.1.2.1.99"
_NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"}  # pixels as they are
# What a file without preamble begins with: the group length of the meta header; or, without a meta header, a short
# element of group 8, with its type in two letters or without.
_GROUP_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"
_FIRST_ELEMENTS = {0x0000, 0x0001, 0x0005, 0x0008, 0x0012, 0x0014, 0x0016, 0x0018}
_SHORT_TYPES = {b"UL", b"CS", b"DA", b"TM", b"UI"}
_COPIES = 4  # of the decoded pixels, that are in memory at once


def is_dicom(head: bytes) -> bool:
    """Whether a file's first 132 bytes are those of a DICOM file (PS3.10, 7.1), with or without its preamble."""
    if head[128:132] == b"DICM" or head.startswith(_GROUP_LENGTH):
        return True
    if head[:2] != b"\x08\x00" or len(head) < _HEAD or int.from_bytes(head[2:4], "little") not in _FIRST_ELEMENTS:
        return False
    length = int.from_bytes(head[6:8] if head[4:6] in _SHORT_TYPES else head[4:8], "little")
    after = head[8 + length : 12 + length]  # the next element, of the same group and a higher number
    return length <= 100 and after[:2] == b"\x08\x00" and after[2:] != head[2:4]


@dataclass(frozen=True)
class Meta:
    """The part of a DICOM file that says how the rest is stored."""

    kind: str  # SOP class UID; empty where the file doesn't say
    syntax: str  # transfer syntax UID; empty where the file doesn't say
    end: int  # bytes before the rest; 0 where the file doesn't say

    @property
    def native(self) -> bool:
        """Whether the pixels are stored as they are."""
        return self.syntax in _NATIVE


def read_meta(path: Path) -> Meta:
    """Read how a DICOM file is stored, without pydicom, which takes long to load."""
    with path.open("rb") as stream:
        head = stream.read(_META)
    start = _HEAD if head[128:132] == b"DICM" else 0
    has_end = head.startswith(_GROUP_LENGTH, start)
    end = start + 12 + int.from_bytes(head[start + 8 : start + 12], "little") if has_end else 0
    return Meta(_uid(head, start, 0x02), _uid(head, start, 0x10), end)


def _uid(head: bytes, start: int, number: int) -> str:
    """The UID in element (0002,`number`); empty if there is none."""
    place = head.find(bytes([2, 0, number, 0]) + b"UI", start)
    length = int.from_bytes(head[place + 6 : place + 8], "little")
    return head[place + 8 : place + 8 + length].decode("ascii", "replace").strip("\0 ") if place >= 0 else ""


def decode_dicom(path: Path, frame: int | None = None) -> np.ndarray:
    """Decode one DICOM film as a workstation shows it when it is opened.

    Args:
        path: a DICOM file.
        frame: number of a frame of a multi-frame file, from 1. Defaults to none: the file has to hold one.

    Returns:
        (H, W) uint8, 0 is black.

    Raises:
        ImageError: the file has no pixels, several frames, pixels that can't be decoded, or is too large.
    """
    values, gray_scale = decode_stored(path, frame)
    return gray_scale.show(values) if gray_scale else values


def decode_stored(path: Path, frame: int | None = None) -> tuple[np.ndarray, GrayScale | None]:
    """Decode the stored values of one DICOM film, and read how they are shown.

    Args:
        path: a DICOM file.
        frame: as for `decode_dicom`.

    Returns:
        (H, W) stored values and their gray scale; or (H, W) uint8, gray levels already, and None of a film in color.

    Raises:
        ImageError: the file has no pixels, several frames, pixels that can't be decoded, or is too large.
    """
    _refuse_inflated(path)
    with _errors_named(path):
        import pydicom

        data = pydicom.dcmread(path, force=True)  # also without preamble
        if "TransferSyntaxUID" not in data.file_meta:
            data.file_meta.TransferSyntaxUID = _plain_syntax(data)
        index = _choose(path, data, frame)
        pixels = _decode_frame(data, index)
        if pixels.ndim == 3:
            return _gray_of_color(pixels, data), None
        if data.get("PhotometricInterpretation") == "PALETTE COLOR":
            return _gray_of_palette(pixels, data), None
        return pixels, read_gray_scale(data, index)


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Report what goes wrong in pydicom, or in a decoder, as an error of the file."""
    try:
        yield
    except ImageError:
        raise
    except FaultyFilmError as error:
        raise _refusal(path, str(error), error.hint) from None
    except MemoryError as error:
        raise _refusal(path, f"it is damaged, or needs more than {MEMORY}") from error
    # They raise many kinds for a broken file: KeyError, RuntimeError, RecursionError, struct.error, zlib.error …
    except Exception as error:  # noqa: BLE001
        # Not even as the cause: a traceback would show its text, which quotes the header.
        raise _refusal(path, reason_in_words(error)) from None


def _refusal(path: Path, reason: str, hint: str = HINT) -> ImageError:
    return ImageError(f"Expected a DICOM film. Received: {path}: {reason}.", hint=hint)


def _too_large(path: Path, limit: Limit, found: str) -> ImageError:
    return ImageError(f"Expected a film of at most {limit}. Received: {path} {found}.", hint=limit.hint)


def _refuse_inflated(path: Path) -> None:
    """Refuse a deflated file that holds more than a file may have, at the cost of inflating it twice."""
    meta = read_meta(path)
    if meta.syntax != _DEFLATED:
        return
    if not meta.end:
        raise _refusal(path, "its header doesn't say where its deflated part begins")
    inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as stream, _errors_named(path):
        stream.seek(meta.end)
        while not inflater.eof and (packed := inflater.unconsumed_tail or stream.read(2**16)):
            size += len(inflater.decompress(packed, 2**20))
            if size > BYTES.value:
                raise _too_large(path, BYTES, "holds more, deflated")


def _choose(path: Path, data: "Dataset", frame: int | None) -> int:
    """Check what the header says of the pixels; return the frame's number, from 0."""
    if not any(name in data for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        kind = _name(data.get("SOPClassUID"))
        raise _refusal(path, f"it holds no pixels{f' ({kind})' if kind else ''}")
    rows, columns = int(data.Rows), int(data.Columns)
    if rows * columns > PIXELS.value:
        raise _too_large(path, PIXELS, f"has {columns} × {rows}")
    bits, samples = int(data.BitsAllocated), int(data.get("SamplesPerPixel") or 1)
    if (needed := _COPIES * rows * columns * samples * bits // 8) > MEMORY.value:
        raise _too_large(path, MEMORY, f"needs about {needed:,}")
    frames = int(data.get("NumberOfFrames") or 1)
    if frames > FRAMES.value:
        raise _too_large(path, FRAMES, f"holds {frames:,}")
    if frame is None and frames > 1:
        raise ImageError(
            f"Expected one film. Received: {path} holds {frames} frames.",
            hint=f"Export it alone; or choose it in predict, gradcam or segment: --frame N, with N from 1 to {frames}",
        )
    if frame is not None and not 1 <= frame <= frames:
        raise ImageError(
            f"Expected a file with a frame {frame}. Received: {path} holds {frames}.",
            hint=f"Choose a frame from 1 to {frames}",
        )
    return (frame or 1) - 1


def _name(uid: "UID | None") -> str:
    """The name of a UID of the standard; nothing for any other one, which is not to be shown."""
    name = str(getattr(uid, "name", ""))
    return name if name != uid else ""


def _decode_frame(data: "Dataset", index: int) -> np.ndarray:
    """(H, W) stored values; (H, W, 3) of a film in color."""
    from pydicom.pixels.utils import pixel_array
    from pydicom.uid import RLELossless

    syntax = data.file_meta.get("TransferSyntaxUID")
    plugin: dict[str, Any] = {}
    if syntax is not None and syntax.is_encapsulated and syntax != RLELossless:  # which pydicom decodes itself
        from cxr_cli.films import codecs

        if not codecs.is_available(syntax):
            kind = _name(syntax) or "an unknown syntax"
            raise FaultyFilmError(f"its pixels are compressed as {kind}, which is not for films")
        if codecs.lacks_decoder(syntax, int(data.BitsStored), int(data.get("SamplesPerPixel") or 1)):
            kind = _name(syntax).partition(",")[0]
            raise FaultyFilmError(
                f"its pixels are compressed as {kind}, which needs the extra dicom", how_to_install("imagecodecs")
            )
        codecs.register()
        plugin = {"decoding_plugin": codecs.PLUGIN}
    return np.asarray(pixel_array(data, index=index, raw=True, **plugin))


def _plain_syntax(data: "Dataset") -> "UID":
    """The transfer syntax of a file that doesn't say it, as pydicom read it."""
    from pydicom import uid

    implicit, little = data.original_encoding
    if not little:
        return uid.ExplicitVRBigEndian
    return uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian


def _gray_of_color(pixels: np.ndarray, data: "Dataset") -> np.ndarray:
    """(H, W, 3) -> (H, W) uint8; of more than 8 bits the upper 8 count, as Pillow reads a PNG."""
    shift = max(int(data.BitsStored) - 8, 0)
    if str(data.PhotometricInterpretation).startswith("YBR_FULL"):
        return np.ascontiguousarray(pixels[..., 0] >> shift).astype(np.uint8)  # Y is the gray of ITU-R 601
    return np.asarray(Image.fromarray((pixels >> shift).astype(np.uint8)).convert("L"))


def _gray_of_palette(pixels: np.ndarray, data: "Dataset") -> np.ndarray:
    """(H, W) numbers of colors -> (H, W) uint8."""
    from pydicom.pixels.processing import apply_color_lut

    low, high = int(pixels.min()), int(pixels.max())
    colors = apply_color_lut(np.arange(low, high + 1).astype(pixels.dtype)[None], data)
    colors = (colors[..., :3] >> (8 * (colors.dtype.itemsize - 1))).astype(np.uint8)
    gray = np.asarray(Image.fromarray(colors).convert("L"))[0]
    return LookupTable(low, gray, 8).look_up(pixels).astype(np.uint8)
