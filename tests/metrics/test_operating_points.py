import numpy as np
import pytest
from scipy.stats import binom, norm
from sklearn.metrics import roc_curve

from cxr_cli.errors import CxrError
from cxr_cli.metrics.operating_points import (
    Rule,
    check_patients,
    choose_threshold,
    films_needed,
    parse_rule,
    patients_for,
    recognized_needed,
)

POSITIVES = np.array([False, False, False, False, True, False, True, True, True, True])
PROBABILITIES = np.array([0.05, 0.1, 0.2, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 0.9])


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("youden", Rule("youden")),
        ("sensitivity=0.95", Rule("sensitivity", 0.95)),
        ("specificity=0.90", Rule("specificity", 0.9)),
        ("sensitivity-at-least=0.95", Rule("sensitivity-at-least", 0.95)),
        ("specificity-at-least=0.9", Rule("specificity-at-least", 0.9)),
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


@pytest.mark.parametrize(("share", "patients"), [(0.95, 59), (0.9, 29), (0.99, 299), (0.8, 14), (0.5, 5)])
def test_the_patients_that_a_bound_needs_are_those_of_the_literature(share, patients):
    """59, 29 and 299: Wilks's tolerance limits, for example in NIST's handbook, 7.2.6.4."""
    assert patients_for(share) == patients
    assert recognized_needed(share, patients) == patients
    assert recognized_needed(share, patients - 1) == patients  # more than there are


@pytest.mark.parametrize("patients", [59, 92, 93, 150, 1000])
def test_as_many_misses_are_allowed_as_the_binomial_distribution_allows(patients):
    misses = patients - recognized_needed(0.95, patients)

    assert binom.cdf(misses, patients, 0.05) <= 0.05 < binom.cdf(misses + 1, patients, 0.05)


def drawn(generator, *, patients, films, correlation):
    """Validation films whose positives have a normal score around 0, and the patient of each film."""
    members = np.repeat(np.arange(patients), films)
    own = np.sqrt(correlation) * generator.normal(size=patients)
    scores = own[members] + np.sqrt(1 - correlation) * generator.normal(size=len(members))
    positives = np.repeat([True, False], [len(scores), 20])
    probabilities = norm.cdf(np.concatenate([scores, generator.normal(-3, 1, 20)]))
    return positives, probabilities, np.concatenate([members, patients + np.arange(20)])


@pytest.mark.parametrize(("patients", "films", "correlation"), [(59, 1, 0.0), (93, 1, 0.0), (60, 4, 0.95)])
def test_new_films_have_at_least_that_sensitivity_in_95_of_100_draws(patients, films, correlation):
    generator, rules, kept = np.random.default_rng(0), ("sensitivity=0.95", "sensitivity-at-least=0.95"), []
    for _ in range(600):
        positives, probabilities, groups = drawn(generator, patients=patients, films=films, correlation=correlation)
        points = [choose_threshold(positives, probabilities, parse_rule(rule), groups=groups) for rule in rules]
        kept.append([1 - point.threshold >= 0.95 for point in points])  # positives are uniform

    on_validation, at_least = np.mean(kept, axis=0)
    assert at_least >= 0.93  # 0.95 less two standard errors
    assert 0.3 < on_validation < 0.7


def test_specificity_at_least_is_the_mirror_image_of_sensitivity_at_least():
    positives, probabilities, groups = drawn(np.random.default_rng(1), patients=80, films=2, correlation=0.5)

    one = choose_threshold(positives, probabilities, Rule("sensitivity-at-least", 0.95), groups=groups)
    other = choose_threshold(~positives, 1 - probabilities, Rule("specificity-at-least", 0.95), groups=groups)

    assert other.threshold == pytest.approx(1 - one.threshold)
    assert (other.specificity, other.sensitivity) == (one.sensitivity, one.specificity)
    assert one.patients == other.patients == 80


def test_a_patient_with_many_films_counts_once():
    positives, probabilities, groups = drawn(np.random.default_rng(2), patients=100, films=1, correlation=0)
    rule = Rule("sensitivity-at-least", 0.95)
    alone = choose_threshold(positives, probabilities, rule, groups=groups)

    copies = [np.concatenate([values, np.repeat(values[:1], 50)]) for values in (positives, probabilities, groups)]
    with_copies = choose_threshold(copies[0], copies[1], rule, groups=copies[2])

    assert with_copies.threshold == alone.threshold
    assert with_copies.patients == alone.patients == 100


def test_too_few_patients_are_refused_with_the_number_needed_and_what_they_can_show():
    positives, groups = np.repeat([True, False], [40, 100]), np.r_[np.arange(40) // 2, np.arange(100)]

    with pytest.raises(CxrError) as caught:
        check_patients(parse_rule("sensitivity-at-least=0.95"), positives, groups)
    assert caught.value.message == (
        "Expected at least 59 patients with positive validation films, for a sensitivity of at least 0.95 on new films "
        "with 95% confidence. Received: 20."
    )
    assert caught.value.hint == (
        "Ask for less: --operating-point sensitivity-at-least=0.86, the most that 20 patients can show; or "
        "sensitivity=0.95, on the validation films alone"
    )
    check_patients(parse_rule("sensitivity-at-least=0.86"), positives, groups)
    check_patients(parse_rule("specificity-at-least=0.95"), positives, groups)
    check_patients(parse_rule("sensitivity=0.95"), positives, groups)


def test_a_bound_without_patients_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="Expected the patient of each film"):
        choose_threshold(POSITIVES, PROBABILITIES, Rule("sensitivity-at-least", 0.5))


def test_a_rule_says_for_which_films_it_holds():
    on_validation = choose_threshold(POSITIVES, PROBABILITIES, Rule("sensitivity", 0.6))
    bound = choose_threshold(POSITIVES, PROBABILITIES, Rule("specificity-at-least", 0.5), groups=np.arange(10))

    assert on_validation.chosen == "sensitivity=0.6, on 10 validation films"
    assert on_validation.promise.startswith("The sensitivity is at least 0.6 on the validation films. On new films it")
    assert bound.chosen == "specificity-at-least=0.5, on 10 validation films, where 5 patients have a negative one"
    assert bound.promise == (
        "With 95% confidence, at least 0.5 of the negative films of new patients like those of the validation films "
        "are called negative, each patient counting once."
    )
    assert choose_threshold(POSITIVES, PROBABILITIES, Rule("youden")).promise == ""
