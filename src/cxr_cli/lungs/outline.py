"""From the clusters of a film to its lungs: an outline that looks like lungs, moved to the edge of the clusters."""

import numpy as np

from cxr_cli.lungs.clusters import Clusters
from cxr_cli.lungs.lung_map import LungMap
from cxr_cli.lungs.masks import settled
from cxr_cli.lungs.prior import fit, lung_prior

# Chest films usually have 0.17. Films turned by 90°, half films, noise and photos have at most 0.11.
_LEAST_CONTRAST = 0.11
_MOST_RARITY = 1.0


def lungs_of_clusters(clusters: Clusters) -> LungMap:
    """Find the lungs in the clusters of a film.

    Clusters alone are not lungs: air beside the body is as dark, and an opacity is as bright as the heart. The clusters
    say where the film is dark, the prior what lungs look like. The outline that fits both is then moved to the edge of
    the clusters.
    """
    fitted = fit(clusters.darkness, lung_prior())
    doubts = []
    if fitted.contrast < _LEAST_CONTRAST:
        doubts.append("the clusters show no outline of lungs")
    if fitted.rarity > _MOST_RARITY:
        doubts.append("the outline does not look like lungs")
    return LungMap(
        share=settled(fitted.outline, clusters.darkness).astype(np.float32),
        doubts=tuple(doubts),
        clusters=clusters.labels,
        contrast=fitted.contrast,
    )
