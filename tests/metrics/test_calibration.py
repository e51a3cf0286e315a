import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from cxr_cli.metrics.calibration import (
    SLOPES,
    Calibration,
    expected_calibration_error,
    fit_calibration,
    fit_scaling,
    logit,
    reliability,
    sigmoid,
    slope_of_temperature,
)


def scaled_films(films: int, *, slope: float = 1.0, intercept: float = 0.0, seed: int = 0):
    """Simulate films that the true P is sigmoid(slope * logit + intercept) of."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=films) * 2
    positives = generator.random(films) < sigmoid(logits)
    return positives, sigmoid((logits - intercept) / slope)


@pytest.mark.parametrize(("slope", "intercept"), [(2.0, 0.0), (1.0, 1.3), (0.3, -1.0)])
def test_the_fit_inverts_the_scaling(slope, intercept):
    fitted = fit_scaling(*scaled_films(20_000, slope=slope, intercept=intercept))

    assert fitted == (pytest.approx(slope, rel=0.06), pytest.approx(intercept, abs=0.06))


def test_the_fit_is_that_of_scikit_learn():
    positives, probabilities = scaled_films(300, slope=0.5, intercept=1.0)
    logits = logit(probabilities)[:, None]
    network = LogisticRegression().fit(logits, positives)
    network.coef_, network.intercept_ = np.ones((1, 1)), np.zeros(1)  # its decision is the logit
    own = CalibratedClassifierCV(FrozenEstimator(network), method="sigmoid", ensemble=False).fit(logits, positives)

    made = fit_calibration(positives, probabilities)

    np.testing.assert_allclose(made.apply(probabilities), own.predict_proba(logits)[:, 1], atol=1e-5)


def test_the_mean_probability_becomes_the_share_of_positives():
    generator = np.random.default_rng(1)
    logits = generator.normal(size=4000)
    positives = generator.random(4000) < sigmoid(logits + 1.5)  # as a class-weighted network sees them
    raw = sigmoid(logits)

    made = fit_calibration(positives, raw)

    assert abs(raw.mean() - positives.mean()) > 0.2
    assert made.apply(raw).mean() == pytest.approx(positives.mean(), abs=1e-3)
    assert made.prevalence == positives.mean()
    assert all(made.after[name] < made.before[name] for name in ("log_loss", "brier", "ece"))


def test_a_perfect_classifier_has_a_bounded_slope():
    positives = np.arange(40) < 20

    made = fit_calibration(positives, np.where(positives, 0.9, 0.1))

    assert made.apply(np.array([0.9]))[0] == pytest.approx(21 / 22, abs=1e-6)  # Platt's target for 20 of 20


def test_the_order_stays_where_validation_films_are_in_the_wrong_order():
    positives, probabilities = scaled_films(400)

    made = fit_calibration(positives, 1 - probabilities)

    assert made.slope == SLOPES[0]
    assert made.at_bound
    values = np.array([0.0, 0.2, 0.5, 0.7, 1.0], np.float32)
    assert np.all(np.diff(made.apply(values)) > 0)
    assert not fit_calibration(positives, probabilities).at_bound


@pytest.mark.parametrize(("intercept", "shown"), [(1.5, "+ 1.500"), (-0.504, "- 0.504")])
def test_the_formula_in_words(intercept, shown):
    made = Calibration(slope=1.4176, intercept=intercept, before={}, after={})

    assert made.formula("covid") == f"P(covid) = sigmoid(1.418 × logit {shown})"


def test_films_with_one_probability_get_the_share_of_positives():
    positives = np.arange(100) < 30

    made = fit_calibration(positives, np.full(100, 0.9))

    assert made.apply(np.array([0.9]))[0] == pytest.approx(np.where(positives, 31 / 32, 1 / 72).mean())


def test_reliability_matches_scikit_learn():
    positives, probabilities = scaled_films(400, slope=0.5)
    shares, means = calibration_curve(positives, probabilities, n_bins=10)

    bins = reliability(positives, probabilities, np.arange(400))

    assert [one.positive_share for one in bins] == pytest.approx(shares)
    assert [one.mean_probability for one in bins] == pytest.approx(means)
    assert sum(one.films for one in bins) == 400
    assert all(one.interval.low <= one.positive_share <= one.interval.high for one in bins)


def test_the_bars_of_reliability_count_patients():
    positives, probabilities = scaled_films(200)

    alone = reliability(positives, probabilities, np.arange(200))
    copied = reliability(np.repeat(positives, 4), np.repeat(probabilities, 4), np.repeat(np.arange(200), 4))

    for one, four in zip(alone, copied, strict=True):  # four copies of a film say no more than one
        assert four.interval.high - four.interval.low == pytest.approx(one.interval.high - one.interval.low, rel=0.05)


def test_calibration_error_of_a_worked_example():
    positives = np.array([True, False, True, True])
    probabilities = np.array([0.95, 0.92, 0.25, 0.21])

    # Bin 0.9 to 1: mean 0.935, 0.5 positive; bin 0.2 to 0.3: mean 0.23, all positive; two films in each.
    assert expected_calibration_error(positives, probabilities) == pytest.approx((0.435 + 0.77) / 2)


def test_a_probability_of_1_is_in_the_last_bin():
    bins = reliability(np.array([True]), np.array([1.0]), np.zeros(1))

    assert [(one.low, one.films) for one in bins] == [(0.9, 1)]


@pytest.mark.parametrize(("temperature", "slope"), [(2.0, 0.5), (0.25, 4.0), (None, None), ("x", "x")])
def test_the_temperature_of_an_earlier_version_is_a_slope(temperature, slope):
    read = slope_of_temperature({"temperature": temperature, "other": 1})

    assert read == {"slope": slope, "intercept": None if slope is None else 0.0, "other": 1}
