"""Clusters of a film by density: DBSCAN on position and gray level."""

import numpy as np
from PIL import Image

from cxr_cli.lungs.clusters import SIDE, Clusters

_GRID = 64  # points on each side; DBSCAN looks at the neighbors of every point
_GRAY = 12.0  # this many of 256 gray levels count as far as two neighboring points are apart
_REACH = 1.5  # the neighbors of a point are the eight around it, if their gray is close
_NEIGHBORS = 6  # a point with this many neighbors, itself included, is the core of a cluster


def dbscan(film: np.ndarray) -> Clusters:
    """Cluster a film by DBSCAN (Ester et al. 1996) into connected regions of similar gray.

    Gray levels are replaced by their rank among the film's pixels, so that exposure has no effect.

    Args:
        film: (H, W) uint8.

    Returns:
        The clusters on a grid of 64 × 64 points, enlarged; all after the 255th share its number. Darkness is one minus
        the mean gray rank of a point's cluster, or of the nearest cluster if the point is in none.
    """
    from scipy.ndimage import distance_transform_edt
    from sklearn.cluster import DBSCAN

    small = np.asarray(Image.fromarray(film).resize((_GRID, _GRID), Image.Resampling.BOX))
    rank = np.cumsum(np.bincount(film.ravel(), minlength=256))[small] / film.size
    down, across = np.mgrid[:_GRID, :_GRID]
    points = np.stack([across.ravel(), down.ravel(), rank.ravel() * 256 / _GRAY], axis=1)
    cluster_of = DBSCAN(eps=_REACH, min_samples=_NEIGHBORS).fit_predict(points).reshape(_GRID, _GRID)
    clusters = int(cluster_of.max()) + 1
    if clusters == 0:
        return _enlarged(np.zeros_like(small), 1 - rank, film.shape)
    means = np.array([rank[cluster_of == cluster].mean() for cluster in range(clusters)])
    number = np.empty(clusters, dtype=np.int64)
    number[np.argsort(means)] = np.arange(1, clusters + 1)
    nearest = distance_transform_edt(cluster_of < 0, return_distances=False, return_indices=True)
    labels = np.where(cluster_of < 0, 0, np.minimum(number[cluster_of], 255))
    return _enlarged(labels, 1 - means[cluster_of[tuple(nearest)]], film.shape)


def _enlarged(labels: np.ndarray, darkness: np.ndarray, shape: tuple[int, ...]) -> Clusters:
    size = (shape[1], shape[0])
    dark = Image.fromarray(darkness.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return Clusters(
        labels=np.asarray(Image.fromarray(labels.astype(np.uint8)).resize(size, Image.Resampling.NEAREST)),
        darkness=np.asarray(dark),
    )
