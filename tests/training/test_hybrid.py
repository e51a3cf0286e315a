"""Trees on a network's features: fitted and saved with XGBoost, and read without TensorFlow."""

import json

import numpy as np
import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.metrics.measure import measure
from cxr_cli.prediction.trees import open_booster
from cxr_cli.training.features import read_features
from cxr_cli.training.hybrid import fit_booster


def blobs(count, seed):
    """Simulate eight features, of which the first depends on the class; the classes overlap."""
    random = np.random.default_rng(seed)
    positives = (np.arange(count) % 3 > 0).astype(np.float32)
    features = random.normal(size=(count, 8)).astype(np.float32)
    features[:, 0] += 2 * positives
    return features, positives


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    path = tmp_path_factory.mktemp("trees") / "xgboost.json"
    parts = {"train": blobs(300, 1), "val": blobs(120, 2)}
    features = {name: part[0] for name, part in parts.items()}
    positives = {name: part[1] for name, part in parts.items()}
    facts, probabilities = fit_booster(path, features, positives, class_weight=None, seed=0)
    return path, facts, probabilities, features["val"], positives["val"]


def test_the_trees_learn_and_stop_early(fitted):
    path, facts, probabilities, _, positives = fitted
    saved = json.loads(path.read_text())["learner"]["gradient_booster"]["model"]["trees"]

    assert measure(positives.astype(bool), probabilities, threshold=0.5)["roc_auc"] > 0.85
    assert facts.features == 8
    assert 1 < facts.trees < 500
    assert len(saved) == facts.trees  # the rounds after the best one are not kept
    expected = -np.log(np.where(positives > 0, probabilities, 1 - probabilities)).mean()
    assert facts.val_loss == pytest.approx(expected, abs=1e-4)


def test_the_file_predicts_as_the_fitted_trees(fitted):
    path, _, probabilities, features, _ = fitted
    probability = open_booster(path, features=8)

    np.testing.assert_allclose(probability(features), probabilities, atol=1e-6)
    np.testing.assert_allclose([probability(row[None])[0] for row in features], probabilities, atol=1e-6)


def test_class_weights_are_applied(fitted, tmp_path):
    _, _, plain, features, _ = fitted
    train, positives = blobs(300, 1)
    parts = {"train": train, "val": features}, {"train": positives, "val": blobs(120, 2)[1]}
    _, weighted = fit_booster(tmp_path / "x.json", *parts, class_weight={0: 3.0, 1: 0.5}, seed=0)

    assert weighted.mean() < plain.mean() - 0.1


def test_features_match_those_of_the_exported_file(classifier, exported, films):
    from cxr_cli.training.engine import keras
    from cxr_cli.training.input_pipeline import to_rgb

    many = np.concatenate([films] * 6)  # more than one batch
    expected = keras.Model(classifier.model.input, classifier.pooled).predict_on_batch(to_rgb(many))

    np.testing.assert_allclose(read_features(exported, many), expected, atol=1e-4)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"no trees"])
def test_unreadable_trees_are_an_error(tmp_path, content):
    path = tmp_path / "xgboost.json"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(WorkspaceError, match=r"Expected XGBoost's trees in .*xgboost\.json") as raised:
        open_booster(path, features=8)
    assert raised.value.hint == "Make it again: cxr train --arch cnn-xgboost --class-weight"


def edited(trees, **fields):
    """The first tree's first node, changed."""
    for name, value in fields.items():
        trees["learner"]["gradient_booster"]["model"]["trees"][0][name][0] = value
    return json.dumps(trees)


@pytest.mark.parametrize(
    "fields",
    [
        {"left_children": 0},  # for ever
        {"left_children": 10**6},  # beyond the arrays
        {"right_children": -1},
        {"split_indices": 8},
        {"split_indices": 2**70},
        {"split_type": 1},
        {"split_conditions": 1e300},
    ],
    ids=str,
)
def test_trees_whose_branches_lead_nowhere_are_refused(fitted, tmp_path, fields):
    (tmp_path / "xgboost.json").write_text(edited(json.loads(fitted[0].read_text()), **fields))

    with pytest.raises(WorkspaceError, match=r"Expected XGBoost's trees in .*xgboost\.json"):
        open_booster(tmp_path / "xgboost.json", features=8)
    shorter = json.loads(fitted[0].read_text())
    shorter["learner"]["gradient_booster"]["model"]["trees"][0]["default_left"].pop()
    (tmp_path / "xgboost.json").write_text(json.dumps(shorter))
    with pytest.raises(WorkspaceError, match="tree 0 lacks conditions"):
        open_booster(tmp_path / "xgboost.json", features=8)
    with pytest.raises(WorkspaceError, match="trees on 8 features, not 9"):
        open_booster(fitted[0], features=9)
