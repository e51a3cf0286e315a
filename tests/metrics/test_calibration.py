import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss

from cxr_cli.metrics.calibration import (
    apply_temperature,
    expected_calibration_error,
    fit_calibration,
    fit_temperature,
    reliability,
)


def overconfident(films: int, *, factor: float, seed: int = 0):
    """Simulate films whose logits are `factor` times the true ones."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=films) * 2
    positives = generator.random(films) < 1 / (1 + np.exp(-logits))
    return positives, 1 / (1 + np.exp(-logits * factor))


@pytest.mark.parametrize("factor", [0.5, 1, 3])
def test_the_fitted_temperature_inverts_the_scaling(factor):
    assert fit_temperature(*overconfident(20_000, factor=factor)) == pytest.approx(factor, rel=0.06)


def test_the_temperature_is_the_grid_minimum():
    positives, probabilities = overconfident(5_000, factor=2)
    grid = np.linspace(0.5, 5, 200)

    best = grid[np.argmin([log_loss(positives, apply_temperature(probabilities, value)) for value in grid])]

    assert fit_temperature(positives, probabilities) == pytest.approx(best, abs=0.03)


def test_a_perfect_classifier_has_a_bounded_temperature():
    positives = np.arange(40) < 20

    temperature = fit_temperature(positives, np.where(positives, 0.9, 0.1))

    scaled = apply_temperature(np.array([0.9]), temperature)[0]
    assert scaled == pytest.approx(21 / 22, abs=1e-3)  # Platt's target for 20 of 20


def test_scaling_keeps_order_and_one_half():
    probabilities = np.array([0.0, 0.2, 0.5, 0.7, 1.0], np.float32)

    scaled = apply_temperature(probabilities, 2.5)

    assert np.all(np.diff(scaled) > 0)
    assert scaled[2] == pytest.approx(0.5)
    assert scaled.dtype == np.float64


def test_calibration_reports_before_and_after():
    found = fit_calibration(*overconfident(5_000, factor=3))

    assert set(found.before) == {"log_loss", "brier", "ece"}
    assert all(found.after[name] < found.before[name] for name in found.before)


def test_reliability_matches_scikit_learn():
    positives, probabilities = overconfident(400, factor=2)
    shares, means = calibration_curve(positives, probabilities, n_bins=10)

    bins = reliability(positives, probabilities)

    assert [one.positive_share for one in bins] == pytest.approx(shares)
    assert [one.mean_probability for one in bins] == pytest.approx(means)
    assert sum(one.films for one in bins) == 400
    assert all(one.interval.low <= one.positive_share <= one.interval.high for one in bins)


def test_calibration_error_of_a_worked_example():
    positives = np.array([True, False, True, True])
    probabilities = np.array([0.95, 0.92, 0.25, 0.21])

    # Bin 0.9 to 1: mean 0.935, 0.5 positive; bin 0.2 to 0.3: mean 0.23, all positive; two films in each.
    assert expected_calibration_error(positives, probabilities) == pytest.approx((0.435 + 0.77) / 2)


def test_a_probability_of_1_is_in_the_last_bin():
    assert [(one.low, one.films) for one in reliability(np.array([True]), np.array([1.0]))] == [(0.9, 1)]
