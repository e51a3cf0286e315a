"""What is proved to be a film is one to `read_film`, and plain films are proved."""

import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_cli.errors import ImageError
from cxr_cli.imaging.proof import is_surely_film
from cxr_cli.imaging.reader import read_film


def noise(seed: int = 0, *, size: tuple[int, int] = (80, 96)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).normal(120, 40, size).clip(0, 255).astype(np.uint8))


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    data = io.BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()


PLAIN = {
    "jpeg": encoded(noise(), "JPEG", quality=90),
    "progressive": encoded(noise(), "JPEG", progressive=True),
    "color jpeg": encoded(noise().convert("RGB"), "JPEG"),
    "restarts": encoded(noise(), "JPEG", restart_marker_blocks=2),
    "png": encoded(noise(), "PNG", dpi=(300, 300)),
    "large png": encoded(noise(size=(700, 700)), "PNG", compress_level=0),
}


def is_read(data: bytes, folder: Path) -> bool:
    (folder / "film").write_bytes(data)
    try:
        read_film(folder / "film")
    except ImageError:
        return False
    return True


def with_chunk(png: bytes, kind: bytes, body: bytes, *, at: int = 33) -> bytes:
    """A PNG with one more chunk, after its header by default."""
    chunk = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return png[:at] + chunk + png[at:]


@pytest.mark.parametrize("name", PLAIN)
def test_plain_films_are_proved(name, tmp_path):
    assert is_surely_film(PLAIN[name])
    assert is_read(PLAIN[name], tmp_path)


@pytest.mark.parametrize("name", PLAIN)
def test_what_is_cut_short_anywhere_is_not_proved(name):
    data = PLAIN[name]
    for end in {*range(0, len(data), len(data) // 60), *range(len(data) - 30, len(data) - 2)}:
        assert not is_surely_film(data[:end])


@pytest.mark.parametrize("name", PLAIN)
def test_of_films_damaged_at_random_none_is_proved_that_is_refused(name, tmp_path):
    draw = random.Random(name)
    verdicts = set()
    for _ in range(150):
        data = bytearray(PLAIN[name])
        for _ in range(draw.randrange(1, 3)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        verdicts.add((is_surely_film(bytes(data)), is_read(bytes(data), tmp_path)))

    assert (True, False) not in verdicts
    assert (False, False) in verdicts or "jpeg" in name or name == "restarts"


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(31, 200), (200, 31)])
def test_a_film_too_small_is_not_proved(kind, size):
    assert not is_surely_film(encoded(noise(size=size), kind))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("value", [0, 1, 119, 120, 254, 255])
def test_a_blank_film_is_not_proved_however_it_was_compressed(kind, value):
    blank = Image.new("L", (640, 641), value)
    for quality in (10, 75, 100):
        assert not is_surely_film(encoded(blank, kind, quality=quality))
        assert not is_surely_film(encoded(blank.convert("RGB"), kind, quality=quality))


@pytest.mark.parametrize("filtered", range(5))
def test_a_blank_png_is_not_proved_whatever_its_filter(filtered, tmp_path):
    """Row by row as the specification has it, for one gray value: none, sub, up, average, Paeth."""
    width, height, value = 64, 64, 200
    rows = []
    for row in range(height):
        above = value if row else 0
        left = np.r_[0, np.full(width - 1, value)]
        upper_left = np.r_[0, np.full(width - 1, above)]
        paeth = [
            min((a, above, c), key=lambda p, a=a, c=c: (abs(a + above - c - p), (a, above, c).index(p)))
            for a, c in zip(left.tolist(), upper_left.tolist(), strict=True)
        ]
        guess = [np.zeros(width), left, np.full(width, above), (left + above) // 2, np.array(paeth)][filtered]
        rows.append(bytes([filtered]) + ((value - guess) % 256).astype(np.uint8).tobytes())
    data = encoded(Image.new("L", (width, height)), "PNG")
    data = with_chunk(data[:33] + data[-12:], b"IDAT", zlib.compress(b"".join(rows)))

    with Image.open(io.BytesIO(data)) as picture:
        assert picture.getextrema() == (value, value)
    assert not is_surely_film(data)


def test_a_png_whose_pixels_end_early_though_every_checksum_is_right_is_not_proved(tmp_path):
    rows = np.random.default_rng(0).integers(0, 256, (64, 65), dtype=np.uint8)
    rows[:, 0] = 0
    start = encoded(Image.new("L", (64, 64)), "PNG")
    start = start[:33] + start[-12:]

    def png(pixels: bytes) -> bytes:
        return with_chunk(start, b"IDAT", zlib.compress(pixels))

    assert is_surely_film(png(rows.tobytes()))
    assert not is_surely_film(png(rows[:-1].tobytes()))
    assert not is_surely_film(png(rows.tobytes() + b"\0"))
    rows[40, 0] = 5  # no such filter
    assert not is_surely_film(png(rows.tobytes()))
    assert not is_read(png(rows.tobytes()), tmp_path)


def test_what_has_to_be_understood_first_is_left_to_the_reader():
    png = PLAIN["png"]
    exif = Image.Exif()
    exif[0x0112] = 6

    assert not is_surely_film(encoded(noise(), "JPEG", exif=exif))
    assert not is_surely_film(encoded(noise().convert("CMYK"), "JPEG"))
    assert not is_surely_film(encoded(noise().convert("RGBA"), "PNG"))
    assert not is_surely_film(encoded(noise().convert("I;16"), "PNG"))
    assert not is_surely_film(with_chunk(png, b"tEXt", b"XML:com.adobe.xmp\0<x/>"))
    assert not is_surely_film(with_chunk(png, b"gAMA", b"\0"))  # too short: refused by Pillow
    assert is_surely_film(with_chunk(png, b"gAMA", struct.pack(">I", 45455)))
    for other in ("TIFF", "BMP", "WEBP", "GIF"):
        assert not is_surely_film(encoded(noise(), other))
    assert not is_surely_film(b"")


def test_a_film_of_more_pixels_than_are_read_is_not_proved(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 80 * 96 - 1)

    assert not is_surely_film(PLAIN["jpeg"])
    assert not is_surely_film(PLAIN["png"])


@pytest.mark.realdata
def test_films_of_the_collections_are_proved(shared):
    for folder, least in (("covid-chestxray/images", 300), ("nih-frontal/pneumonia", 500)):
        films = [path.read_bytes() for path in sorted((shared / "data" / folder).iterdir())]
        assert sum(map(is_surely_film, films)) >= least
