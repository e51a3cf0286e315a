"""A Keras model in, the same model as LiteRT out."""

from pathlib import Path
from typing import Any

from cxr_cli.training.engine import keras, tf


def convert_to_litert(model: keras.Model, path: Path, *, precision: str = "float32") -> None:
    """Write `model` as a LiteRT file with the signature `serving_default`, the names of its outputs, and a free batch.

    Not by way of Keras's own `export`, which writes the variables to disk and reads them back twice: with many layers
    three to five times the work, for the same answers. Here the weights are constants of the function converted.

    Args:
        model: of one input.
        path: the file.
        precision: of the weights, "float32" or a row of `LOWER_PRECISIONS`; input and outputs keep the model's types.
    """
    (film,) = model.inputs
    weights = [[variable.numpy() for variable in model.trainable_variables]]
    weights.append([variable.numpy() for variable in model.non_trainable_variables])

    @tf.function(input_signature=[tf.TensorSpec(film.shape, film.dtype, name=film.name)], autograph=False)
    def answer(film: Any) -> Any:
        outputs, _ = model.stateless_call(*tf.nest.map_structure(tf.constant, weights), film, training=False)
        return outputs

    holder = tf.Module()
    holder.answer = answer
    converter = tf.lite.TFLiteConverter.from_concrete_functions([answer.get_concrete_function()], holder)
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    path.write_bytes(converter.convert())
