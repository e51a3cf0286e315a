"""The frozen lower part of a backbone: a pure function, so that its output for a film is computed only once."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from cxr_cli.training.classifier import BACKBONE, HIDDEN, POOLED, PROBABILITY, Classifier
from cxr_cli.training.engine import keras, tf


@dataclass(frozen=True)
class Halves:
    """A classifier split in two. Both parts share its layers, so that training the upper part trains the classifier."""

    lower: keras.Model  # (B, S, S, 3) uint8 -> (B, ...) float32, the outputs of the frozen layers
    upper: keras.Model  # that -> (B, 1) float32, P(positive)
    pooled: keras.Model  # that -> (B, C) float32, the feature map's mean
    below: int  # number of the backbone's operations in the lower part

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what passes between them, of one film."""
        return tuple(int(side) for side in self.upper.input_shape[1:])

    @cached_property
    def folded(self) -> keras.Model:
        """`upper`, by `fold_norms`."""
        return fold_norms(self.upper)


@lru_cache(maxsize=1)  # runs that train the same classifier again trace and convert nothing again
def split_at_frozen(classifier: Classifier) -> Halves | None:
    """Split a classifier below the first trained layer, at the last layer that everything passes through.

    Layers that are random in training (in some backbones, dropout of whole blocks) are not random in the lower part.

    Returns:
        None if there is no layer with weights below.
    """
    model = classifier.model
    backbone = model.get_layer(BACKBONE)
    cut = _last_passage(backbone)
    if cut is None:
        return None
    below = keras.Model(backbone.input, cut.output)(model.get_layer("scaling").output)
    everything = cut.output is backbone.output
    if everything:
        below = keras.layers.GlobalAveragePooling2D()(below)
    between = keras.Input(below.shape[1:], name="frozen")
    pooled = keras.layers.Identity()(between)
    if not everything:
        pooled = model.get_layer(POOLED)(keras.Model(cut.output, backbone.output)(between))
    hidden = model.get_layer("dropout")(model.get_layer(HIDDEN)(pooled))
    return Halves(
        lower=keras.Model(model.input, below),
        upper=keras.Model(between, model.get_layer(PROBABILITY)(hidden)),
        pooled=keras.Model(between, pooled),
        below=1 + backbone.operations.index(cut),
    )


def fold_norms(model: keras.Model) -> keras.Model:
    """Make the same network, of the same layers, that scales kernels and not what passes through it.

    A frozen BatchNorm is a product and a sum for each value. In the kernel and bias of the convolution before it, they
    take a fifth less time per step of MobileNetV2; the result differs by rounding.
    """
    sources = _inputs(model)
    operations = {operation.name: operation for operation in model.operations}
    uses = Counter(source for names in sources.values() for source in names)
    norms: dict[str, keras.layers.BatchNormalization] = {}  # by the convolution before them
    for name, operation in operations.items():
        for before in sources[name]:
            if uses[before] == 1 and _folds(operations[before], operation):
                norms[before] = operation
    folded = {norm.name for norm in norms.values()}

    def call(layer: Any, *arguments: Any, **keywords: Any) -> Any:
        if layer.name in norms:
            return _Folded(layer, norms[layer.name])(*arguments)
        if layer.name in folded:
            return arguments[0]
        return (fold_norms(layer) if isinstance(layer, keras.Model) else layer)(*arguments, **keywords)

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)


def _folds(convolution: keras.Operation, norm: keras.Operation) -> bool:
    return (
        type(convolution) in (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
        and convolution.activation is keras.activations.linear
        and convolution.data_format == "channels_last"
        and isinstance(norm, keras.layers.BatchNormalization)
        and not norm.trainable
        and norm.axis in (-1, 3)
    )


class _Folded(keras.layers.Layer):
    """A convolution and the frozen BatchNorm after it."""

    def __init__(self, convolution: keras.layers.Layer, norm: keras.layers.BatchNormalization) -> None:
        super().__init__(name=f"{convolution.name}_folded")
        self._convolution = convolution
        self._norm = norm

    def call(self, values: Any) -> Any:
        """(B, H, W, C) -> (B, h, w, D), float32."""
        layer, norm = self._convolution, self._norm
        scale = tf.math.rsqrt(norm.moving_variance + norm.epsilon)
        if norm.gamma is not None:
            scale *= norm.gamma
        shift = -norm.moving_mean * scale
        if norm.beta is not None:
            shift += norm.beta
        if layer.bias is not None:
            shift += layer.bias * scale
        deep = isinstance(layer, keras.layers.DepthwiseConv2D)
        convolve = keras.ops.depthwise_conv if deep else keras.ops.conv
        kernel = layer.kernel * (tf.reshape(scale, layer.kernel.shape[2:]) if deep else scale)
        moved = convolve(
            values,
            kernel,
            strides=layer.strides,
            padding=layer.padding,
            dilation_rate=layer.dilation_rate,
            data_format=layer.data_format,
        )
        return tf.nn.bias_add(moved, shift)  # which oneDNN computes with the convolution, a sum not always


def layers_fingerprint(lower: keras.Model) -> list[str]:
    """Identify a lower part by its weights and the version of Keras."""
    import hashlib

    digest = hashlib.sha256()
    for weight in lower.get_weights():
        digest.update(np.ascontiguousarray(weight).data)
    return [digest.hexdigest(), keras.__version__]


def _last_passage(backbone: keras.Model) -> keras.Operation | None:
    """The last operation below any trained layer whose output is all that later operations see of the film.

    Found in the network, not in a column of the table of architectures: it depends on how much is frozen.
    """
    operations = backbone.operations  # each after those that it takes its inputs from
    trained = [place for place, operation in enumerate(operations) if getattr(operation, "trainable_weights", [])]
    if not trained:
        cut = len(operations) - 1
    else:
        places = {operation.name: place for place, operation in enumerate(operations)}
        last_use = [0] * len(operations)
        for name, sources in _inputs(backbone).items():
            for source in sources:
                last_use[places[source]] = max(last_use[places[source]], places[name])
        cut = max(place for place in range(trained[0]) if all(use <= place for use in last_use[:place]))
    has_weights = any(getattr(operation, "weights", []) for operation in operations[: cut + 1])
    return operations[cut] if has_weights else None


def _inputs(backbone: keras.Model) -> dict[str, set[str]]:
    """The operations that each operation takes its inputs from, by name, as Keras saves them with a model."""

    def sources(value: Any) -> set[str]:
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            return {value["config"]["keras_history"][0]}
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
        return set().union(*map(sources, inner))

    return {layer["name"]: sources(layer["inbound_nodes"]) for layer in backbone.get_config()["layers"]}
