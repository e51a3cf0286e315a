import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxr_cli.recipe.architectures import ARCHITECTURES
from cxr_cli.recipe.options import Augmentation
from cxr_cli.training.classifier import build_classifier
from cxr_cli.training.engine import keras
from cxr_cli.training.feeds import FilmFeed, PartFilms
from cxr_cli.training.head_start import _balance, _plant, start_head
from cxr_cli.training.input_pipeline import predict_probabilities


@pytest.fixture
def classifier():
    keras.utils.set_random_seed(0)
    return build_classifier(
        ARCHITECTURES["simple-cnn"], input_size=32, units=32, dropout=0.5, frozen=1.0, weights="none"
    )


@pytest.fixture(scope="module")
def easy():
    """Films whose brightness depends on their class, in groups of two."""
    random = np.random.default_rng(0)
    positives = np.repeat([0.0, 1.0] * 8, 2).astype(np.float32)
    films = random.integers(0, 120, (32, 32, 32)) + (positives * 60).astype(int)[:, None, None]
    return films.astype(np.uint8), positives, [f"g{i // 2}" for i in range(32)]


def pooled(classifier, films):
    part = PartFilms(films=films, positives=np.zeros(len(films), np.float32), groups=[])
    return FilmFeed(classifier, {"train": part, "val": part}, Augmentation()).pooled()


def test_the_head_separates_easy_films_before_any_step(classifier, easy):
    films, positives, groups = easy

    start_head(classifier, pooled(classifier, films), positives, groups, c=0.03, seed=0)

    assert roc_auc_score(positives, predict_probabilities(classifier.model, films)) == 1.0


def test_the_initial_logit_is_that_of_the_regression(classifier, easy):
    films = easy[0]
    features = pooled(classifier, films)[0]
    weights, bias = np.random.default_rng(3).normal(0, 3, 64), 0.7

    _plant(classifier, weights, bias, seed=0)
    probabilities = predict_probabilities(classifier.model, films)

    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-(features @ weights + bias))), atol=1e-5)


def test_too_few_groups_for_folds_still_give_a_start(classifier, easy):
    films, positives, _ = easy

    start_head(classifier, pooled(classifier, films), positives, ["one"] * 32, c=0.03, seed=0)

    assert roc_auc_score(positives, predict_probabilities(classifier.model, films)) == 1.0


def test_sources_of_a_class_weigh_the_same_however_many_films_they_have():
    truth = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    sources = np.array(["a", "a", "a", "b", "a", "a", "b", "b"])

    np.testing.assert_allclose(_balance(truth, np.array([""] * 8)), 1)
    np.testing.assert_allclose(_balance(truth, sources), [2 / 3] * 3 + [2] + [1] * 4)


def test_a_small_c_gives_a_flatter_weight_vector_but_no_timid_logits(classifier, easy):
    films, positives, groups = easy
    features = pooled(classifier, films)

    for c in (1e-6, 1.0):
        start_head(classifier, features, positives, groups, c=c, seed=0)
        probabilities = predict_probabilities(classifier.model, films)

        assert probabilities[positives == 1].min() > 0.6
        assert probabilities[positives == 0].max() < 0.4
