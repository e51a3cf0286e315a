import numpy as np

from cxr_cli.lungs.clusters import SIDE
from cxr_cli.lungs.density import dbscan


def patches() -> np.ndarray:
    """A bright image with a uniform dark patch on the left and a uniform gray one on the right."""
    film = np.full((256, 192), 220, dtype=np.uint8)
    film[64:192, 20:70] = 30
    film[64:192, 120:170] = 120
    return film


def test_uniform_regions_are_clusters_from_dark_to_bright():
    found = dbscan(patches())

    assert found.labels.shape == (256, 192)
    assert [found.labels[y, x] for y, x in ((128, 45), (128, 145), (10, 10))] == [1, 2, 3]
    assert found.darkness.shape == (SIDE, SIDE)
    assert found.darkness[64, 30] > found.darkness[64, 97] > found.darkness[3, 3]


def test_separate_patches_of_the_same_gray_are_two_clusters():
    film = np.where(patches() < 200, 30, 220).astype(np.uint8)
    labels = dbscan(film).labels

    assert {labels[128, 45], labels[128, 145]} == {1, 2}


def test_clusters_do_not_depend_on_exposure():
    film = patches()

    np.testing.assert_array_equal(dbscan(film).labels, dbscan(film // 2 + 20).labels)


def test_noise_has_no_cluster_and_keeps_its_gray_values():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    found = dbscan(noise)

    assert not found.labels.any()
    assert np.corrcoef(found.darkness[::2, ::2].ravel(), noise.ravel())[0, 1] < -0.5
