import numpy as np
from PIL import Image

from cxr_cli.lungs.gray_levels import fuzzy_cmeans, otsu
from cxr_cli.lungs.masks import dice, settled
from cxr_cli.lungs.prior import contrasts, fit, lung_prior, points, smooth
from cxr_cli.rendering.render import render


def test_the_mean_outline_is_two_lungs_from_left_to_right():
    prior = lung_prior()
    left, right = points(prior.mean[None])[0]

    assert (prior.mean.shape, prior.modes.shape, prior.weights.shape) == ((68,), (12, 68), (140,))
    assert left[:, 0].max() < 0.5 < right[:, 0].min()
    assert left.min() > 0
    assert right.max() < 1
    assert abs(prior.weights.sum() - 1) < 1e-3


def test_measuring_an_outline_gives_it_back(lungs_prior):
    lungs = render(positive=False, seed=3).lungs
    outline = points(lungs_prior.measure(lungs)[None])[0]
    even = np.zeros((128, 128), dtype=np.float32)

    small = np.asarray(Image.fromarray(lungs).resize((128, 128)))
    assert dice(settled(outline, even), small) > 0.96


def test_contrast_is_positive_when_the_inside_is_darker():
    shape = lung_prior().mean[None]
    inside = settled(points(shape)[0], np.zeros((128, 128), dtype=np.float32)).astype(np.float32)

    assert np.median(contrasts(smooth(inside), shape)) == 0.2
    assert np.median(contrasts(smooth(1 - inside), shape)) == -0.2


def test_the_fit_follows_shifted_lungs():
    darkness = otsu(render(positive=False, seed=8).film).darkness
    moved = np.roll(darkness, 6, axis=1)
    here, there = (fit(values, lung_prior()).outline.mean(axis=(0, 1)) for values in (darkness, moved))

    np.testing.assert_allclose((there - here) * 128, [6, 0], atol=2.5)


def test_fitting_is_deterministic():
    darkness = fuzzy_cmeans(render(positive=True, seed=9).film).darkness
    first, second = (fit(darkness, lung_prior()) for _ in range(2))

    np.testing.assert_array_equal(first.outline, second.outline)
    assert first.contrast > 0.15
