"""Whether a file's bytes are a film, for less than reading it takes."""

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageStat
from PIL.JpegImagePlugin import JpegImageFile

_MIN_SIDE = 32  # as `read_film` asks for
_SURE_LEVELS = 8  # below it, rounding might tell a scaled film from the whole one
# What these say has to be understood too: what is understood of them is `read_film`'s to say.
_TO_UNDERSTAND = {"exif", "xmp", "mp"}
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Of the chunks of a plain PNG in gray that have a length of their own: one of another length may be refused.
_LENGTHS = {
    b"IHDR": 13,
    b"gAMA": 4,
    b"cHRM": 32,
    b"sRGB": 1,
    b"pHYs": 9,
    b"tIME": 7,
    b"sBIT": 1,
    b"bKGD": 2,
    b"IEND": 0,
}
_GRAY8 = b"\x08\x00\x00\x00\x00"  # 8 bits, gray, the one compression and filter method there is, not interlaced


def is_surely_film(data: bytes) -> bool:
    """Whether `read_film` reads these bytes of a plain JPEG, or of a PNG in gray: True proves it, False says nothing.

    Args:
        data: all of the file.
    """
    try:
        return _is_gray_png(data) if data.startswith(_PNG_SIGNATURE) else _is_jpeg(data)
    # Pillow's plugin and zlib raise many kinds for a broken file: `read_film` finds the words for it.
    except Exception:  # noqa: BLE001
        return False


def _is_jpeg(data: bytes) -> bool:
    """Decoded at 1/8: all data goes through the same decoder, which notices what is missing; 1 of 64 pixels is made.

    Each is its block's mean, and blocks' means differ only where pixels do: what isn't blank at 1/8 isn't blank.
    """
    with JpegImageFile(io.BytesIO(data)) as picture:
        width, height = picture.size
        if picture.mode not in {"L", "RGB"} or not _has_film_size(width, height):
            return False
        picture.draft(None, (width // 8, height // 8))
        low, high = ImageStat.Stat(picture.convert("L")).extrema[0]
        return not _TO_UNDERSTAND & picture.info.keys() and high - low >= _SURE_LEVELS


def _is_gray_png(data: bytes) -> bool:
    """Inflated, with the checksums of all its parts and as many bytes as it has pixels, but no pixel is computed.

    A row of one gray value has at most two values when it is filtered (PNG specification, 9.2).
    """
    width, height = struct.unpack_from(">II", data, 16)
    if data[24:29] != _GRAY8 or not _has_film_size(width, height):
        return False
    inflater = zlib.decompressobj()
    rows = inflater.decompress(_deflated(data), height * (width + 1) + 1)
    if not inflater.eof or len(rows) != height * (width + 1):
        return False
    filtered = np.frombuffer(rows, np.uint8).reshape(height, width + 1)
    return bool(filtered[:, 0].max() <= 4) and len(set(filtered[height // 2, 1:].tobytes())) >= _SURE_LEVELS


def _deflated(data: bytes) -> bytes:
    """The pixels of a PNG as they were compressed; empty where anything but them is out of the ordinary."""
    kinds, deflated = [b""], []
    place = len(_PNG_SIGNATURE)
    while kinds[-1] != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, place)
        body = data[place + 8 : place + 8 + length]
        (checksum,) = struct.unpack_from(">I", data, place + 8 + length)
        if zlib.crc32(body, zlib.crc32(kind)) != checksum:
            return b""
        if kind == b"IDAT":
            deflated.append(body)
        elif length != _LENGTHS.get(kind) or kind in kinds:
            return b""
        if kind != kinds[-1]:
            kinds.append(kind)
        place += length + 12
    return b"".join(deflated) if kinds[1] == b"IHDR" and kinds.count(b"IDAT") == 1 else b""


def _has_film_size(width: int, height: int) -> bool:
    return min(width, height) >= _MIN_SIDE and width * height <= (Image.MAX_IMAGE_PIXELS or 0)
