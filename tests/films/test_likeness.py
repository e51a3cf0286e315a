"""Vectors of films: close for altered copies, and exact for mirrored ones."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from cxr_cli.films.likeness import (
    CLOSE,
    CLOSE_MOVED,
    CROPS,
    coarse_vectors,
    fine_vectors,
    likeness,
    mirrored_vectors,
    moved_likeness,
    movement,
    movements,
    movements_of_crops,
    normalized,
    vectors,
    vectors_of_crops,
)
from cxr_cli.films.phash import WHOLE, shrink
from cxr_cli.films.reader import read_film


@pytest.fixture(scope="module")
def picture(phantoms) -> Image.Image:
    return Image.fromarray(read_film(phantoms.parent / "covid.png"))


def normal(picture: Image.Image) -> np.ndarray:
    return normalized(shrink(np.asarray(picture))[None])


def test_the_mirrored_film_is_as_close_as_the_film_itself(picture):
    one, other = normal(picture), normal(ImageOps.mirror(picture))
    same, mirrored = likeness(vectors(one), vectors(other))

    assert mirrored[0, 0] == pytest.approx(1, abs=1e-3)
    assert same[0, 0] < CLOSE
    np.testing.assert_allclose(mirrored_vectors(fine_vectors(one)), fine_vectors(other), atol=0.02)


def test_contrast_counts_for_little(picture):
    own = vectors(normal(picture))
    for altered in (ImageOps.equalize(picture), picture.point([round(255 * (v / 255) ** 2) for v in range(256)])):
        assert likeness(own, vectors(normal(altered)))[0][0, 0] > 0.85


@pytest.mark.parametrize("degrees", [-3, 2])
def test_small_movements_are_allowed_for_and_told(picture, degrees):
    # A square, as a rotation of a film that is squeezed to a square is more than a rotation.
    picture = picture.resize((300, 300))
    one, other = normal(picture), normal(picture.rotate(degrees, Image.Resampling.BICUBIC))
    plain = likeness(vectors(one), vectors(other))[0][0, 0]
    moved = moved_likeness(movements(one, WHOLE), np.zeros(1, int), fine_vectors(other))[0]
    (place,) = movement(one, [WHOLE], other)

    assert moved > max(plain, CLOSE_MOVED)
    assert np.degrees(np.arctan2(place[1, 0], place[0, 0])) == pytest.approx(degrees, abs=1)


def test_vectors_of_several_crops_and_of_fine_vectors_are_the_vectors(picture):
    one = normal(picture)

    np.testing.assert_allclose(
        vectors_of_crops(one[0], CROPS), np.concatenate([vectors(one, crop) for crop in CROPS]), atol=1e-4
    )
    np.testing.assert_allclose(coarse_vectors(fine_vectors(one)), vectors(one), atol=1e-4)


def test_movements_of_several_crops_are_those_of_each(picture):
    films = np.concatenate([normal(picture), normal(ImageOps.mirror(picture))])
    crops = CROPS[1], CROPS[-1]

    each = np.concatenate([movements(film[None], crop) for film, crop in zip(films, crops, strict=True)])
    np.testing.assert_allclose(movements_of_crops(films, crops), each, rtol=1e-4, atol=1e-3 * np.abs(each).max())
