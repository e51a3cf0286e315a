"""Overlays: no heat leaves the film unchanged, and the hottest place is covered by alpha."""

import numpy as np
import pytest
from PIL import Image

from cxr_cli.films.overlay import draw_clusters, draw_heat_map, draw_mask, heat, heat_levels, heat_palette, lay_heat
from cxr_cli.films.palette import heat_colors

HALF_HOT, HOTTEST = np.array([245, 123, 23]), np.array([252, 255, 164])


@pytest.fixture
def film() -> np.ndarray:
    """(330, 400) uint8 noise, large enough to keep its own pixels."""
    return np.random.default_rng(2).integers(0, 256, (330, 400)).astype(np.uint8)


def drawn(film: np.ndarray, cam: np.ndarray, *, alpha: float = 0.4, title: str = "covid 97%", caption: str = "CAM"):
    return draw_heat_map(film, np.asarray(cam, np.float32), alpha=alpha, title=title, caption=caption, beside=False)


def lightness(colors: np.ndarray) -> np.ndarray:
    """(…, 3) sRGB in [0, 255] -> (…) L* in [0, 100] (CIE 1976)."""
    shares = np.asarray(colors, dtype=np.float64) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    return np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance)


def film_part(picture: Image.Image, film: np.ndarray) -> np.ndarray:
    """Return the rows of `picture` between the text strips: those that match the film best."""
    rows = np.asarray(picture).astype(float)
    tops = range(rows.shape[0] - film.shape[0] + 1)
    best = min(tops, key=lambda top: np.abs(rows[top : top + film.shape[0], :4, 0] - film[:, :4]).sum())
    return rows[best : best + film.shape[0]]


def test_heat_is_the_positive_evidence_scaled_to_1():
    assert heat(np.array([[-4, 0], [1, 2]], np.float32)).tolist() == [[0, 0], [0.5, 1]]


@pytest.mark.parametrize("cam", [np.zeros((2, 2)), np.full((2, 2), -3.0)])
def test_a_map_without_positive_evidence_has_no_heat(cam):
    level = heat(cam.astype(np.float32))

    assert level.dtype == np.float32
    assert not level.any()


@pytest.mark.parametrize(("cam", "alpha"), [(np.zeros((7, 7)), 1), (np.full((7, 7), -1.0), 1), (np.ones((7, 7)), 0)])
def test_no_heat_or_alpha_0_leaves_the_pixels_unchanged(film, cam, alpha):
    part = film_part(drawn(film, cam, alpha=alpha), film)

    assert np.array_equal(part, np.stack([film] * 3, axis=-1))


@pytest.mark.parametrize("alpha", [0.25, 0.4, 1.0])
def test_alpha_covers_the_hottest_place_and_not_the_coldest(film, alpha):
    cam = np.zeros((11, 10))
    cam[5, 6] = 3
    part = film_part(drawn(film, cam, alpha=alpha), film)

    row, column = 30 * 5 + 15, 40 * 6 + 20
    expected = film[row, column] * (1 - alpha) + HOTTEST * alpha
    assert np.abs(part[row, column] - expected).max() < 3
    assert np.array_equal(part[:60, :80], np.stack([film[:60, :80]] * 3, axis=-1))


def test_half_the_heat_gets_half_the_alpha():
    film = Image.new("L", (400, 330))
    picture = np.asarray(lay_heat(film, np.array([[2, 2, 2, 2, 1, 1, 1, 1]], np.float32), alpha=0.8)).astype(float)

    middle = picture.shape[0] // 2
    assert np.abs(picture[middle, 50] - 0.8 * HOTTEST).max() < 3
    assert np.abs(picture[middle, 350] - 0.4 * HALF_HOT).max() < 3


@pytest.mark.parametrize("alpha", [0.25, 1.0])
def test_the_heat_layer_over_the_film_equals_the_overlay(film, alpha):
    cam = np.random.default_rng(4).normal(size=(7, 6)).astype(np.float32)
    levels = heat_levels(cam, size=(400, 330))
    opacity = alpha * levels[..., None] / 255
    laid = film[..., None] * (1 - opacity) + heat_palette()[levels] * opacity

    apart = np.abs(laid - film_part(drawn(film, cam, alpha=alpha), film)).max(axis=-1)
    half = levels >= 255 / 2
    assert apart[levels < 255 * 0.3].max() < 3
    assert (apart[half] < 3).mean() > 0.5  # all but the line around it


def test_the_hotter_the_lighter():
    steps = lightness(heat_colors(np.linspace(0, 1, 33)))

    assert (np.diff(steps) > 1).all()
    assert steps[0] < 40
    assert steps[-1] > 95
    evenness = np.diff(steps) / np.diff(steps).mean()
    assert 0.6 < evenness.min() <= evenness.max() < 1.4


@pytest.mark.parametrize("gray", [0, 50, 100])
def test_more_heat_is_lighter_on_the_film_too(gray):
    film, cam = Image.new("L", (330, 40), gray), np.linspace(0, 1, 33, dtype=np.float32)[None]
    across = lightness(np.asarray(lay_heat(film, cam, alpha=0.5)))[20]
    hot = across[[200, 220, 240, 260, 280, 300, 320]]  # beyond the line at half of the peak

    assert (np.diff(hot) > 1).all()
    assert hot[0] > lightness(np.array([gray] * 3))


def test_a_white_line_in_black_is_at_half_of_the_peak():
    film, cam = Image.new("L", (400, 330), 128), np.repeat(np.linspace(-0.2, 1, 60, dtype=np.float32)[None], 40, axis=0)
    picture = np.asarray(lay_heat(film, cam, alpha=0.5)).astype(int)
    row = picture[160]
    line = np.flatnonzero((row == 255).all(axis=-1))
    level = np.asarray(Image.fromarray(heat(cam)).resize((400, 330), Image.Resampling.BICUBIC))[160]

    assert len(line) == 1
    assert level[line[0] - 1] < 0.5 <= level[line[0]] < 0.51
    assert (row[[line[0] - 1, line[0] + 1]] == 0).all()


def test_the_bar_has_the_colors_of_the_heat_on_gray_from_none_to_most(film):
    picture = np.asarray(drawn(film, np.zeros((7, 7)), alpha=1.0, title="", caption="")).astype(int)
    bar = picture[12 + 330 + 6 + 6]  # below the film, which is below the margins of an empty title

    np.testing.assert_allclose(bar[6], [100, 100, 100], atol=1)  # none: the film itself
    np.testing.assert_allclose(bar[-7], HOTTEST, atol=1)
    assert (bar[200] == 255).all()  # where the line is
    assert (np.diff(lightness(bar[204:-7:12])) > 0).all()
    assert not bar[:6].any()


def test_the_bare_film_is_beside_the_overlay(film):
    cam = np.random.default_rng(4).normal(size=(7, 6)).astype(np.float32)
    both = draw_heat_map(film, cam, alpha=0.5, title="covid", caption="CAM")
    alone = drawn(film, cam, alpha=0.5, title="covid", caption="CAM")

    assert both.width == 2 * 400 + 4
    assert both.height == alone.height
    top = np.asarray(both).shape[0] - 330
    rows = film_part(both, film)
    assert top > 0
    np.testing.assert_array_equal(rows[:, :400], np.stack([film] * 3, axis=-1))
    np.testing.assert_array_equal(rows[:, 404:], film_part_of_overlay(alone, cam, film))


def film_part_of_overlay(picture: Image.Image, cam: np.ndarray, film: np.ndarray) -> np.ndarray:
    """The rows of a picture that are the overlay."""
    laid = np.asarray(lay_heat(Image.fromarray(film), cam, alpha=0.5))
    rows = np.asarray(picture)
    (top,) = (top for top in range(len(rows) - len(laid) + 1) if np.array_equal(rows[top : top + len(laid)], laid))
    return rows[top : top + len(laid)].astype(float)


def test_the_film_keeps_its_size_between_a_title_and_a_caption(film):
    picture = drawn(film, np.zeros((7, 7)))

    assert (picture.mode, picture.width) == ("RGB", 400)
    assert 330 + 3 * 20 < picture.height < 330 + 3 * 50


def test_title_and_caption_are_on_black_above_and_below():
    film = np.full((330, 400), 255, np.uint8)
    rows = np.asarray(drawn(film, np.zeros((7, 7)), title="covid 97%", caption="not a diagnosis")).max(axis=-1)
    white = np.flatnonzero((rows == 255).all(axis=1))
    above, below = rows[: white[0]], rows[white[-1] + 1 :]

    assert len(white) == 330
    for strip in (above, below):
        assert strip[0].max() == strip[-1].max() == 0
        assert strip.max() > 150
        assert 0.003 < (strip > 100).mean() < 0.3


def test_the_overlay_depends_on_the_title_and_is_deterministic(film):
    one, again, other = (
        np.asarray(drawn(film, np.zeros((7, 7)), title=title)) for title in ("covid 97%", "covid 97%", "covid 96%")
    )

    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_long_caption_is_wrapped(film):
    short = drawn(film, np.zeros((7, 7)), caption="word")
    long = drawn(film, np.zeros((7, 7)), caption="word " * 60)

    assert long.width == short.width
    assert long.height > short.height + 20
    below = np.asarray(long)[short.height - 20 :]
    assert below.any()
    assert not below[:, -6:].any()
    assert not below[-6:].any()


@pytest.mark.parametrize(("shape", "size"), [((64, 80), (320, 256)), ((80, 64), (320, 400)), ((40, 319), (320, 40))])
def test_a_small_film_is_enlarged_to_fit_the_text(shape, size):
    film = np.random.default_rng(3).integers(0, 256, shape).astype(np.uint8)
    picture = draw_heat_map(film, np.zeros((7, 7), np.float32), alpha=0.5, title="", caption="")

    assert picture.width == 2 * size[0] + 4
    bare = np.asarray(picture)[:, : size[0], 0]
    filled = np.flatnonzero(bare.any(axis=1))
    assert filled[-1] - filled[0] + 1 == size[1]


def test_film_and_map_are_not_modified(film):
    cam = np.array([[1, -1], [0, 2]], np.float32)
    kept = film.copy(), cam.copy()
    drawn(film, cam)

    assert np.array_equal(film, kept[0])
    assert np.array_equal(cam, kept[1])


def test_a_mask_tints_only_its_inside(film):
    mask = np.zeros_like(film, dtype=bool)
    mask[100:200, 100:300] = True
    picture = np.asarray(draw_mask(film, mask, title="Lungs", caption="CAM"))
    top = next(row for row in range(len(picture)) if (picture[row, :, 0] == film[0]).all())
    shown, gray = picture[top : top + 330].astype(int), film[..., None].astype(int)

    np.testing.assert_array_equal(shown[~mask], np.repeat(gray[~mask], 3, axis=1))
    inside = (slice(110, 190), slice(110, 290))
    np.testing.assert_allclose(shown[inside], 0.85 * gray[inside] + 0.15 * np.array([64, 224, 208]), atol=1)
    np.testing.assert_array_equal(shown[100, 100:300], [[64, 224, 208]] * 200)


def test_a_cluster_map_keeps_the_labels_and_gives_each_a_color():
    labels = np.arange(4, dtype=np.uint8).repeat(16).reshape(8, 8)
    picture = draw_clusters(labels)
    colors = np.asarray(picture.convert("RGB"))

    np.testing.assert_array_equal(np.asarray(picture), labels)
    np.testing.assert_array_equal(colors[0, 0], [0, 0, 0])
    assert (np.diff(lightness(colors[::2, 0])) > 10).all()  # each lighter than the one before
