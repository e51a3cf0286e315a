"""The one way to find lungs: a film comes in; a mask, its clusters and the reasons to doubt the mask go out."""

from dataclasses import dataclass

import numpy as np

from cxr_cli.lungs.masks import border_share, enlarged, settled, two_largest
from cxr_cli.lungs.methods import SEGMENTATION_METHODS
from cxr_cli.lungs.prior import Fit, fit, lung_prior

# A mask outside these limits is doubtful. In 224 films of the ieee8023 collection, the lungs that people drew cover
# 20 % to 61 % of the film, the smaller lung is at least 0.58 of the larger, and they touch at most 12 % of the border.
# In other collections more of the body is on the film, and lungs may cover 15 % of it.
_SMALLEST, _LARGEST = 0.14, 0.65
_LEAST_BALANCE = 0.5
_MOST_BORDER = 0.15
# Chest films usually have 0.17. Films turned by 90°, half films, noise and photos have at most 0.11.
_LEAST_CONTRAST = 0.11
_MOST_RARITY = 1.0


@dataclass(frozen=True)
class Segmented:
    """The lungs of a film.

    Attributes:
        mask: (H, W) bool, the film's own size. Where `ok` is False it is a guess.
        clusters: (H, W) uint8, 1 is the darkest cluster, 0 is none.
        lungs: number of lungs that were found, 0 to 2.
        area: the share of the film that the mask covers, 0 to 1.
        balance: the smaller lung's area as a share of the larger's, 0 to 1.
        border: the share of the film's border that the mask touches, 0 to 1.
        contrast: how much darker the clusters are inside the lungs' outline than outside, at most 0.2.
        flags: the objections to the mask, in words; none if it passed every check.
    """

    mask: np.ndarray
    clusters: np.ndarray
    lungs: int
    area: float
    balance: float
    border: float
    contrast: float
    flags: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether the mask passed every check."""
        return not self.flags


def segment_lungs(film: np.ndarray, method: str) -> Segmented:
    """Find the lungs of a frontal film.

    Clusters alone are not lungs: air beside the body is as dark, and an opacity is as bright as the heart. The clusters
    say where the film is dark, the prior what lungs look like. The outline that fits both is then moved to the edge of
    the clusters.

    Args:
        film: (H, W) uint8, 0 is black, a frontal view.
        method: how to cluster, a name of `SEGMENTATION_METHODS`.

    Returns:
        Always the same for the same film.
    """
    clusters = SEGMENTATION_METHODS[method](film)
    fitted = fit(clusters.darkness, lung_prior())
    lungs = two_largest(settled(fitted.outline, clusters.darkness))
    mask = np.logical_or.reduce(lungs) if lungs else np.zeros(clusters.darkness.shape, dtype=bool)
    areas = sorted(float(lung.mean()) for lung in lungs)
    balance = areas[0] / areas[1] if len(areas) == 2 else 0.0
    area, border = float(mask.mean()), border_share(mask)
    return Segmented(
        mask=enlarged(mask, film.shape),
        clusters=clusters.labels,
        lungs=len(lungs),
        area=area,
        balance=balance,
        border=border,
        contrast=fitted.contrast,
        flags=_flags(fitted, lungs=len(lungs), area=area, balance=balance, border=border),
    )


def keep_lungs(film: np.ndarray, method: str) -> tuple[np.ndarray, str]:
    """Make all but the lungs black; leave a film whose lungs are not found as it is.

    Args:
        film: (H, W) uint8, 0 is black, a frontal view.
        method: a name of `SEGMENTATION_METHODS`.

    Returns:
        (H, W) uint8, and the reason why the film is unchanged; empty if its lungs were found.
    """
    segmented = segment_lungs(film, method)
    if not segmented.ok:
        return film, "; ".join(segmented.flags)
    return np.where(segmented.mask, film, np.uint8(0)), ""


def _flags(fitted: Fit, *, lungs: int, area: float, balance: float, border: float) -> tuple[str, ...]:
    flags = []
    if lungs < 2:
        flags.append(f"{('no lung', 'one lung')[lungs]} found instead of two")
    elif balance < _LEAST_BALANCE:
        flags.append(f"one lung is {balance:.0%} of the other")
    if not _SMALLEST <= area <= _LARGEST:
        flags.append(f"the lungs cover {area:.1%} of the film; expected {_SMALLEST:.0%} to {_LARGEST:.0%}")
    if border > _MOST_BORDER:
        flags.append(f"the lungs touch {border:.0%} of the film's border")
    if fitted.contrast < _LEAST_CONTRAST:
        flags.append("the clusters show no outline of lungs")
    if fitted.rarity > _MOST_RARITY:
        flags.append("the outline does not look like lungs")
    return tuple(flags)
