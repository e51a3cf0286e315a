import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cxr_cli.recipe.architectures import ARCHITECTURES
from cxr_cli.training.classifier import Classifier, build_classifier
from cxr_cli.training.engine import keras
from cxr_cli.training.export import export_litert
from cxr_cli.training.input_pipeline import to_rgb


@pytest.fixture(scope="session")
def films() -> np.ndarray:
    """(6, 64, 64) uint8 smooth noise."""
    coarse = np.random.default_rng(0).integers(0, 256, (6, 8, 8))
    return np.kron(coarse, np.ones((8, 8))).astype(np.uint8)


def let_see_films(built: Classifier, films: np.ndarray) -> None:
    """Make the predictions of a classifier with random weights differ between films.

    At random, a deep backbone lets hardly anything through and a head is nearly blind: with BatchNorm's statistics from
    the films themselves, a comparison has something to compare.
    """
    backbone = built.model.get_layer("backbone")
    normalizing = [layer for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)]
    kept = [(layer.trainable, layer.momentum) for layer in normalizing]
    for layer in normalizing:
        layer.trainable, layer.momentum = True, 0.0
    backbone(to_rgb(films) / 127.5 - 1.0, training=True)
    for layer, (trainable, momentum) in zip(normalizing, kept, strict=True):
        layer.trainable, layer.momentum = trainable, momentum
    for name in ("hidden", "probability"):
        layer = built.model.get_layer(name)
        layer.set_weights([np.random.default_rng(1).normal(0, 0.2, weight.shape) for weight in layer.get_weights()])


@pytest.fixture(scope="session")
def let_see() -> Callable[[Classifier, np.ndarray], None]:
    """The function `let_see_films`."""
    return let_see_films


@pytest.fixture(scope="session")
def built(films, tmp_path_factory) -> Callable[[str], tuple[Classifier, Path]]:
    """An architecture with random weights and its `model.tflite`, made once, in whatever order tests ask for them."""

    @functools.cache
    def build(name: str) -> tuple[Classifier, Path]:
        keras.utils.set_random_seed(5)
        made = build_classifier(ARCHITECTURES[name], input_size=64, units=16, dropout=0.5, frozen=2 / 3, weights="none")
        let_see_films(made, films)
        path = tmp_path_factory.mktemp("export") / "model.tflite"
        export_litert(made, path)
        return made, path

    return build


@pytest.fixture(params=["mobilenetv2", "simple-cnn"], scope="session")
def pair(request, built) -> tuple[Classifier, Path]:
    return built(request.param)


@pytest.fixture(scope="session")
def classifier(pair) -> Classifier:
    """Each architecture with random weights. Tests must not change it."""
    return pair[0]


@pytest.fixture(scope="session")
def exported(pair) -> Path:
    """Its `model.tflite`."""
    return pair[1]
