"""The table of architectures: a new one is a new row. Only data, so that listing them needs no TensorFlow."""

from dataclasses import dataclass

from cxr_cli.errors import CxrError


@dataclass(frozen=True)
class Architecture:
    """A backbone, and what a training needs to know of it."""

    builder: str  # a class of keras.applications, or a function of modeling.backbones
    input_size: int  # pixels a side
    smallest_input: int
    scale: float  # the model computes pixel * scale + offset
    offset: float
    frozen: float  # the share of the backbone's layers, from below, that keeps its weights
    learning_rate: float
    epochs: int  # at most
    patience: int  # epochs without a better validation loss
    warmup: int  # epochs over which the learning rate rises, to fall on a cosine; 0: constant, reduced on a plateau
    imagenet: str = ""  # where Keras gets the weights; empty: trained from scratch


_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"

ARCHITECTURES = {
    "mobilenetv2": Architecture(
        builder="MobileNetV2",
        input_size=224,
        smallest_input=32,
        scale=1 / 127.5,
        offset=-1.0,
        frozen=2 / 3,
        learning_rate=1e-4,
        epochs=10,
        patience=6,
        warmup=3,  # at once, 1e-4 destroys in one epoch what the head starts with
        imagenet=f"{_KERAS}/mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
    ),
    "simple-cnn": Architecture(
        builder="simple_cnn",
        input_size=128,
        smallest_input=32,
        scale=1 / 127.5,
        offset=-1.0,
        frozen=0.0,
        learning_rate=2e-3,
        epochs=60,
        patience=12,  # from scratch, it stays near chance for some ten epochs
        warmup=0,
    ),
}


def find_architecture(name: str) -> Architecture:
    """The row called `name`.

    Raises:
        CxrError: there is none.
    """
    try:
        return ARCHITECTURES[name]
    except KeyError:
        raise CxrError(
            f"Expected an architecture: {', '.join(ARCHITECTURES)}. Received: {name!r}.",
            hint="For example: cxr train --arch mobilenetv2 --class-weight",
        ) from None
