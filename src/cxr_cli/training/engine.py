"""TensorFlow and Keras, imported without the banners they print; the rest of `training` takes them from here."""

import atexit
import gc
import os

from cxr_cli.quiet import native_output_hidden

# C++ logs errors only. A user who debugs TensorFlow sets this lower.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# The models are exported through TensorFlow: another Keras backend can't be used.
os.environ["KERAS_BACKEND"] = "tensorflow"

with native_output_hidden():
    import keras
    import tensorflow as tf

    # On a machine without a GPU, this prints a message for each missing library. It is no operation: workers must
    # connect before the first one.
    tf.config.list_physical_devices()

# Else Python would look again and again through all objects of TensorFlow for some to free: a tenth of the time that it
# takes to trace and convert a network.
gc.freeze()
# At the end, Python would look once more through all objects of TensorFlow for some to free: half a second or more.
atexit.register(gc.freeze)

keras.config.disable_interactive_logging()
tf.get_logger().setLevel("ERROR")

__all__ = ["keras", "tf"]
