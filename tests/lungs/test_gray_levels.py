import numpy as np
import pytest
from skfuzzy.cluster import cmeans

from cxr_cli.lungs.clusters import SIDE
from cxr_cli.lungs.gray_levels import fuzzy_cmeans, memberships, otsu
from cxr_cli.rendering.render import render


@pytest.mark.parametrize(("seed", "clusters"), [(1, 4), (2, 4), (3, 2), (4, 3)])
def test_memberships_match_scikit_fuzzy(seed, clusters):
    film = render(positive=True, seed=seed, size=(128, 160)).film

    centers, expected, *_ = cmeans(film.reshape(1, -1).astype(float), clusters, 2.0, error=1e-5, maxiter=2000, seed=0)

    found = memberships(film, clusters)[:, film.ravel()]
    np.testing.assert_allclose(found, expected[np.argsort(centers[:, 0])], atol=1e-3)


def test_memberships_of_each_level_sum_to_1():
    found = memberships(render(positive=False, seed=5).film)

    assert found.shape == (4, 256)
    np.testing.assert_allclose(found.sum(axis=0), 1)


def test_levels_are_weighted_by_their_pixel_count():
    few = np.repeat(np.uint8([0, 100, 200]), [10, 10, 10]).reshape(5, 6)
    many = np.repeat(np.uint8([0, 100, 200]), [10, 10, 1000]).reshape(30, 34)

    # The centers are at about 0 and 200, unless a thousand bright pixels leave the darker center between 0 and 100.
    assert memberships(few, 2)[0, 100] == pytest.approx(0.5, abs=0.01)
    assert memberships(many, 2)[0, 100] > 0.65


def test_clusters_are_ordered_from_dark_to_bright():
    film = np.repeat(np.uint8([0, 80, 160, 250]), 64 * 16).reshape(64, 64)
    found = fuzzy_cmeans(film)

    np.testing.assert_array_equal(found.labels, np.repeat(np.uint8([1, 2, 3, 4]), 64 * 16).reshape(64, 64))
    assert found.darkness.shape == (SIDE, SIDE)
    np.testing.assert_allclose(found.darkness[[0, -1], 0], [1, 0], atol=0.01)


def test_otsu_maximizes_the_variance_between_classes():
    film = render(positive=True, seed=6).film
    pixels = film.ravel().astype(float)

    def between(threshold: int) -> float:
        dark = pixels <= threshold
        return dark.mean() * (1 - dark.mean()) * (pixels[dark].mean() - pixels[~dark].mean()) ** 2

    best = max(range(int(film.min()), int(film.max())), key=between)

    np.testing.assert_array_equal(otsu(film).labels, np.where(film <= best, 1, 2))


@pytest.mark.parametrize("method", [fuzzy_cmeans, otsu])
@pytest.mark.parametrize("levels", [1, 2])
def test_fewer_levels_than_clusters_are_accepted(method, levels):
    film = np.arange(64, dtype=np.uint8).reshape(8, 8) % levels + 100
    found = method(film)

    assert np.isfinite(found.darkness).all()
    assert len(np.unique(found.labels)) == levels
