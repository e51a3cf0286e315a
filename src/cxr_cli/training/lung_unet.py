"""The U-Net that finds lungs: a uint8 film in, the probability of lung at each point out. Scaling is inside."""

from dataclasses import dataclass

from cxr_cli.errors import CxrError
from cxr_cli.recipe.architectures import Architecture
from cxr_cli.training.classifier import freeze
from cxr_cli.training.engine import keras
from cxr_cli.training.weights import load_weights

MASK, DEEPEST = "mask", "deepest"
# Layers of MobileNetV2 at a half, a quarter, an eighth and a sixteenth of the film's side.
_SKIPS = ("expanded_conv_project_BN", "block_2_add", "block_5_add")
_LAST = "block_12_add"
_DEEPEST, _CHANNELS = 96, (64, 48, 24)  # of the decoder, from the deepest layer up


@dataclass(frozen=True)
class LungNetwork:
    """A Keras model that finds lungs, and where its encoder's weights came from."""

    model: keras.Model  # (B, S, S, 1) uint8 -> (B, S, S, 1) float32 in [0, 1]
    weights: dict[str, str]

    @property
    def input_size(self) -> int:
        """Pixels a side."""
        return int(self.model.input_shape[1])

    @property
    def features(self) -> keras.KerasTensor:
        """(B, S / 16, S / 16, 96) float32, the encoder's last feature map."""
        return self.model.get_layer(DEEPEST).output


def build_lung_unet(architecture: Architecture, *, input_size: int, frozen: float, weights: str) -> LungNetwork:
    """Build a U-Net (Ronneberger et al. 2015, arXiv 1505.04597) on the first layers of MobileNetV2.

    The decoder's convolutions are separable (Howard et al. 2017, arXiv 1704.04861): the network fits into 1.2 MB, and
    takes a few hundredths of a second on one core.

    Args:
        architecture: its row.
        input_size: pixels a side, a multiple of 16.
        frozen: share of the encoder's layers, counted from the input, that is not trained, in [0, 1].
        weights: see `load_weights`.

    Raises:
        CxrError: `input_size` is too small, or no multiple of 16.
        WeightsError: the weights can't be found or don't fit.
    """
    if input_size < architecture.smallest_input or input_size % 16:
        raise CxrError(
            f"Expected an image size that is a multiple of 16, and at least {architecture.smallest_input} pixels. "
            f"Received: {input_size}.",
            hint=f"For example: --image-size {architecture.input_size}",
        )
    backbone = getattr(keras.applications, architecture.builder)(
        include_top=False, weights=None, input_shape=(input_size, input_size, 3)
    )
    origin = load_weights(backbone, architecture, weights=weights)
    outputs = [backbone.get_layer(name).output for name in (*_SKIPS, _LAST)]
    encoder = keras.Model(backbone.input, outputs, name="encoder")
    freeze(encoder, share=frozen, pretrained=origin["source"] != "none")

    film = keras.Input((input_size, input_size, 1), dtype="uint8", name="film")
    scaled = keras.layers.Rescaling(architecture.scaling.scale[0], architecture.scaling.offset[0], name="scaling")(film)
    *skips, deepest = encoder(keras.layers.Concatenate(name="three_channels")([scaled] * 3))
    decoded = _separable(keras.layers.Identity(name=DEEPEST)(deepest), _DEEPEST)
    for skip, channels in zip(reversed(skips), _CHANNELS, strict=True):
        narrow = keras.layers.Conv2D(channels // 2, 1, use_bias=False)(skip)
        larger = keras.layers.UpSampling2D(interpolation="bilinear")(decoded)
        decoded = keras.layers.Concatenate()([larger, narrow])
        decoded = _separable(_separable(decoded, channels), channels)
    logit = keras.layers.UpSampling2D(interpolation="bilinear")(keras.layers.Conv2D(1, 1)(decoded))
    mask = keras.layers.Activation("sigmoid", dtype="float32", name=MASK)(logit)
    return LungNetwork(model=keras.Model(film, mask), weights=origin)


def _separable(features: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    features = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False)(features)
    features = keras.layers.Conv2D(channels, 1, use_bias=False)(features)
    # The statistics follow within an epoch of a few dozen steps; with Keras's 0.99 it would take several.
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(features))
