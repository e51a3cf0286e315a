"""Backbones that keras.applications doesn't have: an image in, a feature map out."""

from cxr_cli.training.engine import keras


def simple_cnn(input_size: int) -> keras.Model:
    """Three convolutional layers, each halving the map: the network that the published notebook trains from scratch.

    Args:
        input_size: pixels a side.

    Returns:
        (B, input_size, input_size, 3) float32, scaled -> (B, input_size // 8, input_size // 8, 64) float32.
    """
    image = keras.Input((input_size, input_size, 3))
    features = image
    for filters in (16, 32, 64):
        features = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(
            features
        )
        # Without BatchNorm the training loss stays at chance for dozens of epochs. With this momentum the statistics
        # follow within an epoch of a dozen steps; with Keras's 0.99 it would take ten epochs.
        features = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(features))
        features = keras.layers.MaxPooling2D()(features)
    return keras.Model(image, features, name="simple_cnn")
