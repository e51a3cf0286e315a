"""The one way to find lungs: a film comes in; a mask, its quality and the reasons to doubt the mask go out."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from cxr_cli.lungs.enlarge import Span, enlarged, enlarged_spans
from cxr_cli.lungs.lung_map import LungMap
from cxr_cli.lungs.masks import border_share, two_largest
from cxr_cli.lungs.methods import SEGMENTATION_METHODS

# A mask outside these limits is doubtful. In 224 films of the ieee8023 collection, the lungs that people drew cover
# 20% to 61% of the film, the smaller lung is at least 0.58 of the larger, and they touch at most 12% of the border.
# In other collections more of the body is on the film, and lungs may cover 10% of it.
_SMALLEST, _LARGEST = 0.1, 0.65
_LEAST_BALANCE = 0.5
_MOST_BORDER = 0.15
# A mask outside these limits does not even say where the lungs are.
_LOCATED_SMALLEST, _LOCATED_LARGEST = 0.07, 0.8


@dataclass(frozen=True)
class Segmented:
    """The lungs of a film.

    Attributes:
        share: (S, S) float32 in [0, 1], more than a half inside, on the film squeezed to a square.
        shape: of the film, (H, W).
        clusters: (H, W) uint8, 1 is the darkest cluster, 0 is none; None from a method that does not cluster.
        lungs: number of lungs that were found, 0 to 2.
        area: the share of the film that the mask covers, 0 to 1.
        balance: the smaller lung's area as a share of the larger's, 0 to 1.
        border: the share of the film's border that the mask touches, 0 to 1.
        contrast: how much darker the clusters are inside the lungs' outline than outside, at most 0.2; or None.
        certainty: how sure a network is of the points that it calls lung, 0.5 to 1; None from other methods.
        frontal: a network's probability that this is an upright frontal film that is not inverted; None from other
            methods.
        flags: the objections to the mask, in words; none if it passed every check.
        located: whether the mask says where the lungs are, even if a flag doubts its extent.
    """

    share: np.ndarray
    shape: tuple[int, ...]
    clusters: np.ndarray | None
    lungs: int
    area: float
    balance: float
    border: float
    contrast: float | None
    certainty: float | None
    frontal: float | None
    flags: tuple[str, ...]
    located: bool

    @cached_property
    def mask(self) -> np.ndarray:
        """(H, W) bool, the film's own size. Where `ok` is False it is a guess."""
        return enlarged(self.share, self.shape)

    @cached_property
    def spans(self) -> tuple[Span, Span]:
        """The rows and the columns that `mask` reaches; the mask itself takes ten times as long."""
        return enlarged_spans(self.share, self.shape)

    @property
    def ok(self) -> bool:
        """Whether the mask passed every check."""
        return not self.flags


def segment_lungs(film: np.ndarray, method: str, model: Path | None = None) -> Segmented:
    """Find the lungs of a frontal film: the two largest pieces of what a method sees as lung.

    Args:
        film: (H, W) uint8, 0 is black, a frontal view.
        method: a name of `SEGMENTATION_METHODS`.
        model: the `model.tflite` of a run that finds lungs, in place of the method. Defaults to none.

    Returns:
        Always the same for the same film.
    """
    seen = _by_network(film, model) if model else SEGMENTATION_METHODS[method](film)
    inside = seen.share > 0.5
    lungs = two_largest(inside)
    mask = np.logical_or.reduce(lungs) if lungs else np.zeros_like(inside)
    areas = sorted(float(lung.mean()) for lung in lungs)
    balance = areas[0] / areas[1] if len(areas) == 2 else 0.0
    area, border = float(mask.mean()), border_share(mask)
    return Segmented(
        share=np.where(inside & ~mask, np.float32(0), seen.share),
        shape=film.shape,
        clusters=seen.clusters,
        lungs=len(lungs),
        area=area,
        balance=balance,
        border=border,
        contrast=seen.contrast,
        certainty=seen.certainty,
        frontal=seen.frontal,
        flags=(*_flags(lungs=len(lungs), area=area, balance=balance, border=border), *seen.doubts),
        located=len(lungs) == 2 and _LOCATED_SMALLEST <= area <= _LOCATED_LARGEST and not seen.doubts,
    )


def _by_network(film: np.ndarray, model: Path) -> LungMap:
    from cxr_cli.lungs.unet import unet

    return unet(film, model)


def _flags(*, lungs: int, area: float, balance: float, border: float) -> tuple[str, ...]:
    flags = []
    if lungs < 2:
        flags.append(f"{('no lung', 'one lung')[lungs]} found instead of two")
    elif balance < _LEAST_BALANCE:
        flags.append(f"one lung is {balance:.0%} of the other")
    if not _SMALLEST <= area <= _LARGEST:
        flags.append(f"the lungs cover {area:.1%} of the film; expected {_SMALLEST:.0%} to {_LARGEST:.0%}")
    if border > _MOST_BORDER:
        flags.append(f"the lungs touch {border:.0%} of the film's border")
    return tuple(flags)
