"""The peer of `cxr predict` for one film: a plain Keras script.

In: a Keras model that takes uint8 films, and a film. Out: P(positive) on stdout.
"""
# ruff: noqa: T201, TID253 - a script

import sys

import keras

model = keras.models.load_model(sys.argv[1])
image = keras.utils.load_img(sys.argv[2], target_size=model.input_shape[1:3], interpolation="bilinear")
batch = keras.utils.img_to_array(image, dtype="uint8")[None]
probability = model.predict(batch, verbose=0)[0, 0]
print("covid" if probability >= 0.5 else "non_covid", f"{probability:.6f}")
