"""Maps of a network whose weights are randomized layer by layer from the head down."""

import numpy as np
import pytest

from cxr_cli.explanation.methods import MAP_METHODS
from cxr_cli.explanation.randomization import _spearman, _ssim, _verdict, randomize
from cxr_cli.explanation.record import RandomizedDepth
from cxr_cli.training.engine import keras
from cxr_cli.training.export import load_model
from cxr_cli.training.random_weights import _cascade


@pytest.fixture(scope="module")
def found(trained):
    run = trained.run()
    films = np.random.default_rng(0).integers(0, 256, (3, 64, 64), dtype=np.uint8)
    return randomize(run, films, np.array([True, False, True]), seed=1)


def test_the_cascade_ends_with_random_weights_everywhere(trained):
    model = load_model(trained.run())
    fresh = keras.models.clone_model(model)
    assert not all(np.array_equal(a, b) for a, b in zip(model.get_weights(), fresh.get_weights(), strict=True))

    shares = [share for _, share in _cascade(model, fresh)]

    assert shares == sorted(shares)
    assert shares[-1] == 1
    for kept, new in zip(model.get_weights(), fresh.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, new)


def test_a_method_that_ignores_the_head_is_detected(found):
    head = found.depths[1]

    assert head.weights == "the head"
    assert head.spearman["eigencam"] == 1
    assert head.ssim["eigencam"] == pytest.approx(1, abs=1e-4)
    assert abs(head.spearman["gradcam"]) < 0.99
    assert not found.passed["eigencam"]
    assert found.verdicts["eigencam"].startswith(
        "stays the same with a random head, so it does not show the prediction"
    )


def test_hirescam_is_gradcam_at_every_depth(found):
    assert len(found.depths) == 6
    assert list(found.passed) == list(MAP_METHODS)
    for depth in found.depths:
        assert depth.spearman["hirescam"] == depth.spearman["gradcam"]


def test_randomization_is_reproducible(trained, found):
    films = np.random.default_rng(0).integers(0, 256, (3, 64, 64), dtype=np.uint8)

    again = randomize(trained.run(), films, np.array([True, False, True]), seed=1)

    assert again == found


def depth(head, signed, absolute):
    none = dict.fromkeys(MAP_METHODS)
    return [
        RandomizedDepth(
            weights="", share=0, spearman=none | {"gradcam": value}, spearman_absolute=none | rest, ssim=none
        )
        for value, rest in ((0.9, {}), (head, {}), (signed, {"gradcam": absolute}))
    ]


@pytest.mark.parametrize(
    ("figures", "passed", "words"),
    [
        ((0.2, 0.1, 0.3), True, "changes when"),
        ((1.0, 0.1, 0.3), False, "with a random head"),
        ((0.2, 0.1, 0.6), False, "stays similar"),
        ((0.2, None, None), False, "not defined"),
    ],
)
def test_the_verdict_of_the_randomization_check(figures, passed, words):
    found, text = _verdict("gradcam", depth(*figures))

    assert found == passed
    assert words in text


def test_similarity_measures():
    cam = np.arange(12, dtype=np.float32).reshape(3, 4)

    assert _spearman(cam, cam**3) == pytest.approx(1)
    assert _spearman(cam, -cam) == pytest.approx(-1)
    assert np.isnan(_spearman(cam, np.zeros_like(cam)))
    assert _ssim(np.stack([cam, cam]), np.stack([2 * cam, cam.max() - cam])) == [
        pytest.approx(1),
        pytest.approx(0, abs=0.6),
    ]
