"""Figures of calibration: against statsmodels, and their intervals in simulations."""

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from cxr_cli.metrics.calibration import expected_calibration_error, logit, sigmoid
from cxr_cli.metrics.calibration_figures import GAPS, calibration_figures, gaps_at_best


def overlapping():
    """97 films of 40 patients: truth, probabilities and patients."""
    generator = np.random.default_rng(3)
    groups = np.repeat(np.arange(40), generator.integers(1, 5, 40))
    positives = (generator.random(40) < 0.4)[groups]
    own, others = generator.normal(size=40)[groups], generator.normal(size=len(groups))
    logits = np.round(1.4 * (1.5 * positives - 0.6 + 0.8 * own + 0.6 * others) + 0.7, 3)
    return positives, sigmoid(logits), groups


def draw_films(generator, patients, *, prevalence, distance=1.5, slope=1.0, intercept=0.0):
    """Films of patients whose true P is sigmoid(slope * logit + intercept): one to many, alike within a patient."""
    groups = np.repeat(np.arange(patients), generator.geometric(0.6, patients))
    positives = (generator.random(patients) < prevalence)[groups]
    own, others = generator.normal(size=patients)[groups], generator.normal(size=len(groups))
    score = np.sqrt(0.7) * own + np.sqrt(0.3) * others + distance * positives
    true = logit(np.array(prevalence)) + distance * score - distance**2 / 2
    return positives, sigmoid((true - intercept) / slope), groups


def test_slope_and_in_the_large_are_those_of_statsmodels():
    """Version 0.15.0: a GLM of the binomial family with cov_type="cluster", on the logit; and with it as the offset."""
    made = calibration_figures(*overlapping())

    slope, large = made.intervals["calibration_slope"], made.intervals["in_the_large"]
    assert made.values["calibration_slope"] == pytest.approx(1.149304, abs=1e-5)
    assert (slope.high - slope.low) / 2 == pytest.approx(
        2.145801 * 0.28387003, abs=1e-5
    )  # t of 13.93 degrees of freedom
    assert made.values["in_the_large"] == pytest.approx(-1.42156682, abs=1e-5)
    assert (large.high - large.low) / 2 == pytest.approx(
        2.022691 * 0.38883611, abs=1e-5
    )  # of 39, the patients without one


def test_the_distances_from_the_curve_are_those_of_statsmodels_with_patsys_natural_spline():
    """statsmodels 0.15.0 and patsy 1.0.3: cr() with the knots of the 10th, 50th and 90th percentile."""
    values = calibration_figures(*overlapping()).values

    assert (values["e50"], values["e90"]) == pytest.approx((0.21431342, 0.33791727), abs=1e-5)


def test_weighted_films_have_the_coefficients_of_statsmodels():
    positives, probabilities, groups = overlapping()
    weights = np.where(positives, 0.1 / positives.mean(), 0.9 / (1 - positives.mean()))

    made = calibration_figures(positives, probabilities, groups, weights=weights)

    assert made.values["calibration_slope"] == pytest.approx(0.98940961, abs=1e-5)


def test_the_other_figures_are_those_of_scikit_learn_and_of_their_own_function():
    positives, probabilities, groups = overlapping()

    values = calibration_figures(positives, probabilities, groups).values

    assert values["log_loss"] == pytest.approx(log_loss(positives, probabilities))
    assert values["brier"] == pytest.approx(brier_score_loss(positives, probabilities))
    assert values["ece"] == pytest.approx(expected_calibration_error(positives, probabilities))


def test_a_weight_of_two_is_the_film_twice():
    positives, probabilities, groups = overlapping()
    twice = np.where(positives, 2, 1)

    weighted = calibration_figures(positives, probabilities, groups, weights=twice.astype(float)).values
    repeated = calibration_figures(*(np.repeat(part, twice) for part in (positives, probabilities, groups))).values

    for name in ("log_loss", "brier", "ece", "calibration_slope", "in_the_large"):
        assert weighted[name] == pytest.approx(repeated[name]), name


def test_films_of_one_class_and_films_without_a_mistake():
    alike = calibration_figures(np.ones(9, bool), np.linspace(0.1, 0.9, 9), np.arange(9))
    positives = np.arange(20) < 8
    apart = calibration_figures(positives, np.where(positives, 0.8, 0.3), np.arange(20))
    turned = calibration_figures(positives, np.where(positives, 0.3, 0.8), np.arange(20))

    assert {name for name, value in alike.values.items() if value is None} == {
        *("calibration_slope", "in_the_large", "e50", "e90")
    }
    assert alike.intervals == {}
    assert apart.values["calibration_slope"] is turned.values["calibration_slope"] is None
    assert apart.intervals["in_the_large"].low < apart.values["in_the_large"] < apart.intervals["in_the_large"].high


@pytest.mark.parametrize("prevalence", [0.8, 0.2])
def test_the_intervals_of_slope_and_in_the_large_cover(prevalence):
    """46 patients, nine of them of the rarer class: with a normal quantile, the slope's interval covers 0.90."""
    generator, held = np.random.default_rng(5), []
    for _ in range(300):
        made = calibration_figures(*draw_films(generator, 46, prevalence=prevalence))
        if made.values["calibration_slope"] is not None and made.intervals["calibration_slope"]:
            slope, large = made.intervals["calibration_slope"], made.intervals["in_the_large"]
            held.append([slope.low <= 1 <= slope.high, large.low <= 0 <= large.high])

    assert len(held) > 280
    assert np.all(np.mean(held, axis=0) >= 0.93)


def test_perfect_probabilities_rarely_have_larger_gaps_than_they_may_by_chance():
    generator, larger = np.random.default_rng(6), []
    for _ in range(100):
        positives, probabilities, groups = draw_films(generator, 60, prevalence=0.4)
        values, limits = (
            calibration_figures(positives, probabilities, groups).values,
            gaps_at_best(probabilities, groups),
        )
        larger.append([values[name] > limits[name] for name in GAPS])

    assert np.all(np.mean(larger, axis=0) <= 0.1)  # 0.05 is right, and 0.09 its upper end in 100 sets


def test_wrong_probabilities_have_larger_gaps_than_chance_gives():
    positives, probabilities, groups = draw_films(np.random.default_rng(0), 300, prevalence=0.8, intercept=1.3)

    values, limits = calibration_figures(positives, probabilities, groups).values, gaps_at_best(probabilities, groups)

    assert all(values[name] > limits[name] for name in GAPS)
