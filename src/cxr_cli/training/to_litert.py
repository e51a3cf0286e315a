"""Convert a Keras model to LiteRT."""

from pathlib import Path
from typing import Any

from cxr_cli.training.engine import keras, tf

_LARGE = 1 << 20  # bytes


def convert_to_litert(model: keras.Model, path: Path, *, precision: str = "float32") -> None:
    """Write `model` as a LiteRT file with the signature `serving_default`, the names of its outputs, and a free batch.

    Not through Keras's own `export`, which writes the variables to disk and reads them back twice: with many layers,
    that is three to five times the work for the same result. Here the weights are constants of the converted function,
    except for large ones: as constants, they need 35 times their size in memory, and twice the time.

    Args:
        model: the model, with one input.
        path: the file to write.
        precision: of the weights, "float32" or a row of `LOWER_PRECISIONS`; input and outputs keep the model's types.
    """
    (film,) = model.inputs
    weights = [[_weight(variable) for variable in model.trainable_variables]]
    weights.append([_weight(variable) for variable in model.non_trainable_variables])

    @tf.function(input_signature=[tf.TensorSpec(film.shape, film.dtype, name=film.name)], autograph=False)
    def predict(film: Any) -> Any:
        values = [[tf.convert_to_tensor(weight) for weight in kind] for kind in weights]
        outputs, _ = model.stateless_call(*values, film, training=False)
        return outputs

    holder = tf.Module()
    holder.weights = weights  # without them, variables would be saved empty; with the function, it is traced again
    converter = tf.lite.TFLiteConverter.from_concrete_functions([predict.get_concrete_function()], holder)
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    path.write_bytes(converter.convert())


def _weight(variable: Any) -> Any:
    value = variable.numpy()
    return variable.value if value.nbytes > _LARGE else value
