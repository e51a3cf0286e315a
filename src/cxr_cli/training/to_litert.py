"""Convert a Keras model to LiteRT."""

from pathlib import Path
from typing import Any

from cxr_cli.training.engine import keras, tf


def convert_to_litert(model: keras.Model, path: Path, *, precision: str = "float32") -> None:
    """Write `model` as a LiteRT file with the signature `serving_default`, the names of its outputs, and a free batch.

    Not through Keras's own `export`, which writes the variables to disk and reads them back twice: with many layers,
    that is three to five times the work for the same result. Here the weights are constants of the converted function.

    Args:
        model: the model, with one input.
        path: the file to write.
        precision: of the weights, "float32" or a row of `LOWER_PRECISIONS`; input and outputs keep the model's types.
    """
    (film,) = model.inputs
    weights = [[variable.numpy() for variable in model.trainable_variables]]
    weights.append([variable.numpy() for variable in model.non_trainable_variables])

    @tf.function(input_signature=[tf.TensorSpec(film.shape, film.dtype, name=film.name)], autograph=False)
    def predict(film: Any) -> Any:
        outputs, _ = model.stateless_call(*tf.nest.map_structure(tf.constant, weights), film, training=False)
        return outputs

    holder = tf.Module()
    holder.predict = predict
    converter = tf.lite.TFLiteConverter.from_concrete_functions([predict.get_concrete_function()], holder)
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    path.write_bytes(converter.convert())
