import numpy as np
import pytest

from cxr_cli.training.callbacks import Validation
from cxr_cli.training.engine import keras
from cxr_cli.training.fitting import class_weights
from cxr_cli.training.input_pipeline import predict_probabilities


def constant(probability):
    """Build a model that gives every film the same probability."""
    film = keras.Input((8, 8, 3), dtype="uint8")
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(0.0)(film))
    model = keras.Model(film, keras.layers.Dense(1, activation="sigmoid")(mean))
    set_probability(model, probability)
    return model


def set_probability(model, probability):
    model.layers[-1].set_weights([np.zeros((3, 1)), np.array([np.log(probability / (1 - probability))])])


def validation_of(model, weights=None):
    return Validation(model, lambda: predict_probabilities(model, FILMS), POSITIVES, weights)


FILMS, POSITIVES = np.zeros((4, 8, 8), np.uint8), np.array([1, 1, 1, 0], np.float32)


def test_class_weights_are_balanced():
    assert class_weights(POSITIVES) == {0: pytest.approx(2.0), 1: pytest.approx(2 / 3)}


def test_validation_loss_uses_the_class_weights_of_training():
    plain = validation_of(constant(0.8))
    weighted = validation_of(constant(0.8), class_weights(POSITIVES))

    row, _ = plain.add("train", learning_rate=1e-3, loss=1.0, started=0)
    assert row.val_loss == pytest.approx(-(3 * np.log(0.8) + np.log(0.2)) / 4, abs=1e-6)
    row, _ = weighted.add("train", learning_rate=1e-3, loss=1.0, started=0)
    assert row.val_loss == pytest.approx(-(np.log(0.8) + np.log(0.2)) / 2, abs=1e-6)


def test_the_best_epoch_is_kept_and_restored():
    model = constant(0.5)
    validation = validation_of(model)
    flags = []
    for probability in (0.5, 0.75, 0.99):
        set_probability(model, probability)
        flags.append(validation.add("train", learning_rate=1e-3, loss=1.0, started=0)[1])
    validation.restore_best()

    assert flags == [True, True, False]
    assert [row.epoch for row in validation.history] == [1, 2, 3]
    assert validation.best is not None
    assert validation.best.epoch == 2
    assert model.predict_on_batch(np.zeros((1, 8, 8, 3), np.uint8))[0, 0] == pytest.approx(0.75, abs=1e-6)


def test_the_state_before_the_first_step_is_epoch_0():
    validation = validation_of(constant(0.5))

    assert validation.add("start", learning_rate=None, loss=None, started=0)[0].epoch == 0
    assert validation.add("train", learning_rate=1e-3, loss=0.7, started=0)[0].epoch == 1
