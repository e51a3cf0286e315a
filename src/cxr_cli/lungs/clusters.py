"""What the methods that cluster make of a film."""

from dataclasses import dataclass

import numpy as np

SIDE = 128  # of the square to which a film is resized to look for lungs, in pixels, whatever its shape


@dataclass(frozen=True)
class Clusters:
    """A film's clusters.

    Attributes:
        labels: (H, W) uint8, 1 is the darkest cluster, 2 the next, 0 is none.
        darkness: (SIDE, SIDE) float32 in [0, 1], 1 is the darkest cluster: air in the lungs and beside the body.
    """

    labels: np.ndarray
    darkness: np.ndarray
