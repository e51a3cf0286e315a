"""Clusters of a film's gray levels: fuzzy C-means and Otsu's threshold. Both need only the histogram of a film."""

import numpy as np
from PIL import Image

from cxr_cli.lungs.clusters import SIDE, Clusters

LEVELS = 256
CLUSTERS = 4  # of fuzzy C-means: air, lung, soft tissue, and bone with the densest soft tissue
FUZZINESS = 2.0  # the exponent m, as in Bezdek 1981 and in the examples of scikit-fuzzy
_MOVE = 1e-4  # gray levels; the search ends when no center moves farther
_MAX_STEPS = 1000


def fuzzy_cmeans(film: np.ndarray) -> Clusters:
    """Cluster a film by fuzzy C-means.

    Args:
        film: (H, W) uint8.

    Returns:
        The cluster of the largest membership. Darkness is the mean over the clusters, from 1 for the darkest down to 0
        for the brightest, weighted by membership.
    """
    members = memberships(film)
    darkness = np.linspace(1, 0, len(members)) @ members
    return _by_level(film, labels=members.argmax(axis=0) + 1, darkness=darkness)


def memberships(film: np.ndarray, clusters: int = CLUSTERS) -> np.ndarray:
    """The fuzzy C-means memberships of every gray level, as computed from all pixels of a film.

    The memberships of a pixel depend on its gray level alone. So 256 levels, each weighted by its number of pixels,
    give the same result as all pixels. The membership step is scikit-fuzzy's. It has no weights, so the step of the
    centers is here.

    Args:
        film: (H, W) uint8.
        clusters: number of clusters. Defaults to 4.

    Returns:
        (clusters, 256) float64, each column's sum 1, clusters from dark to bright: `memberships(film)[:, film]` is
        (clusters, H, W).
    """
    from skfuzzy.cluster import cmeans_predict

    levels = np.arange(LEVELS, dtype=np.float64)
    pixels = _histogram(film)
    shares = (np.arange(clusters) + 0.5) / clusters
    centers = np.interp(shares, np.cumsum(pixels) / pixels.sum(), levels) + 1e-3 * np.arange(clusters)
    first = np.full((clusters, LEVELS), 1 / clusters)  # otherwise scikit-fuzzy draws one at random, and never uses it
    for _ in range(_MAX_STEPS):
        members = cmeans_predict(levels[None], centers[:, None], FUZZINESS, error=0, maxiter=1, init=first)[0]
        weights = members**FUZZINESS * pixels
        before, centers = centers, weights @ levels / weights.sum(axis=1)
        if np.abs(centers - before).max() < _MOVE:
            break
    return np.asarray(members[np.argsort(centers)])


def otsu(film: np.ndarray) -> Clusters:
    """Cluster a film into dark and bright at Otsu's threshold (Otsu 1979), which maximizes the variance between them.

    Args:
        film: (H, W) uint8, with at least two gray levels.
    """
    pixels = _histogram(film)
    below = np.cumsum(pixels)[:-1]
    levels = np.cumsum(pixels * np.arange(LEVELS))
    apart = (levels[-1] * below - levels[:-1] * pixels.sum()) ** 2
    sizes = below * (pixels.sum() - below)
    threshold = int(np.argmax(np.divide(apart, sizes, out=np.zeros_like(apart), where=sizes > 0)))
    dark = np.arange(LEVELS) <= threshold
    return _by_level(film, labels=np.where(dark, 1, 2), darkness=dark)


def _histogram(film: np.ndarray) -> np.ndarray:
    return np.bincount(film.ravel(), minlength=LEVELS).astype(np.float64)


def _by_level(film: np.ndarray, *, labels: np.ndarray, darkness: np.ndarray) -> Clusters:
    dark = Image.fromarray(darkness.astype(np.float32)[film]).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return Clusters(labels=labels.astype(np.uint8)[film], darkness=np.asarray(dark))
