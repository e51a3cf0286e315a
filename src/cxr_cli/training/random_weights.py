"""The evidence for heat maps of a trained network whose weights are made random from the output downward."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from cxr_cli.training.classifier import BACKBONE, HIDDEN, PROBABILITY, Classifier
from cxr_cli.training.engine import keras, tf
from cxr_cli.training.export import load_model
from cxr_cli.training.gradcam import with_map
from cxr_cli.training.input_pipeline import to_rgb
from cxr_cli.workspace.folders import RunFolder

# The share of the backbone's layers, counted from the output, that is random; the head always is, and alone at first.
_DEPTHS = {"the upper quarter": 0.25, "the upper half": 0.5, "the upper three quarters": 0.75, "all": 1.0}
CASCADE_STEPS = 2 + len(_DEPTHS)  # of one cascade


@dataclass(frozen=True)
class RandomizedEvidence:
    """What a network whose weights are partly random sees in some films."""

    weights: str  # which weights are random, in words; empty for the trained network
    share: float  # of all weights, in [0, 1]
    activations: np.ndarray  # (N, h, w, C) float32, of the last convolution
    gradients: np.ndarray  # (N, C) float32, of the positive logit


def randomized_evidence(run: RunFolder, films: np.ndarray, *, draws: int, seed: int) -> Iterator[RandomizedEvidence]:
    """Yield the trained network's evidence, then that of each step of `draws` cascades of `CASCADE_STEPS` steps.

    Args:
        run: a trained run.
        films: (N, S, S) uint8 as the model is shown them.
        draws: number of times that all weights are drawn, as those of a new network.
        seed: random seed of the weights.

    Raises:
        WorkspaceError: the run has no Keras model, or a damaged one.
    """
    model = load_model(run)
    learned = model.get_weights()
    answering = with_map(Classifier(model=model, weights={}), evidence=True)

    def evidence(weights: str, share: float) -> RandomizedEvidence:
        answers = answering.predict_on_batch(to_rgb(films))
        return RandomizedEvidence(weights, share, answers["activations"], answers["gradients"])

    yield evidence("", 0.0)
    keras.utils.set_random_seed(seed)
    for _ in range(draws):
        model.set_weights(learned)
        for weights, share in _cascade(model, keras.models.clone_model(model)):
            yield evidence(weights, share)


def structural_similarity(first: np.ndarray, second: np.ndarray, *, side: int) -> list[float]:
    """The structural similarity (Wang et al. 2004) of pairs of maps, enlarged to `side` pixels: one value per pair.

    Args:
        first: (N, h, w) float32 in [0, 1].
        second: the same.
        side: pixels of a side at which they are compared.
    """
    drawn = [
        tf.clip_by_value(tf.image.resize(maps[..., None], (side, side), method="bicubic"), 0, 1)
        for maps in (first, second)
    ]
    return [float(value) for value in tf.image.ssim(*drawn, max_val=1.0)]


def _cascade(model: keras.Model, fresh: keras.Model) -> Iterator[tuple[str, float]]:
    """Give `model` the weights of `fresh` from its output downward; yields what is random, and its share of weights."""
    done, total = 0, model.count_params()

    def replace(layer: Any, other: Any) -> int:
        layer.set_weights(other.get_weights())
        return int(layer.count_params())

    for name, text in ((PROBABILITY, "the output layer"), (HIDDEN, "the head")):
        done += replace(model.get_layer(name), fresh.get_layer(name))
        yield text, done / total
    backbone, other = model.get_layer(BACKBONE), fresh.get_layer(BACKBONE)
    layers = [layer for layer in reversed(backbone.layers) if layer.weights]
    reached = 0
    for text, share in _DEPTHS.items():
        upto = round(share * len(layers))
        done += sum(replace(layer, other.get_layer(layer.name)) for layer in layers[reached:upto])
        reached = upto
        yield f"the head, and {text} of the backbone", done / total
