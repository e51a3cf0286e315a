"""The peer of `cxr gradcam`: a plain Keras script that follows the example "Grad-CAM class activation visualization".

In: a Keras model that takes uint8 films, a film, and the image to write. Out: P(positive) on stdout; with a fourth
argument, also the heat map from 0 to 1 as .npy.
"""
# ruff: noqa: T201, TID253 - a script

import sys

import keras
import matplotlib as mpl
import numpy as np
import tensorflow as tf

model_path, film_path, output, *map_path = sys.argv[1:]
model = keras.models.load_model(model_path)
image = keras.utils.load_img(film_path, target_size=model.input_shape[1:3], interpolation="bilinear")
batch = keras.utils.img_to_array(image, dtype="uint8")[None]

pooling = next(layer for layer in model.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D))
grad_model = keras.Model(model.inputs, [pooling.input, model.output])
with tf.GradientTape() as tape:
    last_conv_output, probability = grad_model(tf.constant(batch))
    channel = probability[:, 0] if probability[0, 0] >= 0.5 else 1 - probability[:, 0]
grads = tape.gradient(channel, last_conv_output)
pooled_grads = tf.reduce_mean(grads, axis=(0, 1, 2))
heatmap = tf.squeeze(last_conv_output[0] @ pooled_grads[..., tf.newaxis])
heatmap = (tf.maximum(heatmap, 0) / tf.math.reduce_max(heatmap)).numpy()

film = keras.utils.img_to_array(keras.utils.load_img(film_path))
jet = mpl.colormaps["jet"](np.arange(256))[:, :3][np.uint8(255 * heatmap)]
jet = keras.utils.array_to_img(jet).resize((film.shape[1], film.shape[0]))
superimposed = keras.utils.img_to_array(jet) * 0.4 + film
keras.utils.array_to_img(superimposed).save(output)
print(f"{float(probability[0, 0]):.6f}")
if map_path:
    np.save(map_path[0], heatmap)
