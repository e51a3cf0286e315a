"""What every segmentation method makes of a film: where it sees lungs, before the checks of `segment_lungs`."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LungMap:
    """Where a method sees lungs in a film.

    Attributes:
        share: (S, S) float32 in [0, 1], more than a half where there is lung, on the film squeezed to a square.
        doubts: the method's own objections, in words; none if it has none.
        clusters: (H, W) uint8, 1 is the darkest cluster, 0 is none; None from a method that does not cluster.
        contrast: how much darker the clusters are inside the lungs' outline than outside, at most 0.2; or None.
        certainty: how sure a network is of the points that it calls lung, 0.5 to 1; None from other methods.
        frontal: a network's probability that this is an upright frontal film that is not inverted; None from other
            methods.
    """

    share: np.ndarray
    doubts: tuple[str, ...] = ()
    clusters: np.ndarray | None = None
    contrast: float | None = None
    certainty: float | None = None
    frontal: float | None = None

    @property
    def area(self) -> float:
        """The share of the film that is lung, 0 to 1."""
        return float((self.share > 0.5).mean())
