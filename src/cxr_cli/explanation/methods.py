"""Heat-map methods: the activations of the last convolution and the gradients of a class come in; a map goes out.

The networks of this project average that convolution over the film before their dense layers. So the gradient of a
class is the same at every place of a channel, and each method has a closed form: no gradient is computed here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

DEFAULT = "gradcam"


@dataclass(frozen=True)
class MapMethod:
    """How a heat map is made; a new one is a new row of `MAP_METHODS`."""

    title: str
    source: str
    # (h, w, C) float32 activations, (C,) float32 gradients of the class's logit at each place -> (h, w) float32
    draw: Callable[[np.ndarray, np.ndarray], np.ndarray]
    of_class: bool = True  # the map shows the evidence for a class
    note: str = ""  # what users should know about it for these networks


def _gradcam(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Weight the channels by their mean gradients. The map is signed; that of the other class is its negation."""
    return np.asarray(activations @ gradients)


def _layercam(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Weight each place by its own gradient where that is positive."""
    return np.asarray(activations @ np.maximum(gradients, 0))


def _gradcam_plus_plus(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Use the closed form of the paper, for a score of exp(logit).

    With gradients g that are the same everywhere, alpha = g² / (2 g² + g³ sum(A)) = 1 / (2 + g sum(A)), and a channel's
    weight is h w alpha max(g, 0); the factor exp(logit), the same at all places, is left out.
    """
    height, width, _ = activations.shape
    slope = np.maximum(gradients, 0)
    # Where g is 0, the weight is 0. Activations below 0 (SiLU, GELU) can make the denominator 0 or negative.
    below = 2 + slope * activations.sum(axis=(0, 1))
    return np.asarray(
        activations @ np.divide(height * width * slope, below, out=np.zeros_like(slope), where=below != 0)
    )


def _eigencam(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Project on the first right singular vector, not centered, as in the paper.

    A singular vector has no sign. It gets the sign of the places with the largest values, each weighted by its square:
    Bro, Acar & Kolda 2008 (doi 10.1002/cem.1122). If no activation is below 0, neither is the map.
    """
    places = activations.reshape(-1, activations.shape[-1])
    # The (h w, h w) products are smaller: h w is 25 to 400, C up to 2048.
    _, vectors = np.linalg.eigh((places @ places.T).astype(np.float64))
    first = vectors[:, -1]
    length = np.linalg.norm(places.T @ first)
    sign = 1.0 if np.sum(np.sign(first) * first**2) >= 0 else -1.0
    return np.asarray(sign * length * first.reshape(activations.shape[:2]), dtype=np.float32)


MAP_METHODS = {
    "gradcam": MapMethod(title="Grad-CAM", source="Selvaraju et al. 2017, arXiv 1610.02391", draw=_gradcam),
    "gradcam++": MapMethod(
        title="Grad-CAM++",
        source="Chattopadhay et al. 2018, arXiv 1710.11063",
        draw=_gradcam_plus_plus,
        note="Grad-CAM++ shows only channels with evidence for the class, and reduces those that are active "
        "everywhere. Evidence against the class is not subtracted.",
    ),
    "hirescam": MapMethod(
        title="HiResCAM",
        source="Draelos & Carin 2020, arXiv 2011.08891",
        draw=_gradcam,
        note="HiResCAM of this network is its Grad-CAM, number for number: it averages over the film before its dense "
        "layers, so that a channel's gradient is the same everywhere.",
    ),
    "layercam": MapMethod(
        title="LayerCAM",
        source="Jiang et al. 2021, doi 10.1109/TIP.2021.3089943",
        draw=_layercam,
        note="LayerCAM shows only channels with evidence for the class. Evidence against it is not subtracted.",
    ),
    "eigencam": MapMethod(
        title="Eigen-CAM",
        source="Muhammad & Yeasin 2020, arXiv 2008.00299",
        draw=_eigencam,
        of_class=False,
        note="Eigen-CAM shows what the last convolution responds to most, whatever the prediction. It is not evidence "
        "for a class.",
    ),
}


def draw_map(method: str, activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Draw the heat map of one film.

    Args:
        method: a name of `MAP_METHODS`.
        activations: (h, w, C) float32, of the last convolution.
        gradients: (C,) float32, of the class's logit, at each place of a channel. Those of the other class of two are
            their negations.

    Returns:
        (h, w) float32, not normalized; values above 0 are evidence for the class.
    """
    return np.asarray(MAP_METHODS[method].draw(activations, gradients), dtype=np.float32)
