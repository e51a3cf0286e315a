"""Clusters of a film by density: DBSCAN on place and gray."""

import numpy as np
from PIL import Image

from cxr_cli.lungs.clusters import SIDE, Clusters

_GRID = 64  # points a side: DBSCAN looks at every point's neighbors
_GRAY = 12.0  # that many of 256 steps of gray are as far apart as two neighboring points
_REACH = 1.5  # neighbors: the eight around a point, if their gray is close
_NEIGHBORS = 6  # with itself, that make a point the core of a cluster


def dbscan(film: np.ndarray) -> Clusters:
    """Cluster a film by DBSCAN (Ester et al. 1996) into connected places of even gray.

    Gray counts by its rank among the film's pixels, so that exposure plays no part.

    Args:
        film: (H, W) uint8.

    Returns:
        The clusters on a grid of 64 × 64 points, enlarged; those after the 255th share its number. Darkness is the mean
        gray rank of a point's cluster, or of the nearest where it has none.
    """
    from scipy.ndimage import distance_transform_edt
    from sklearn.cluster import DBSCAN

    small = np.asarray(Image.fromarray(film).resize((_GRID, _GRID), Image.Resampling.BOX))
    rank = np.cumsum(np.bincount(film.ravel(), minlength=256))[small] / film.size
    down, across = np.mgrid[:_GRID, :_GRID]
    points = np.stack([across.ravel(), down.ravel(), rank.ravel() * 256 / _GRAY], axis=1)
    found = DBSCAN(eps=_REACH, min_samples=_NEIGHBORS).fit_predict(points).reshape(_GRID, _GRID)
    clusters = int(found.max()) + 1
    if clusters == 0:
        return _enlarged(np.zeros_like(small), 1 - rank, film.shape)
    means = np.array([rank[found == cluster].mean() for cluster in range(clusters)])
    number = np.empty(clusters, dtype=np.int64)
    number[np.argsort(means)] = np.arange(1, clusters + 1)
    nearest = distance_transform_edt(found < 0, return_distances=False, return_indices=True)
    labels = np.where(found < 0, 0, np.minimum(number[found], 255))
    return _enlarged(labels, 1 - means[found[tuple(nearest)]], film.shape)


def _enlarged(labels: np.ndarray, darkness: np.ndarray, shape: tuple[int, ...]) -> Clusters:
    size = (shape[1], shape[0])
    dark = Image.fromarray(darkness.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return Clusters(
        labels=np.asarray(Image.fromarray(labels.astype(np.uint8)).resize(size, Image.Resampling.NEAREST)),
        darkness=np.asarray(dark),
    )
