"""Resizing films and stretching their gray values."""

import numpy as np
import pytest

from cxr_cli.films.transforms import resize, stretch


def test_resize_makes_a_square(pixels):
    resized = resize(pixels, 24)

    assert (resized.shape, resized.dtype) == ((24, 24), np.uint8)


def test_a_film_of_the_target_size_is_unchanged(pixels):
    square = pixels[:40, :40]

    assert np.array_equal(resize(square, 40), square)


def test_resize_keeps_the_whole_film_without_padding():
    film = np.full((60, 20), 200, np.uint8)
    film[:30] = 100

    resized = resize(film, 20)

    assert (resized[:9] == 100).all()
    assert (resized[11:] == 200).all()


def test_resizing_a_large_film_does_not_alias():
    """Stripes of one pixel become gray; a resize that skips pixels would give black or white."""
    film = np.zeros((400, 400), np.uint8)
    film[:, ::2] = 255

    assert np.abs(resize(film, 50).astype(int) - 128).max() <= 5


def test_resize_does_not_modify_the_film(pixels):
    before = pixels.copy()
    resize(pixels, 16)

    assert np.array_equal(pixels, before)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[0, 255]], [[0, 255]]),
        ([[-3, -2, -1]], [[0, 128, 255]]),
        ([[1000, 1001]], [[0, 255]]),
        ([[7, 7]], [[0, 0]]),
        ([[0, 1e-3]], [[0, 255]]),
        ([[-3e38, 0, 3e38]], [[0, 128, 255]]),
    ],
)
def test_stretch_maps_minimum_and_maximum_to_black_and_white(values, expected):
    stretched = stretch(np.array(values, np.float32))

    assert stretched.dtype == np.uint8
    assert stretched.tolist() == expected


def test_stretching_16_bits_keeps_the_order():
    values = np.arange(65536, dtype=np.float32).reshape(256, 256)

    stretched = stretch(values)

    assert (np.diff(stretched.ravel().astype(int)) >= 0).all()
    assert np.array_equal(np.unique(stretched), np.arange(256))


def test_what_is_no_number_is_black_and_what_is_infinite_is_clipped():
    values = np.array([[np.nan, -np.inf, 10, 20, 30, np.inf]], np.float32)

    assert stretch(values).tolist() == [[0, 0, 0, 128, 255, 255]]
    assert stretch(np.full((2, 2), np.nan)).max() == 0
