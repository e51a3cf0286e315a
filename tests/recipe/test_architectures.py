"""The numbers in the table of architectures agree with Keras."""

import importlib

import numpy as np
import pytest

from cxr_cli.recipe.architectures import ARCHITECTURES, CLASSIFIERS
from cxr_cli.training import backbones
from cxr_cli.training.classifier import build_classifier
from cxr_cli.training.engine import keras

FROM_KERAS = [name for name, row in ARCHITECTURES.items() if not hasattr(backbones, row.builder)]


def module_of(row):
    """The module of keras.applications that has the builder and its preprocessing."""
    return importlib.import_module(getattr(keras.applications, row.builder).__module__)


@pytest.fixture(scope="module", params=CLASSIFIERS)
def built(request):
    """Each architecture with random weights at its smallest input size."""
    row = ARCHITECTURES[request.param]
    classifier = build_classifier(
        row, input_size=row.smallest_input, units=8, dropout=0.5, frozen=row.frozen, weights="none"
    )
    return row, classifier.model


def test_parameter_counts_match_the_backbones(built):
    row, model = built

    assert model.get_layer("backbone").count_params() == row.parameters


def test_the_share_of_frozen_layers(built):
    row, model = built
    layers = model.get_layer("backbone").layers
    cut = round(len(layers) * row.frozen)

    assert not any(layer.trainable for layer in layers[:cut])
    assert all(layer.trainable for layer in layers[cut:])


def test_the_scaling_matches_keras_or_the_row(built):
    row, model = built
    gray = np.repeat(np.array([0, 1, 100, 128, 254, 255], np.uint8)[:, None, None, None], 3, axis=-1)
    film = np.broadcast_to(gray, (6, *model.input_shape[1:])).copy()
    scaled = np.asarray(keras.Model(model.input, model.get_layer("scaling").output)(film))

    if hasattr(backbones, row.builder):
        expected = film * np.array(row.scaling.scale) + np.array(row.scaling.offset)
    else:
        expected = module_of(row).preprocess_input(film.astype(np.float32))

    np.testing.assert_allclose(scaled, expected, atol=1e-4)


@pytest.mark.parametrize("name", FROM_KERAS)
def test_the_weights_url_is_the_one_keras_uses(name, monkeypatch):
    asked = []

    class AskedError(Exception):
        pass

    def get_file(name, origin, **_):
        asked.append(origin)
        raise AskedError

    monkeypatch.setattr(module_of(ARCHITECTURES[name]).file_utils, "get_file", get_file)
    with pytest.raises(AskedError):
        getattr(keras.applications, ARCHITECTURES[name].builder)(
            include_top=False, weights="imagenet", input_shape=(224, 224, 3)
        )

    assert asked == [ARCHITECTURES[name].imagenet]
