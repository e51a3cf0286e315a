"""Copies of a film fit each other, however they were altered; other films do not."""

import numpy as np
import pytest
from PIL import Image, ImageFilter, ImageOps

from cxr_cli.films.likeness import CROPS
from cxr_cli.films.matching import CopyMatch, match_copies
from cxr_cli.films.phash import SIDE, WHOLE, Box, shrink
from cxr_cli.films.reader import read_film


@pytest.fixture(scope="module")
def picture(phantoms) -> Image.Image:
    return Image.fromarray(read_film(phantoms.parent / "covid.png"))


def match_copy(first: np.ndarray, second: np.ndarray, crop: Box, *, mirrored: bool) -> CopyMatch:
    (match,) = match_copies(first[None], second[None], [crop], mirrored=np.array([mirrored]))
    return match


def small(picture: Image.Image) -> np.ndarray:
    return shrink(np.asarray(picture))


@pytest.mark.parametrize(
    ("alter", "altered"),
    [
        (lambda film: film.rotate(3, Image.Resampling.BICUBIC), {"rotated"}),
        (ImageOps.equalize, set()),
        (lambda film: film.filter(ImageFilter.UnsharpMask(film.height / 20, 200, 0)), set()),
        (lambda film: film.point([round(255 * (level / 255) ** 2) for level in range(256)]), set()),
    ],
)
def test_altered_copies_fit(picture, alter, altered):
    found = match_copy(small(picture), small(alter(picture)), WHOLE, mirrored=False)

    assert found.copy
    assert found.correlation > 0
    assert {kind for kind in ("mirrored", "rotated") if getattr(found, kind)} == altered


def test_a_mirrored_and_inverted_crop_of_a_tenth_fits(picture):
    width, height = picture.size
    inside = picture.crop((width // 10, height // 10, width - width // 10, height - height // 10))
    found = match_copy(small(picture), small(ImageOps.mirror(ImageOps.invert(inside))), CROPS[3], mirrored=True)

    assert found.copy
    assert found.correlation < -0.9
    assert found.mirrored
    assert found.cropped
    assert not found.rotated


def test_other_films_do_not_fit(picture, phantoms):
    paths = sorted(path for path in phantoms.parent.glob("*.png") if path.name != "covid.png")
    others = [small(Image.fromarray(read_film(path))) for path in paths]

    assert not any(match_copy(small(picture), other, WHOLE, mirrored=False).copy for other in others)
    blank = np.full((SIDE, SIDE), 7, np.uint8)
    assert not match_copy(small(picture), blank, WHOLE, mirrored=False).copy


def test_pairs_that_are_matched_at_once_fit_as_they_do_alone(picture, phantoms):
    path = next(path for path in sorted(phantoms.parent.glob("*.png")) if path.name != "covid.png")
    films = [small(picture), small(ImageOps.mirror(picture)), small(Image.fromarray(read_film(path)))]
    first, mirrored = np.stack([films[0]] * len(films)), np.array([False, True, False])

    together = match_copies(first, np.stack(films), [WHOLE] * len(films), mirrored=mirrored)
    alone = [match_copy(films[0], film, WHOLE, mirrored=bool(way)) for film, way in zip(films, mirrored, strict=True)]
    assert [match.copy for match in together] == [True, True, False]
    assert [match.correlation for match in together] == pytest.approx([match.correlation for match in alone], abs=1e-3)
