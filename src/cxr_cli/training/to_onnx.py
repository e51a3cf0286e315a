"""Convert `model.tflite` to ONNX; needs the extra `onnx`."""

import math
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def convert_to_onnx(litert_model: Path, path: Path, *, outputs: Collection[str]) -> None:
    """Convert a LiteRT model, keeping the names of its signature and its free batch size.

    Args:
        litert_model: the file.
        path: the file to write.
        outputs: the names of the outputs to keep.
    """
    # tf2onnx opens the file with TensorFlow's own interpreter, which warns that it is deprecated.
    with warnings.catch_warnings(action="ignore"):
        import tf2onnx.convert

        model, _ = tf2onnx.convert.from_tflite(str(litert_model), custom_op_handlers={"TFL_GELU": (_gelu, [])})
    runner = Interpreter(str(litert_model)).get_signature_runner("serving_default")
    details = {**runner.get_input_details(), **runner.get_output_details()}
    _rename(model.graph, {tensor["name"]: name for name, tensor in details.items()})
    for output in [output for output in model.graph.output if output.name not in outputs]:
        model.graph.output.remove(output)
    path.write_bytes(model.SerializeToString())


def _rename(graph: Any, names: dict[str, str]) -> None:
    for node in graph.node:
        for tensors in (node.input, node.output):
            tensors[:] = [names.get(tensor, tensor) for tensor in tensors]
    for value in (*graph.input, *graph.output):
        value.name = names[value.name]
        value.type.tensor_type.shape.dim[0].dim_param = "batch"


def _gelu(graph: Any, node: Any, name: str, _: list[Any]) -> None:
    """GELU (Hendrycks & Gimpel 2016, arXiv 1606.08415), x/2 (1 + erf(x/sqrt 2)): tf2onnx 1.17 has none for LiteRT."""
    from tf2onnx.utils import make_name

    shape, dtype = [graph.get_shape(node.output[0])], [graph.get_dtype(node.output[0])]

    def constant(value: float) -> str:
        return graph.make_const(make_name(name), np.float32(value)).output[0]

    def step(operation: str, *inputs: str, **options: Any) -> str:
        return graph.make_node(operation, list(inputs), shapes=shape, dtypes=dtype, **options).output[0]

    graph.remove_node(name)
    (x,) = node.input
    error = step("Erf", step("Mul", x, constant(math.sqrt(0.5))))
    step("Mul", step("Mul", x, constant(0.5)), step("Add", error, constant(1)), name=name, outputs=node.output)
