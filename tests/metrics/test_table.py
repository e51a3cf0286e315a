import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef

from cxr_cli.metrics.measure import classification_report, measure
from cxr_cli.metrics.sample import Confusion, call_positive, count_confusion

TRUTH = np.array([True] * 4 + [False] * 6)
PROBABILITY = np.array([0.9, 0.8, 0.5, 0.1, 0.7, 0.4, 0.3, 0.2, 0.2, 0.05])


def test_the_threshold_itself_is_positive():
    assert call_positive(np.array([0.49, 0.5, 0.51]), threshold=0.5).tolist() == [False, True, True]


def test_metrics_match_values_computed_by_hand():
    """Three of four positives are true positives, one of six negatives is a false positive."""
    found = measure(TRUTH, PROBABILITY, threshold=0.5)

    assert count_confusion(TRUTH, PROBABILITY >= 0.5) == Confusion(3, 1, 1, 5)
    assert found["sensitivity"] == 3 / 4
    assert found["specificity"] == 5 / 6
    assert found["precision"] == 3 / 4
    assert found["negative_predictive_value"] == 5 / 6
    assert found["f1"] == 3 / 4
    assert found["accuracy"] == 8 / 10
    assert found["balanced_accuracy"] == (3 / 4 + 5 / 6) / 2
    assert found["mcc"] == (3 * 5 - 1 * 1) / np.sqrt(4 * 4 * 6 * 6)
    # Of 24 pairs the positive is higher in: 0.9: 6, 0.8: 6, 0.5: 5, 0.1: 1.
    assert found["roc_auc"] == pytest.approx(18 / 24)


def test_mcc_matches_scikit_learn_and_is_undefined_for_constant_predictions():
    generator = np.random.default_rng(1)
    positives, probabilities = generator.random(50) < 0.3, generator.random(50)

    assert measure(positives, probabilities, threshold=0.4)["mcc"] == pytest.approx(
        matthews_corrcoef(positives, probabilities >= 0.4)
    )
    assert measure(positives, probabilities, threshold=2)["mcc"] is None


def test_a_threshold_of_each_film_is_used():
    thresholds = np.where(np.arange(10) < 5, 0.85, 0.1)

    found = measure(TRUTH, PROBABILITY, threshold=thresholds)

    assert (found["sensitivity"], found["specificity"]) == (1 / 4, 2 / 6)


def test_undefined_metrics_are_none():
    found = measure(np.array([True, True]), np.array([0.2, 0.9]), threshold=0.5)

    assert (found["sensitivity"], found["specificity"]) == (0.5, None)
    assert (found["balanced_accuracy"], found["roc_auc"]) == (None, None)


def test_the_report_names_both_classes():
    report = classification_report(TRUTH, PROBABILITY >= 0.5, negative="non_covid", positive="covid")

    assert list(report) == ["non_covid", "covid", "macro avg", "weighted avg"]
    assert report["covid"] == {"precision": 0.75, "recall": 0.75, "f1-score": 0.75, "support": 4.0}
