import numpy as np
import pytest

from cxr_cli.training.engine import keras, tf
from cxr_cli.training.frozen import fold_norms


def norm_of(trainable=False, **options):
    return keras.layers.BatchNormalization(
        trainable=trainable,
        beta_initializer=keras.initializers.RandomNormal(seed=1),
        gamma_initializer=keras.initializers.RandomUniform(0.5, 2, seed=2),
        moving_mean_initializer=keras.initializers.RandomNormal(seed=3),
        moving_variance_initializer=keras.initializers.RandomUniform(0.5, 2, seed=4),
        **options,
    )


@pytest.fixture
def network():
    """Build a network with four frozen norms after a convolution of their own, and three norms that must stay."""
    keras.utils.set_random_seed(5)
    film = keras.Input((9, 9, 3))
    inner = keras.Input((9, 9, 4))
    deep = norm_of()(keras.layers.DepthwiseConv2D(3, strides=2, depth_multiplier=2, padding="same")(inner))
    nested = keras.Model(inner, norm_of(scale=False)(keras.layers.Conv2D(5, 1, use_bias=False)(deep)))
    first = keras.layers.ReLU(6.0)(norm_of(center=False)(keras.layers.Conv2D(4, 3, padding="same")(film)))
    shared = keras.layers.Conv2D(4, 3, padding="same", dilation_rate=2, bias_initializer="normal")(first)
    both = keras.layers.Add()([shared, norm_of()(shared)])
    moved = norm_of(trainable=True)(keras.layers.Conv2D(4, 1)(both))
    bent = norm_of()(keras.layers.Conv2D(4, 1, activation="relu")(moved))
    last = norm_of()(keras.layers.Conv2D(4, 1)(bent))
    return keras.Model(film, keras.layers.GlobalAveragePooling2D()(nested(last)))


def test_a_folded_network_computes_and_learns_the_same_with_the_same_variables(network):
    folded = fold_norms(network)
    films = tf.constant(np.random.default_rng(0).normal(size=(3, 9, 9, 3)).astype(np.float32))

    def learn(model):
        with tf.GradientTape() as tape:
            output = model(films, training=False)
            loss = tf.reduce_sum(output**2)
        return output, tape.gradient(loss, [variable.value for variable in network.trainable_variables])

    assert sorted(map(id, folded.variables)) == sorted(map(id, network.variables))
    for mine, theirs in zip(learn(folded), learn(network), strict=True):
        for one, other in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_only_frozen_norms_after_a_convolution_of_their_own_are_folded(network):
    folded = fold_norms(network)
    kept = [layer for layer in folded.layers if isinstance(layer, keras.layers.BatchNormalization)]
    (nested,) = (layer for layer in folded.layers if isinstance(layer, keras.Model))

    assert len(kept) == 3
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in nested.layers)
