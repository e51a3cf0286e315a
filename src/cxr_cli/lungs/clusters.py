"""What a clustering gives to the search for lungs, and the table of clusterings. A film comes in, clusters go out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

SIDE = 128  # of the square on which lungs are looked for, in pixels, whatever the film's shape


@dataclass(frozen=True)
class Clusters:
    """A film's clusters.

    Attributes:
        labels: (H, W) uint8, 1 is the darkest cluster, 2 the next; 0 where there is none.
        darkness: (SIDE, SIDE) float32 in [0, 1], 1 is the darkest cluster: air in the lungs, and air beside the body.
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


# Nothing heavy is loaded for the names: the command line needs them for its help.
SEGMENTATION_METHODS: dict[str, Callable[["np.ndarray"], Clusters]] = {"fcm": _fcm, "dbscan": _dbscan, "otsu": _otsu}
