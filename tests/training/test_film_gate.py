"""The film gate, on the features of a small random network."""

import numpy as np
import pytest

from cxr_cli.rendering.render import render
from cxr_cli.training import film_gate
from cxr_cli.training.engine import keras


@pytest.fixture(scope="module")
def films() -> np.ndarray:
    return np.stack([render(positive=seed % 2 == 0, seed=100 + seed, size=(64, 64)).film for seed in range(12)])


@pytest.fixture(autouse=True)
def few_drawings(monkeypatch):
    monkeypatch.setattr(film_gate, "_DRAWN", 8)


def gate(films: np.ndarray) -> keras.Model:
    keras.utils.set_random_seed(0)
    film = keras.Input((64, 64, 1), dtype="uint8")
    seen = keras.layers.Rescaling(1 / 127.5, -1)(keras.ops.cast(film, "float32"))
    for channels in (8, 16):
        seen = keras.layers.Conv2D(channels, 3, strides=2, padding="same", activation="relu")(seen)
    mask = keras.layers.UpSampling2D(4)(keras.layers.Conv2D(1, 1, activation="sigmoid")(seen))
    return film_gate.with_film_gate(keras.Model(film, mask), seen, films, vary=lambda film, _: film // 2 + 30, seed=1)


def test_it_tells_upright_films_from_turned_and_inverted_ones_and_keeps_the_mask(films):
    model = gate(films[:8])
    others = films[8:]

    def frontal(pictures: np.ndarray) -> np.ndarray:
        return np.asarray(model.predict_on_batch(pictures[..., None])["frontal"])[:, 0]

    assert model.predict_on_batch(others[..., None])["mask"].shape == (4, 64, 64, 1)
    assert frontal(others).min() > 0.5
    assert frontal(255 - others).max() < 0.5
    assert frontal(others[:, ::-1]).max() < 0.5
    assert frontal(np.rot90(others, axes=(1, 2))).max() < 0.5


def test_the_same_films_give_the_same_gate(films):
    first, second = (gate(films[:4]).get_layer("frontal").get_weights() for _ in range(2))

    np.testing.assert_array_equal(first[0], second[0])
