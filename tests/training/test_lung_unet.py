import numpy as np
import pytest

from cxr_cli.errors import CxrError
from cxr_cli.recipe.architectures import ARCHITECTURES
from cxr_cli.training.engine import keras
from cxr_cli.training.lung_unet import build_lung_unet

ROW = ARCHITECTURES["lung-unet"]


@pytest.fixture(scope="module")
def network():
    return build_lung_unet(ROW, input_size=64, frozen=ROW.frozen, weights="none")


def test_a_film_becomes_the_probability_of_lung_at_each_point(network):
    films = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 1)).astype(np.uint8)
    shares = network.model.predict_on_batch(films)

    assert (shares.shape, shares.dtype) == ((2, 64, 64, 1), np.float32)
    assert 0 <= shares.min() < shares.max() <= 1
    assert network.features.shape == (None, 4, 4, 96)
    assert network.input_size == 64


def test_the_row_of_the_table_is_true(network):
    layers = network.model.get_layer("encoder").layers
    frozen = [layer.name for layer in layers if not layer.trainable]

    assert network.model.count_params() == ROW.parameters
    assert frozen[-1] == "block_2_add"
    assert len(frozen) == round(len(layers) * ROW.frozen)


@pytest.mark.parametrize("size", [48, 100])
def test_a_size_that_the_network_cannot_have_is_refused(size):
    with pytest.raises(CxrError, match="Expected an image size that is a multiple of 16, and at least 64 pixels"):
        build_lung_unet(ROW, input_size=size, frozen=0.0, weights="none")


def test_pretrained_statistics_are_kept(tmp_path):
    backbone = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(64, 64, 3))
    backbone.save_weights(tmp_path / "mobilenetv2.weights.h5")
    network = build_lung_unet(ROW, input_size=64, frozen=0.0, weights=str(tmp_path))
    normalizing = [
        layer
        for layer in network.model.get_layer("encoder").layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]

    assert normalizing
    assert not any(layer.trainable for layer in normalizing)
    assert network.weights["file"] == "mobilenetv2.weights.h5"
