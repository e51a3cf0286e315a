"""What a JPEG or JPEG-LS says of itself, from its first segments (ITU-T T.81, B.1 and B.2.2; T.87, C.2.2)."""

from typing import NamedTuple

_NO_FRAME = {0xC4, 0xC8, 0xCC}  # markers between those of frames: Huffman tables, reserved, arithmetic coding


class JpegFrame(NamedTuple):
    """The size of the picture in a JPEG."""

    rows: int
    columns: int
    bits: int  # of each value


def read_jpeg_frame(data: bytes) -> JpegFrame | None:
    """Read the size of a JPEG; None if the data is none.

    Args:
        data: a file, or as much of its beginning as there is.
    """
    place = 2
    while data[:2] == b"\xff\xd8" and place + 9 <= len(data) and data[place] == 0xFF:
        marker, length = data[place + 1], _number(data, place + 2)
        if (0xC0 <= marker <= 0xCF and marker not in _NO_FRAME) or marker == 0xF7:
            return JpegFrame(_number(data, place + 5), _number(data, place + 7), data[place + 4])
        if marker == 0xFF:  # fill bytes may precede a marker
            place += 1
        elif length < 2:
            return None
        else:
            place += 2 + length
    return None


def is_cut_short(data: bytes) -> bool:
    """Whether a JPEG, JPEG-LS or JPEG 2000 lacks its end marker, which is the same for all; padding may follow it."""
    return b"\xff\xd9" not in data.rstrip(b"\0")[-4:]


def _number(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 2], "big")
