"""How films are divided for the checks, and forests grown."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from cxr_cli.auditing import probes


@pytest.mark.filterwarnings("ignore:The least populated class")
@pytest.mark.parametrize("films_per_group", [1, 2, 7])
def test_folds_are_those_of_scikit_learn(films_per_group):
    rng = np.random.default_rng(films_per_group)
    for share in (0.04, 0.5, 0.8):
        groups = rng.integers(0, 210 // films_per_group, size=210)
        positives = rng.uniform(size=210) < share
        own = probes._folds(positives, groups, seed=3)
        repeats = [StratifiedGroupKFold(5, shuffle=True, random_state=3 + repeat) for repeat in range(3)]
        expected = [division for one in repeats for division in one.split(positives, positives, groups)]

        for (train, test), (their_train, their_test) in zip(own, expected, strict=True):
            np.testing.assert_array_equal(train, their_train)
            np.testing.assert_array_equal(test, their_test)


def test_a_forest_finds_the_one_feature_that_says_something(monkeypatch):
    monkeypatch.setattr(probes, "_REPEATS", 1)
    rng = np.random.default_rng(0)
    positives = rng.uniform(size=100) < 0.3  # each class weighs the same
    features = rng.normal(size=(100, 10)).astype(np.float32)
    features[:, 4] += 3 * positives
    scores, importances = probes.feature_scores(features, positives, np.arange(100), seed=0)

    assert np.mean(scores[positives] > 0.5) > 0.8
    assert np.mean(scores[~positives] < 0.5) > 0.8
    assert importances.argmax() == 4
    assert importances.sum() == pytest.approx(1)
    np.testing.assert_array_equal(scores, probes.feature_scores(features, positives, np.arange(100), seed=0)[0])
