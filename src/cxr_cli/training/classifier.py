"""The classifier: a uint8 film in, P(positive) out. Scaling is inside, so that no caller can get it wrong."""

from dataclasses import dataclass

from cxr_cli.errors import CxrError
from cxr_cli.recipe.architectures import Architecture
from cxr_cli.training import backbones
from cxr_cli.training.engine import keras
from cxr_cli.training.weights import load_weights

BACKBONE, HIDDEN, PROBABILITY, POOLED = "backbone", "hidden", "probability", "features"


@dataclass(frozen=True, eq=False)
class Classifier:
    """A Keras model with the parts that training and export need by name. No two of them are equal."""

    model: keras.Model  # (B, S, S, 3) uint8 -> (B, 1) float32
    weights: dict[str, str]

    @property
    def input_size(self) -> int:
        """Pixels a side."""
        return int(self.model.input_shape[1])

    @property
    def features(self) -> keras.KerasTensor:
        """(B, h, w, C) float32, the last convolutional feature map."""
        return self.model.get_layer(POOLED).input

    @property
    def pooled(self) -> keras.KerasTensor:
        """(B, C) float32, the feature map's mean."""
        return self.model.get_layer(POOLED).output


def build_classifier(
    architecture: Architecture, *, input_size: int, units: int, dropout: float, frozen: float, weights: str
) -> Classifier:
    """Build backbone and head: GlobalAveragePooling -> Dense -> Dropout -> sigmoid.

    Args:
        architecture: its row.
        input_size: pixels a side.
        units: units of the hidden Dense layer.
        dropout: dropout rate of these units, in [0, 1).
        frozen: share of the backbone's layers, counted from the input, that is not trained, in [0, 1].
        weights: see `load_weights`.

    Raises:
        CxrError: `input_size` is too small for the backbone.
        WeightsError: the weights can't be found or don't fit.
    """
    if input_size < architecture.smallest_input:
        raise CxrError(
            f"Expected an image size of at least {architecture.smallest_input} pixels for {architecture.builder}. "
            f"Received: {input_size}.",
            hint=f"For example: --image-size {architecture.input_size}",
        )
    backbone = _build_backbone(architecture, input_size)
    origin = load_weights(backbone, architecture, weights=weights)
    freeze(backbone, share=frozen, pretrained=origin["source"] != "none")
    backbone.name = BACKBONE

    film = keras.Input((input_size, input_size, 3), dtype="uint8", name="film")
    scaling = architecture.scaling
    scaled = keras.layers.Rescaling(list(scaling.scale), list(scaling.offset), name="scaling")(film)
    pooled = keras.layers.GlobalAveragePooling2D(name=POOLED)(backbone(scaled))
    hidden = keras.layers.Dense(units, activation="relu", name=HIDDEN)(pooled)
    kept = keras.layers.Dropout(dropout, name="dropout")(hidden)
    probability = keras.layers.Dense(1, activation="sigmoid", name=PROBABILITY)(kept)
    return Classifier(model=keras.Model(film, probability), weights=origin)


def _build_backbone(architecture: Architecture, input_size: int) -> keras.Model:
    if hasattr(backbones, architecture.builder):
        return getattr(backbones, architecture.builder)(input_size)
    builder = getattr(keras.applications, architecture.builder)
    return builder(include_top=False, weights=None, input_shape=(input_size, input_size, 3))


def freeze(backbone: keras.Model, *, share: float, pretrained: bool) -> None:
    """Keep the weights of a share of a backbone's layers, and the statistics of BatchNorm if it is pretrained."""
    for layer in backbone.layers[: round(len(backbone.layers) * share)]:
        layer.trainable = False
    if pretrained:
        # BatchNorm keeps its pretrained statistics: 12 steps per epoch are too few to estimate new ones. Calling the
        # backbone with training=False is not enough: in Keras 3.15 the outer model's own training=True overrides it.
        for layer in backbone.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
