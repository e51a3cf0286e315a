"""The peer of `cxr predict DIR`: a plain Keras script that uses tf.data in batches of 32.

In: a Keras model that takes uint8 films, a folder of JPEG and PNG films, and the CSV file to write.
"""
# ruff: noqa: TID253 - a script

import csv
import sys
from pathlib import Path

import keras
import tensorflow as tf

model_path, folder, output = sys.argv[1:]
model = keras.models.load_model(model_path)
size = model.input_shape[1:3]


def load(path: tf.Tensor) -> tf.Tensor:
    """Read a film as (S, S, 3) uint8."""
    image = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
    # With antialiasing, as Pillow resizes: without it the predictions differ.
    return tf.cast(tf.round(tf.image.resize(image, size, antialias=True)), tf.uint8)


paths = sorted(str(path) for path in Path(folder).iterdir())
films = tf.data.Dataset.from_tensor_slices(paths).map(load, num_parallel_calls=tf.data.AUTOTUNE)
probabilities = model.predict(films.batch(32).prefetch(tf.data.AUTOTUNE), verbose=0)[:, 0]
with Path(output).open("w", encoding="utf-8", newline="") as stream:
    writer = csv.writer(stream)
    writer.writerow(["image", "class", "probability"])
    for path, probability in zip(paths, probabilities, strict=True):
        writer.writerow([path, "covid" if probability >= 0.5 else "non_covid", f"{probability:.6f}"])
