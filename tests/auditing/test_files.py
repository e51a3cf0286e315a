"""What the files of films say besides their pixels."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from cxr_cli.auditing.files import read_properties

EXIF = (
    b"MM\x00*" + struct.pack(">I", 8) + struct.pack(">H", 1) + struct.pack(">HHII", 0x010E, 2, 4, 0x61626300) + bytes(4)
)
END = -12  # where the last chunk of a PNG begins


def png(path, exif="", pixels=None):
    """Write a PNG whose EXIF precedes its pixels, follows them, or is missing."""
    film = np.random.default_rng(0).integers(0, 255, (40, 50)).astype(np.uint8) if pixels is None else pixels
    Image.fromarray(film).save(path)
    data = path.read_bytes()
    chunk = struct.pack(">I", len(EXIF)) + b"eXIf" + EXIF + struct.pack(">I", zlib.crc32(b"eXIf" + EXIF))
    place = {"": 0, "before": data.index(b"IDAT") - 4, "after": len(data) + END}[exif]
    path.write_bytes(data[:place] + chunk + data[place:] if exif else data)
    return path


@pytest.mark.parametrize("exif", ["", "before", "after"])
def test_exif_of_a_png_is_found_wherever_it_is(tmp_path, exif):
    assert read_properties(png(tmp_path / "film.png", exif)).exif == bool(exif)


@pytest.mark.parametrize(("exif", "loads"), [("", 0), ("before", 0), ("after", 1)])
def test_a_png_is_decoded_only_where_exif_may_follow_its_pixels(tmp_path, monkeypatch, exif, loads):
    seen, load = [], PngImageFile.load
    monkeypatch.setattr(PngImageFile, "load", lambda picture: seen.append(1) or load(picture))
    read_properties(png(tmp_path / "film.png", exif))

    assert len(seen) == loads
