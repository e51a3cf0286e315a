"""The backbone of the model that ships with the package, as initial weights where ImageNet's can't be downloaded."""

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from cxr_cli.errors import UsageError
from cxr_cli.recipe.architectures import ARCHITECTURES, Architecture
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.digests import check_digest
from cxr_cli.workspace.layout import bundled_run, has_bundled_run
from cxr_cli.workspace.records import read_record

if TYPE_CHECKING:
    from cxr_cli.training.engine import keras

SOURCE = "bundled"


def has_bundled_weights(architecture: Architecture) -> bool:
    """Whether the model that ships with the package has a backbone of this architecture."""
    return has_bundled_run() and ARCHITECTURES[_arch()] is architecture


def bundled_weights_saw_films() -> bool:
    """Whether the backbone in the package learned from films; where all of it was frozen, only the head did."""
    return read_record(bundled_run().record, RunRecord).options["freeze"] != 1


def check_bundled_weights(architecture: Architecture) -> None:
    """Refuse an architecture that the model in the package doesn't have; needs no TensorFlow.

    Raises:
        NoRunError: this installation lacks that model.
        UsageError: it has another architecture.
    """
    run = bundled_run()
    if not has_bundled_weights(architecture):
        raise UsageError(
            f"Expected the architecture of {run.title}, {_arch()}, to begin with its weights. "
            f"Received: {architecture.builder}.",
            hint=f"cxr train --arch {_arch()} --weights {SOURCE}",
        )


def load_bundled_weights(backbone: "keras.Model", architecture: Architecture) -> dict[str, str]:
    """Give a backbone the weights of the model in the package.

    Its file holds each convolution with the batch normalization behind it folded in. Here the folded kernel becomes
    the kernel, and the normalization only adds the folded bias, so that the features are the same.

    Args:
        backbone: as built, changed in place. Each of its convolutions has a batch normalization behind it.
        architecture: its row.

    Returns:
        Where they came from, as `load_weights` does.

    Raises:
        NoRunError: this installation lacks that model.
        UsageError: it has another architecture.
    """
    from cxr_cli.training.engine import keras

    check_bundled_weights(architecture)
    run = bundled_run()
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
    convolutions: list[Any] = [layer for layer in backbone.layers if isinstance(layer, kinds)]
    norms: list[Any] = [layer for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)]
    check_digest(run.litert_model, read_record(run.record, RunRecord).sha256, hint="Install cxr again")
    folded = _folded(str(run.litert_model))
    for convolution, norm, (kernel, bias) in zip(convolutions, norms, folded, strict=True):
        convolution.set_weights([kernel])
        one, zero = np.ones_like(bias), np.zeros_like(bias)
        norm.set_weights([one, bias, zero, one - norm.epsilon])  # gamma, beta, mean and variance
    digest = hashlib.sha256(run.litert_model.read_bytes()).hexdigest()
    return {"source": SOURCE, "version": run.version, "file": run.litert_model.name, "sha256": digest}


def _arch() -> str:
    return read_record(bundled_run().record, RunRecord).arch


def _folded(path: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each convolution of a LiteRT file in order: its kernel, as Keras has it, and its bias, float32."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    # Without delegates, which replace operations by their own.
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(path, experimental_op_resolver_type=plain)
    operations = interpreter._get_ops_details()  # LiteRT has no public way to tell what a tensor is used for
    # Weights of half precision are widened by an operation of their own.
    stored = {op["outputs"][0]: op["inputs"][0] for op in operations if op["op_name"] == "DEQUANTIZE"}
    for operation in operations:
        if operation["op_name"] not in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            continue
        kernel, bias = (
            interpreter.get_tensor(stored.get(place, place)).astype(np.float32) for place in operation["inputs"][1:3]
        )
        # (out, H, W, in) and (1, H, W, channels) -> (H, W, in, out) and (H, W, channels, 1)
        yield kernel.transpose(1, 2, 3, 0), bias
