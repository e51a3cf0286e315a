"""Each view of a film shows what it says, and leaves the film as it is."""

import numpy as np
import pytest

from cxr_cli.auditing.model_views import BORDER_SHARE, RIM, SHIFT, VIEWS, Asks

SIDE = 200
RNG = np.random.default_rng(0)


@pytest.fixture
def lungs():
    """Two rectangles, 40 wide and 100 high."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[50:150, 40:80] = mask[50:150, 120:160] = True
    return mask


@pytest.fixture
def film(lungs):
    """Body of gray 100 to 109, lungs of gray 200 to 209."""
    return (RNG.integers(100, 110, (SIDE, SIDE)) + 100 * lungs).astype(np.uint8)


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_has_the_films_size_and_leaves_the_film_alone(name, film, lungs):
    before = film.copy()

    shown = VIEWS[name].change(film, lungs)

    assert (shown.shape, shown.dtype) == (film.shape, np.uint8)
    assert (film == before).all()
    assert (name == "whole") == bool((shown == film).all())


def test_only_the_first_view_shows_films_as_they_are():
    assert [name for name, view in VIEWS.items() if view.asks is Asks.ALL] == ["whole"]
    assert next(iter(VIEWS)) == "whole"


def test_lungs_only_and_lungs_black_share_no_pixel(film, lungs):
    only, without = (VIEWS[name].change(film, lungs) for name in ("lungs_only", "lungs_black"))

    assert (only[lungs] == film[lungs]).all()
    assert not only[~lungs].any()
    assert not without[lungs].any()
    rim = round(RIM * SIDE)
    assert not without[50 - rim : 150 + rim, 40 - rim : 80 + rim].any()
    assert (without[:, : 40 - rim] == film[:, : 40 - rim]).all()


def test_filled_lungs_have_the_gray_of_what_surrounds_them(film, lungs):
    shown = VIEWS["lungs_filled"].change(film, lungs)

    assert shown.min() >= 100
    assert shown.max() < 112
    assert (shown[:, :30] == film[:, :30]).all()
    assert (shown[60:140, 90:110] == film[60:140, 90:110]).all()  # the mediastinum


def test_without_the_chest_one_gray_rectangle_is_left(film, lungs):
    shown = VIEWS["box_gray"].change(film, lungs)

    rim = round(RIM * SIDE)
    assert (shown[50 - rim : 150 + rim, 40 - rim : 160 + rim] == 128).all()
    assert (shown[: 50 - rim] == film[: 50 - rim]).all()
    assert (shown[:, 160 + rim :] == film[:, 160 + rim :]).all()


def test_the_border_is_the_outer_tenth(film, lungs):
    shown = VIEWS["border_only"].change(film, lungs)

    width = round(BORDER_SHARE * SIDE)
    assert not shown[width:-width, width:-width].any()
    assert shown.any(axis=0).all()
    assert (shown[:width] == film[:width]).all()
    assert (shown[:, -width:] == film[:, -width:]).all()


def test_lungs_move_with_the_film(film, lungs):
    moved = {name for name, view in VIEWS.items() if view.moves}

    assert moved == {"mirrored", "shifted"}
    for name in moved:
        change = VIEWS[name].change
        assert (change(film, lungs)[change(lungs, lungs)] >= 200).all()
    assert (VIEWS["mirrored"].change(film, lungs) == film[:, ::-1]).all()
    step = round(SHIFT * SIDE)
    assert (VIEWS["shifted"].change(film, lungs)[step:, step:] == film[:-step, :-step]).all()


def test_blur_and_detail_share_a_film(film, lungs):
    blurred, detail = (VIEWS[name].change(film, lungs) for name in ("blurred", "detail_only"))

    assert blurred[5:45, 5:195].std() < film[5:45, 5:195].std() / 2
    assert abs(float(detail.mean()) - 128) < 1
    assert abs(float(blurred.mean()) - float(film.mean())) < 1


def test_a_film_without_lungs_can_be_viewed(film):
    nothing = np.zeros((SIDE, SIDE), bool)

    assert (VIEWS["box_gray"].change(film, nothing) == film).all()
    assert not VIEWS["lungs_only"].change(film, nothing).any()
