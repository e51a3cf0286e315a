"""The quick check accepts plain JPEG films, and no file that `read_film` refuses."""

import io
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_cli.errors import ImageError
from cxr_cli.films.proof import surely_film
from cxr_cli.films.reader import read_film
from cxr_cli.films.transforms import resize


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
    "large": encoded(noise(size=(800, 900)), "JPEG"),
}


def is_surely_film(data: bytes) -> bool:
    return surely_film(data) is not None


def is_read(data: bytes, folder: Path) -> bool:
    (folder / "film").write_bytes(data)
    try:
        read_film(folder / "film")
    except ImageError:
        return False
    return True


@pytest.mark.parametrize("name", PLAIN)
def test_plain_films_are_accepted(name, tmp_path):
    small = surely_film(PLAIN[name])

    assert is_read(PLAIN[name], tmp_path)
    assert small is not None
    assert small.shape == ((100, 113) if name == "large" else (80, 96))
    # Its thumbnail is that of the whole film.
    whole = read_film(tmp_path / "film")
    np.testing.assert_allclose(resize(small, 16).astype(int), resize(whole, 16), atol=6)


@pytest.mark.parametrize("name", PLAIN)
def test_a_film_truncated_anywhere_is_not_accepted(name):
    data = PLAIN[name]
    for end in {*range(0, len(data), len(data) // 60), *range(len(data) - 30, len(data) - 2)}:
        assert not is_surely_film(data[:end])


@pytest.mark.parametrize("name", PLAIN)
def test_no_randomly_damaged_film_is_accepted_that_the_reader_refuses(name, tmp_path):
    draw = random.Random(name)
    verdicts = set()
    for _ in range(150):
        data = bytearray(PLAIN[name])
        for _ in range(draw.randrange(1, 3)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        verdicts.add((is_surely_film(bytes(data)), is_read(bytes(data), tmp_path)))

    assert (True, False) not in verdicts


@pytest.mark.parametrize("size", [(31, 200), (200, 31)])
def test_a_too_small_film_is_not_accepted(size):
    assert not is_surely_film(encoded(noise(size=size), "JPEG"))


@pytest.mark.parametrize("value", [0, 1, 119, 120, 254, 255])
def test_a_blank_film_is_not_accepted_at_any_compression(value):
    blank = Image.new("L", (640, 641), value)
    for quality in (10, 75, 100):
        assert not is_surely_film(encoded(blank, "JPEG", quality=quality))
        assert not is_surely_film(encoded(blank.convert("RGB"), "JPEG", quality=quality))


def test_other_kinds_of_files_are_left_to_the_reader():
    exif = Image.Exif()
    exif[0x0112] = 6

    assert not is_surely_film(encoded(noise(), "JPEG", exif=exif))
    assert not is_surely_film(encoded(noise().convert("CMYK"), "JPEG"))
    for other in ("PNG", "TIFF", "BMP", "WEBP", "GIF"):
        assert not is_surely_film(encoded(noise(), other))
    assert not is_surely_film(b"")


def test_a_film_over_the_pixel_limit_is_not_accepted(monkeypatch):
    monkeypatch.setenv("CXR_MAX_PIXELS", str(80 * 96 - 1))

    assert not is_surely_film(PLAIN["jpeg"])


@pytest.mark.realdata
def test_films_of_the_collections_are_accepted(shared):
    for folder, least in (("covid-chestxray/images", 300), ("nih-frontal/pneumonia", 500)):
        films = [path.read_bytes() for path in sorted((shared / "data" / folder).iterdir())]
        assert sum(map(is_surely_film, films)) >= least
