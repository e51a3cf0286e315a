"""The table of architectures: a new one is a new row. Only data, so that listing them needs no TensorFlow."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scaling:
    """How pixels, 0 to 255, are scaled for the backbone: the model computes pixel * scale + offset, by channel."""

    scale: tuple[float, float, float]
    offset: tuple[float, float, float]


# What each backbone's ImageNet weights were trained with, as keras.applications documents it.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SYMMETRIC = Scaling((1 / 127.5,) * 3, (-1.0,) * 3)
STANDARDIZED = Scaling(
    tuple(1 / (255 * deviation) for deviation in _DEVIATION),  # type: ignore[arg-type]
    tuple(-mean / deviation for mean, deviation in zip(_MEAN, _DEVIATION, strict=True)),  # type: ignore[arg-type]
)
CENTERED = Scaling((1.0,) * 3, (-103.939, -116.779, -123.68))  # in the order BGR, as a film's three channels are equal
UNSCALED = Scaling((1.0,) * 3, (0.0,) * 3)  # the backbone has its own layers for it


@dataclass(frozen=True)
class Architecture:
    """A backbone, and how it is trained by default. Grad-CAM uses the backbone's last feature map."""

    builder: str  # a class of keras.applications, or a function of training.backbones
    parameters: int  # of the backbone
    scaling: Scaling
    input_size: int = 224  # pixels a side
    smallest_input: int = 32
    imagenet: str = ""  # where Keras downloads the weights; empty: trained from random weights
    frozen: float = 2 / 3  # share of the backbone's layers, counted from the input, whose weights are kept
    learning_rate: float = 1e-4
    epochs: int = 10  # maximum number
    patience: int = 6  # stop after this number of epochs without a lower validation loss
    # Epochs over which the learning rate rises, before it falls on a cosine: from the first step, 1e-4 destroys the
    # head's start within one epoch. 0: constant, reduced on a plateau.
    warmup: int = 3
    boosted: bool = False  # XGBoost predicts from the network's pooled features
    published: bool = False  # used by one of the two published pipelines; `--arch all` trains these
    batch_size: int = 32  # films per step
    finds_lungs: bool = False  # gives a mask of the lungs; all others give the probability of a class


_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
_MOBILENETV2 = f"{_KERAS}/mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
_SIMPLE_CNN = {
    "builder": "simple_cnn",
    "parameters": 23_920,
    "scaling": SYMMETRIC,
    "input_size": 128,
    "frozen": 0.0,
    "learning_rate": 2e-3,
    "epochs": 60,
    "patience": 12,
    "warmup": 0,
    "published": True,
}

ARCHITECTURES = {
    "mobilenetv2": Architecture(
        builder="MobileNetV2",
        parameters=2_257_984,
        scaling=SYMMETRIC,
        imagenet=_MOBILENETV2,
        published=True,
    ),
    "simple-cnn": Architecture(**_SIMPLE_CNN),  # type: ignore[arg-type]
    "cnn-xgboost": Architecture(boosted=True, **_SIMPLE_CNN),  # type: ignore[arg-type]
    "mobilenet": Architecture(
        builder="MobileNet",
        parameters=3_228_864,
        scaling=SYMMETRIC,
        imagenet=f"{_KERAS}/mobilenet/mobilenet_1_0_224_tf_no_top.h5",
        published=True,
    ),
    "resnet50": Architecture(
        builder="ResNet50",
        parameters=23_587_712,
        scaling=CENTERED,
        imagenet=f"{_KERAS}/resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        published=True,
    ),
    "xception": Architecture(
        builder="Xception",
        parameters=20_861_480,
        scaling=SYMMETRIC,
        input_size=299,
        smallest_input=71,
        imagenet=f"{_KERAS}/xception/xception_weights_tf_dim_ordering_tf_kernels_notop.h5",
        published=True,
    ),
    "efficientnetv2-b0": Architecture(
        builder="EfficientNetV2B0",
        parameters=5_919_312,
        scaling=UNSCALED,
        imagenet=f"{_KERAS}/efficientnet_v2/efficientnetv2-b0_notop.h5",
    ),
    "densenet121": Architecture(
        builder="DenseNet121",
        parameters=7_037_504,
        scaling=STANDARDIZED,
        imagenet=f"{_KERAS}/densenet/densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
    ),
    "convnext-tiny": Architecture(
        builder="ConvNeXtTiny",
        parameters=27_820_128,
        scaling=UNSCALED,
        imagenet=f"{_KERAS}/convnext/convnext_tiny_notop.h5",
    ),
    # The first layers of MobileNetV2, and a small decoder; see training.lung_unet.
    "lung-unet": Architecture(
        builder="MobileNetV2",
        parameters=596_565,
        scaling=SYMMETRIC,
        input_size=192,
        smallest_input=64,
        imagenet=_MOBILENETV2,
        frozen=0.233,  # up to the layer block_2_add
        learning_rate=1e-3,
        epochs=24,
        batch_size=16,
        finds_lungs=True,
    ),
}
CLASSIFIERS = {name: row for name, row in ARCHITECTURES.items() if not row.finds_lungs}
