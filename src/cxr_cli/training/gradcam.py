"""Grad-CAM of the positive logit, written out as plain arithmetic so that it can be exported with the model."""

from functools import lru_cache
from typing import Any

from cxr_cli.training.classifier import HIDDEN, PROBABILITY, Classifier
from cxr_cli.training.engine import keras


class GradCam(keras.layers.Layer):
    """The signed Grad-CAM map, before ReLU, of the logit of a GlobalAveragePooling -> Dense(relu) -> Dense head.

    Selvaraju et al. 2017 (arXiv 1610.02391), equations 1 and 2. The gradient through such a head has a closed form,
    d logit / d pooled = W1 (1[hidden > 0] * w2), and is the same at each place of the map but for the 1 / (h w) of the
    mean; LiteRT has no gradient operations.
    """

    def __init__(self, hidden: keras.layers.Dense, output: keras.layers.Dense, **options: Any) -> None:
        super().__init__(**options)
        self.hidden_layer = hidden
        self.output_layer = output

    def call(self, features: Any, hidden: Any) -> Any:
        """(B, h, w, C) features, (B, units) hidden activations -> (B, h, w) map, (B, C) gradients; all float32."""
        active = keras.ops.cast(hidden > 0, features.dtype)
        gradient = keras.ops.matmul(
            active * self.output_layer.kernel[:, 0], keras.ops.transpose(self.hidden_layer.kernel)
        )
        weights = gradient / (features.shape[1] * features.shape[2])  # (B, C), alpha of equation 1
        return keras.ops.einsum("bhwc,bc->bhw", features, weights), weights


@lru_cache(maxsize=1)  # runs that train the same classifier again trace nothing again
def with_map(classifier: Classifier, *, evidence: bool = False) -> keras.Model:
    """Add the outputs of an exported file to a classifier.

    Args:
        classifier: the model.
        evidence: whether to add what other heat maps than Grad-CAM are computed from, as `model.tflite` has it.

    Returns:
        (B, S, S, 3) uint8 -> {"probability": (B, 1), "cam": (B, h, w), "features": (B, C)}, and with `evidence`
        "activations": (B, h, w, C), the last convolution's, and "gradients": (B, C), the positive logit's at each place
        of a channel; all float32.
    """
    model = classifier.model
    hidden = model.get_layer(HIDDEN)
    cam, gradients = GradCam(hidden, model.get_layer(PROBABILITY), name="cam")(classifier.features, hidden.output)
    outputs = {"probability": model.output, "cam": cam, "features": classifier.pooled}
    if evidence:
        outputs |= {"activations": classifier.features, "gradients": gradients}
    return keras.Model(model.input, outputs)
