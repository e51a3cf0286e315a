"""The exported file gives the predictions and heat maps of the Keras model."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from cxr_cli.errors import ExportError
from cxr_cli.quiet import native_output_hidden
from cxr_cli.training.engine import keras, tf
from cxr_cli.training.export import _difference, answer_all, check_export
from cxr_cli.training.gradcam import with_map
from cxr_cli.training.input_pipeline import predict_probabilities, to_rgb


def answers(path, films):
    runner = Interpreter(str(path)).get_signature_runner("serving_default")
    (name,) = runner.get_input_details()
    return runner(**{name: to_rgb(films)})


def gradient_tape_cam(model, films):
    """Grad-CAM as in its paper: gradients of the logit through the Keras model."""
    features_of = keras.Model(model.input, model.get_layer("features").input)
    features = tf.Variable(features_of(to_rgb(films), training=False))
    with tf.GradientTape() as tape:
        pooled = model.get_layer("features")(features)
        hidden = model.get_layer("hidden")(pooled)
        output = model.get_layer("probability")
        logit = tf.matmul(hidden, output.kernel) + output.bias
    weights = tf.reduce_mean(tape.gradient(logit, features), axis=(1, 2), keepdims=True)
    return tf.reduce_sum(weights * features, axis=-1).numpy()


def test_the_exported_file_has_the_documented_signature(classifier, exported, films):
    runner = Interpreter(str(exported)).get_signature_runner("serving_default")
    ((_, details),) = runner.get_input_details().items()
    outputs = answers(exported, films)

    assert details["dtype"] == np.uint8
    assert details["shape_signature"].tolist() == [-1, 64, 64, 3]
    assert set(outputs) == {"probability", "cam", "features", "activations", "gradients"}
    _, height, width, channels = classifier.features.shape
    assert outputs["probability"].shape == (6, 1)
    assert outputs["cam"].shape == (6, height, width)
    assert outputs["features"].shape == (6, channels)
    assert outputs["activations"].shape == (6, height, width, channels)
    assert outputs["gradients"].shape == (6, channels)


@pytest.mark.parametrize("pair", ["simple-cnn"], indirect=True)  # Keras's own export of a large one takes long
def test_predictions_match_a_file_exported_by_keras_itself(classifier, exported, films, tmp_path):
    plain = tmp_path / "plain.tflite"
    with native_output_hidden():
        with_map(classifier, evidence=True).export(str(plain), format="litert", verbose=False)
    ours, keras_own = answers(exported, films), answers(plain, films)

    for name in keras_own:
        np.testing.assert_array_equal(ours[name], keras_own[name])


@pytest.mark.parametrize("count", [1, 6, 33, 79])
def test_batches_have_one_size_and_each_film_is_predicted_once(count):
    films = np.arange(count, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    sizes = set()

    def reader(batch):
        sizes.add(len(batch))
        return {"mean": batch.mean(axis=(1, 2, 3))}

    np.testing.assert_array_equal(answer_all(reader, films)["mean"], np.arange(count))
    assert len(sizes) == 1
    assert sizes.pop() <= 8


def test_activations_are_kept_for_the_first_batch_only():
    films = np.zeros((79, 2, 2), np.uint8)

    def reader(batch):
        return {"probability": np.zeros((len(batch), 1)), "activations": np.zeros((len(batch), 7, 7, 4))}

    answered = answer_all(reader, films)

    assert answered["probability"].shape == (79, 1)
    assert answered["activations"].shape == (8, 7, 7, 4)


def test_predictions_do_not_depend_on_the_batch_size(exported, films):
    together = answers(exported, films)["probability"]
    alone = np.concatenate([answers(exported, films[i : i + 1])["probability"] for i in range(len(films))])

    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_probabilities_match_keras(classifier, exported, films):
    expected = classifier.model.predict_on_batch(to_rgb(films))

    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(answers(exported, films)["probability"], expected, atol=1e-4)


def test_grad_cam_matches_gradient_tape(classifier, exported, films):
    expected = gradient_tape_cam(classifier.model, films)
    exported_map = answers(exported, films)["cam"]
    scale = np.abs(expected).max()

    assert scale > 0
    np.testing.assert_allclose(exported_map, expected, atol=1e-4)
    np.testing.assert_allclose(exported_map / scale, expected / scale, atol=1e-4)


def test_the_check_accepts_the_file_and_reports_the_differences(classifier, exported, films):
    check, probabilities = check_export(classifier, exported, films)
    np.testing.assert_array_equal(probabilities, predict_probabilities(classifier.model, films))

    assert check.films == 6
    assert 0 <= check.max_probability_difference < 1e-4
    assert 0 <= check.max_cam_difference < 1e-3


def test_the_check_detects_another_model(classifier, exported, films):
    layer = classifier.model.get_layer("probability")
    before = layer.get_weights()
    layer.set_weights([before[0], before[1] + 0.5])
    try:
        with pytest.raises(ExportError, match=r"within 0\.001 of the Keras model on 6 films"):
            check_export(classifier, exported, films)
    finally:
        layer.set_weights(before)


def test_the_check_detects_nan_predictions(classifier, exported, films):
    layer = classifier.model.get_layer("probability")
    before = layer.get_weights()
    layer.set_weights([before[0], before[1] * np.nan])
    try:
        with pytest.raises(ExportError):
            check_export(classifier, exported, films)
    finally:
        layer.set_weights(before)


@pytest.mark.parametrize(
    ("name", "films", "largest"),
    [
        ("cam", 1, 1e-5),  # as of a hidden unit at the edge of its ReLU
        ("gradients", 2, 1e-5),
        ("gradients", 3, 0.02),
        ("features", 1, 0.02),
        ("probability", 1, 0.02),
    ],
)
def test_a_few_films_may_have_a_unit_at_the_edge_of_its_relu(name, films, largest):
    expected = np.ones((40, 3))
    answered = expected + 1e-5
    answered[:films] += 0.02 - 1e-5

    assert _difference(answered, expected, name) == pytest.approx(largest)


def test_nan_is_not_excused_as_a_unit_at_the_edge():
    answered = np.ones((40, 3))
    answered[7, 1] = np.nan

    assert not _difference(answered, np.ones((40, 3)), "cam") <= 1
