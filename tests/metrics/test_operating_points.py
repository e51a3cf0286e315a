import numpy as np
import pytest
from sklearn.metrics import roc_curve

from cxr_cli.errors import CxrError
from cxr_cli.metrics.operating_points import Rule, choose_threshold, films_needed, parse_rule

POSITIVES = np.array([False, False, False, False, True, False, True, True, True, True])
PROBABILITIES = np.array([0.05, 0.1, 0.2, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 0.9])


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("youden", Rule("youden")),
        ("sensitivity=0.95", Rule("sensitivity", 0.95)),
        ("specificity=0.90", Rule("specificity", 0.9)),
        ("threshold=0.5", Rule("threshold", 0.5)),
    ],
)
def test_rules_are_read(text, rule):
    assert parse_rule(text) == rule
    assert parse_rule(str(rule)) == rule


@pytest.mark.parametrize(
    "text", ["", "f1", "sensitivity", "sensitivity=95", "youden=0.5", "specificity=x", "threshold=nan"]
)
def test_an_invalid_rule_is_an_error(text):
    with pytest.raises(CxrError, match="Expected an operating point") as caught:
        parse_rule(text)
    assert "--operating-point" in caught.value.hint


@pytest.mark.parametrize(
    ("rule", "threshold", "sensitivity", "specificity"),
    [
        ("youden", 0.45, 0.8, 1.0),
        ("sensitivity=0.95", 0.325, 1.0, 0.8),
        ("sensitivity=0.6", 0.55, 0.6, 1.0),
        ("specificity=0.8", 0.325, 1.0, 0.8),
        ("specificity=0.9", 0.45, 0.8, 1.0),
        ("threshold=0.15", 0.15, 1.0, 0.4),
    ],
)
def test_thresholds(rule, threshold, sensitivity, specificity):
    found = choose_threshold(POSITIVES, PROBABILITIES, parse_rule(rule))

    assert found.rule == rule
    assert (found.threshold, found.sensitivity, found.specificity) == pytest.approx(
        (threshold, sensitivity, specificity)
    )
    assert (found.positives, found.negatives) == (5, 5)


@pytest.mark.parametrize(
    ("value", "total", "count"),
    [(0.2, 5, 1), (0.93, 100, 93), (0.07, 100, 7), (0.95, 20, 19), (0.95, 21, 20), (0.001, 5, 1)],
)
def test_a_share_of_films_is_counted_without_rounding_errors(value, total, count):
    positives, probabilities = np.repeat([True, False], total), np.tile(np.linspace(0.1, 0.9, total), 2)

    sensitivity = choose_threshold(positives, probabilities, Rule("sensitivity", value)).sensitivity
    specificity = choose_threshold(positives, probabilities, Rule("specificity", value)).specificity

    assert films_needed(value, total) == count
    assert (sensitivity, specificity) == pytest.approx((count / total, count / total))


def test_youden_matches_scikit_learns_roc_curve():
    generator = np.random.default_rng(3)
    positives = generator.random(300) < 0.4
    probabilities = np.round(np.clip(0.5 + 0.2 * generator.normal(size=300) + 0.1 * positives, 0, 1), 2)
    false_rate, true_rate, _ = roc_curve(positives, probabilities)

    found = choose_threshold(positives, probabilities, Rule("youden"))

    assert found.sensitivity + found.specificity - 1 == pytest.approx((true_rate - false_rate).max())
    called = probabilities >= found.threshold
    assert (called[positives].mean(), 1 - called[~positives].mean()) == pytest.approx(
        (found.sensitivity, found.specificity)
    )


@pytest.mark.parametrize("rule", ["youden", "sensitivity=0.99", "specificity=0.99"])
def test_equal_probabilities_have_a_threshold(rule):
    found = choose_threshold(POSITIVES, np.full(10, 0.7), parse_rule(rule))

    assert 0 < found.threshold < 1
    assert {found.sensitivity, found.specificity} == {0, 1}
