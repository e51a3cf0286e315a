"""The table of segmentation methods: each clusters a film for the search for lungs."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from cxr_cli.lungs.clusters import Clusters


def _fcm(film: "np.ndarray") -> "Clusters":
    from cxr_cli.lungs.gray_levels import fuzzy_cmeans

    return fuzzy_cmeans(film)


def _dbscan(film: "np.ndarray") -> "Clusters":
    from cxr_cli.lungs.density import dbscan

    return dbscan(film)


def _otsu(film: "np.ndarray") -> "Clusters":
    from cxr_cli.lungs.gray_levels import otsu

    return otsu(film)


# Rows import their code when they are called: the command line needs the names for its help.
SEGMENTATION_METHODS: dict[str, Callable[["np.ndarray"], "Clusters"]] = {"fcm": _fcm, "dbscan": _dbscan, "otsu": _otsu}
