"""The table of segmentation methods: each says where it sees the lungs of a film."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from cxr_cli.bundled.files import LUNG_UNET

if TYPE_CHECKING:
    import numpy as np

    from cxr_cli.lungs.lung_map import LungMap


def _unet(film: "np.ndarray") -> "LungMap":
    from cxr_cli.lungs.unet import unet

    return unet(film)


def _fcm(film: "np.ndarray") -> "LungMap":
    from cxr_cli.lungs.gray_levels import fuzzy_cmeans
    from cxr_cli.lungs.outline import lungs_of_clusters

    return lungs_of_clusters(fuzzy_cmeans(film))


def _dbscan(film: "np.ndarray") -> "LungMap":
    from cxr_cli.lungs.density import dbscan
    from cxr_cli.lungs.outline import lungs_of_clusters

    return lungs_of_clusters(dbscan(film))


def _otsu(film: "np.ndarray") -> "LungMap":
    from cxr_cli.lungs.gray_levels import otsu
    from cxr_cli.lungs.outline import lungs_of_clusters

    return lungs_of_clusters(otsu(film))


# Rows import their code when they are called: the command line needs the names for its help. The first is the default.
SEGMENTATION_METHODS: dict[str, Callable[["np.ndarray"], "LungMap"]] = {
    "unet": _unet,
    "fcm": _fcm,
    "dbscan": _dbscan,
    "otsu": _otsu,
}
METHOD_MODELS = {"unet": LUNG_UNET}  # the files of the methods that have a model
DEFAULT_METHOD = next(iter(SEGMENTATION_METHODS))
