"""The heat maps of the exported file match independent implementations that use automatic differentiation."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from cxr_cli.explanation.methods import MAP_METHODS, draw_map
from cxr_cli.training.engine import keras, tf
from cxr_cli.training.input_pipeline import to_rgb


@pytest.fixture(scope="module")
def evidence(exported, films):
    """Return the activations and gradients that the exported file gives for the films."""
    runner = Interpreter(str(exported)).get_signature_runner("serving_default")
    outputs = runner(film=to_rgb(films))
    return outputs["activations"], outputs["gradients"]


@pytest.fixture(scope="module")
def taped(classifier, films):
    """Return the activations, the gradients of the positive logit, and that logit, by GradientTape."""
    model = classifier.model
    features_of = keras.Model(model.input, model.get_layer("features").input)
    features = tf.Variable(features_of(to_rgb(films), training=False))
    output = model.get_layer("probability")
    with tf.GradientTape() as tape:
        hidden = model.get_layer("hidden")(model.get_layer("features")(features))
        logit = tf.matmul(hidden, output.kernel) + output.bias
    return features.numpy(), tape.gradient(logit, features).numpy(), logit.numpy()[:, 0]


def hirescam(activations, gradients, logits):
    return (activations * gradients).sum(axis=-1)


def gradcam(activations, gradients, logits):
    return np.einsum("bhwc,bc->bhw", activations, gradients.mean(axis=(1, 2)))


def layercam(activations, gradients, logits):
    return (np.maximum(gradients, 0) * activations).sum(axis=-1)


def gradcam_plus_plus(activations, gradients, logits):
    """Grad-CAM++ as in its paper: the score is exp(logit), so its derivatives are powers of the logit's gradient."""
    score = np.exp(logits.astype(np.float64))[:, None, None, None]
    gradients = gradients.astype(np.float64)
    first, second, third = (score * gradients**power for power in (1, 2, 3))
    below = 2 * second + activations.sum(axis=(1, 2), keepdims=True) * third
    alpha = np.divide(second, below, out=np.zeros_like(second), where=below != 0)
    weights = (alpha * np.maximum(first, 0)).sum(axis=(1, 2))
    return np.einsum("bhwc,bc->bhw", activations, weights) / score[:, 0]


def eigencam(activations, gradients, logits):
    maps = []
    for seen in activations:
        places = seen.reshape(-1, seen.shape[-1])
        projected = places @ np.linalg.svd(places.astype(np.float64), full_matrices=False)[2][0]
        # Activations are at least 0, so the map is too.
        maps.append(projected.reshape(seen.shape[:2]) * np.sign(projected.sum()))
    return np.stack(maps)


REFERENCES = {
    "gradcam": gradcam,
    "gradcam++": gradcam_plus_plus,
    "hirescam": hirescam,
    "layercam": layercam,
    "eigencam": eigencam,
}


def test_every_method_has_a_reference():
    assert list(REFERENCES) == list(MAP_METHODS)


@pytest.mark.parametrize("sign", [1, -1], ids=["positive", "negative"])
@pytest.mark.parametrize("method", MAP_METHODS)
def test_each_map_matches_gradient_tape(evidence, taped, method, sign):
    activations, gradients, logits = taped
    expected = REFERENCES[method](activations, sign * gradients, sign * logits)
    found = np.stack([draw_map(method, seen, sign * slope) for seen, slope in zip(*evidence, strict=True)])
    scale = np.abs(expected).max(axis=(1, 2), keepdims=True)

    assert found.dtype == np.float32
    assert scale.min() > 0
    np.testing.assert_allclose(found / scale, expected / scale, atol=2e-4)


def test_the_gradient_is_the_same_at_every_position(evidence, taped):
    _, gradients, _ = taped

    assert np.ptp(gradients, axis=(1, 2)).max() == 0
    np.testing.assert_allclose(evidence[1], gradients[:, 0, 0], atol=1e-5 * np.abs(gradients).max())


def test_the_map_in_the_file_matches_its_activations_and_gradients(exported, evidence, films):
    cams = Interpreter(str(exported)).get_signature_runner("serving_default")(film=to_rgb(films))["cam"]
    found = np.stack([draw_map("gradcam", seen, slope) for seen, slope in zip(*evidence, strict=True)])

    np.testing.assert_allclose(found, cams, atol=1e-5 * np.abs(cams).max())
