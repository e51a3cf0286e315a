"""Decoders of compressed DICOM films for pydicom, through imagecodecs, or as far as it goes Pillow.

pydicom finds them as a plugin: `register` adds it. A frame that claims another size than its DICOM header is refused
before it is decoded, so that the limit on pixels holds for it too.
"""

from typing import TYPE_CHECKING

from pydicom import uid
from pydicom.pixels.common import PhotometricInterpretation
from pydicom.pixels.decoders.base import get_decoder

from cxr_cli.extras import missing_modules
from cxr_cli.films.jpeg import is_cut_short, read_jpeg_frame

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import DecodeRunner

PLUGIN = "cxr"
_JPEG = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1)
_JPEG_LS = (uid.JPEGLSLossless, uid.JPEGLSNearLossless)
_JPEG_2000 = (uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K)
SYNTAXES = _JPEG + _JPEG_LS + _JPEG_2000
# pydicom asks plugins for these two. What is needed is in the base install, or `lacks_decoder` is asked before.
DECODER_DEPENDENCIES = dict.fromkeys(SYNTAXES, ("pillow",))


def is_available(syntax: str) -> bool:
    """Whether frames of a transfer syntax can be decoded."""
    return syntax in SYNTAXES


def lacks_decoder(syntax: str, bits: int, samples: int) -> bool:
    """Whether a film needs imagecodecs, which is not installed.

    Args:
        syntax: one of `SYNTAXES`.
        bits: of each value.
        samples: values of each pixel, 3 of a film in color.
    """
    by_pillow = bits <= 8 or samples == 1 if syntax in _JPEG_2000 else bits <= 8 and syntax in _JPEG[:2]
    return not by_pillow and _without_imagecodecs()


def _without_imagecodecs() -> bool:
    return bool(missing_modules("imagecodecs"))


def register() -> None:
    """Let pydicom decode frames through this module; may be called again."""
    for syntax in SYNTAXES:
        decoder = get_decoder(syntax)
        if PLUGIN not in decoder.available_plugins:
            decoder.add_plugin(PLUGIN, (__name__, decode_frame.__name__))


def decode_frame(frame: bytes, runner: "DecodeRunner") -> bytes | bytearray:
    """Decode one frame; `runner` says what its pixels are, and is told what they are in memory.

    Raises:
        ValueError: the frame isn't compressed as its file says, or has another size.
    """
    syntax = runner.transfer_syntax
    coded, header = coded_size(frame, syntax), (runner.rows, runner.columns)
    if coded != header:
        raise ValueError(
            f"its compressed frame has {coded[1]} × {coded[0]} pixels, its header says {header[1]} × {header[0]}"
        )
    if is_cut_short(frame):  # the decoders fill what is missing
        raise ValueError("its compressed frame is cut short")
    # It knows what colors a JPEG without a marker has; but takes half as long again for JPEG 2000.
    if (syntax in _JPEG[:2] and runner.samples_per_pixel == 3) or _without_imagecodecs():
        from pydicom.pixels.decoders import pillow

        try:
            return bytes(pillow._decode_frame(frame, runner))
        except OSError as error:
            raise ValueError("its compressed frame can't be decoded without the extra dicom, or is damaged") from error
    import imagecodecs

    if syntax in _JPEG_2000:
        pixels = imagecodecs.jpeg2k_decode(frame)
        if runner.photometric_interpretation in {PhotometricInterpretation.YBR_ICT, PhotometricInterpretation.YBR_RCT}:
            runner.set_option("photometric_interpretation", PhotometricInterpretation.RGB)
    elif syntax in _JPEG_LS:
        pixels = imagecodecs.jpegls_decode(frame)
    else:
        pixels = imagecodecs.jpeg8_decode(frame)
    runner.set_option("bits_allocated", 8 * pixels.dtype.itemsize)
    runner.set_option("planar_configuration", 0)
    return pixels.tobytes()


def coded_size(frame: bytes, syntax: str) -> tuple[int, int]:
    """Read the rows and columns of a compressed frame, from the few bytes that say so.

    Raises:
        ValueError: there are none.
    """
    size = _size_of_jpeg_2000(frame) if syntax in _JPEG_2000 else read_jpeg_frame(frame)
    if size is None:
        raise ValueError(f"its compressed frame is not of the kind {uid.UID(syntax).name}")
    return size[:2]


def _size_of_jpeg_2000(frame: bytes) -> tuple[int, int] | None:
    """JPEG 2000 (ITU-T T.800, A.5.1): the size follows the start of the codestream, alone or in a file of boxes."""
    start = frame.find(b"\xff\x4f\xff\x51")
    if start < 0 or len(frame) < start + 24:
        return None
    right, bottom, left, top = (
        int.from_bytes(frame[place : place + 4], "big") for place in range(start + 8, start + 24, 4)
    )
    return bottom - top, right - left
