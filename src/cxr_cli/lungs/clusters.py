"""The table of methods that cluster a film, and what they give to the search for lungs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SIDE = 128  # of the square to which a film is resized to look for lungs, in pixels, whatever its shape


@dataclass(frozen=True)
class Clusters:
    """A film's clusters.

    Attributes:
        labels: (H, W) uint8, 1 is the darkest cluster, 2 the next, 0 is none.
        darkness: (SIDE, SIDE) float32 in [0, 1], 1 is the darkest cluster: air in the lungs and beside the body.
    """

    labels: "np.ndarray"
    darkness: "np.ndarray"


def _fcm(film: "np.ndarray") -> Clusters:
    from cxr_cli.lungs.gray_levels import fuzzy_cmeans

    return fuzzy_cmeans(film)


def _dbscan(film: "np.ndarray") -> Clusters:
    from cxr_cli.lungs.density import dbscan

    return dbscan(film)


def _otsu(film: "np.ndarray") -> Clusters:
    from cxr_cli.lungs.gray_levels import otsu

    return otsu(film)


# Rows import their code when they are called: the command line needs the names for its help.
SEGMENTATION_METHODS: dict[str, Callable[["np.ndarray"], Clusters]] = {"fcm": _fcm, "dbscan": _dbscan, "otsu": _otsu}
