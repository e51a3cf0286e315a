"""Intervals compared with SciPy, published examples and simulation."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from sklearn.metrics import roc_auc_score

from cxr_cli.metrics.intervals import (
    Interval,
    auc_interval,
    auc_of,
    gap_interval,
    percentiles,
    predictive_intervals,
    predictive_values,
    proportion_interval,
    wilson,
)
from cxr_cli.metrics.measure import measure, measure_intervals, replicate
from cxr_cli.metrics.table import METRICS

CELLS = ("true_positive", "false_positive", "false_negative", "true_negative")


def made_up(patients: int, *, films: int = 1, auc: float = 0.8, share: float = 0.6, seed: int = 0):
    """Simulate truth, P(positive) and patient of films; films of a patient share half of their variance."""
    generator = np.random.default_rng(seed)
    positives = np.repeat(generator.random(patients) < share, films)
    groups = np.repeat(np.arange(patients), films)
    own = generator.normal(size=patients * films)
    common = np.repeat(generator.normal(size=patients), films)
    logits = (own + common) / np.sqrt(2) + np.sqrt(2) * norm.ppf(auc) * positives
    return positives, 1 / (1 + np.exp(-logits)), groups


@pytest.mark.parametrize(("successes", "total"), [(0, 10), (10, 10), (81, 263), (1, 29), (15, 148)])
def test_wilson_matches_scipy(successes, total):
    expected = binomtest(successes, total).proportion_ci(method="wilson")

    found = wilson(successes, total)

    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_wilson_of_zero_films_is_an_error():
    with pytest.raises(ValueError, match="positive total"):
        wilson(0, 0)


def test_difference_matches_newcombes_example():
    # Newcombe 1998, Stat Med 17:873, table II, method 10: 56 of 70 and 48 of 80.
    found = gap_interval(56 / 70, wilson(56, 70), 48 / 80, wilson(48, 80))

    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_one_film_per_patient_gives_wilsons_interval():
    right = np.arange(50) < 37

    assert proportion_interval(right, np.arange(50)) == wilson(37, 50)


def test_proportion_of_no_films_is_none():
    assert proportion_interval(np.zeros(0, bool), np.zeros(0)) is None


def test_repeated_films_of_a_patient_do_not_narrow_an_interval():
    positives, probabilities, patients = made_up(60)
    once = measure_intervals(positives, probabilities, patients, threshold=0.6)

    ten_times = measure_intervals(
        *(np.repeat(column, 10) for column in (positives, probabilities, patients)), threshold=0.6
    )

    for name, interval in once.items():
        assert interval.high - interval.low > 0
        assert ten_times[name].high - ten_times[name].low == pytest.approx(interval.high - interval.low, rel=0.02), name


def test_estimates_are_inside_their_intervals():
    positives, probabilities, patients = made_up(80, films=2)

    intervals = measure_intervals(positives, probabilities, patients, threshold=0.6)

    found = measure(positives, probabilities, threshold=0.6)
    assert list(intervals) == list(found)
    assert all(intervals[name].low < found[name] < intervals[name].high for name in found)
    assert auc_interval(positives, probabilities, patients) == intervals["roc_auc"]


def test_an_auc_of_1_has_an_interval():
    positives = np.arange(24) < 12

    found = auc_interval(positives, positives.astype(float), np.arange(24))

    assert found == wilson(12, 12)


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_interval_of_a_correlation_stays_between_minus_one_and_one(sign):
    positives = np.arange(24) < 12
    perfect = np.where(positives, 0.5 + 0.4 * sign, 0.5 - 0.4 * sign)
    nearly = np.where(np.arange(24) % 12 == 0, 1 - perfect, perfect)

    exact = measure_intervals(positives, perfect, np.arange(24), threshold=0.5)["mcc"]
    around = measure_intervals(positives, nearly, np.arange(24), threshold=0.5)["mcc"]

    ends = wilson(12 if sign > 0 else 0, 12)
    assert measure(positives, perfect, threshold=0.5)["mcc"] == sign
    assert (exact.low, exact.high) == (2 * ends.low - 1, 2 * ends.high - 1)
    assert -1 < around.low < measure(positives, nearly, threshold=0.5)["mcc"] < around.high < 1


def test_one_class_has_no_auc():
    positives, probabilities = np.ones(20, bool), np.linspace(0.1, 0.9, 20)

    intervals = measure_intervals(positives, probabilities, np.arange(20), threshold=0.5)

    assert intervals["sensitivity"] == wilson(10, 20)
    assert intervals["specificity"] is None
    assert intervals["roc_auc"] is None
    assert auc_interval(positives, probabilities, np.arange(20)) is None


def test_weighted_auc_matches_scikit_learn():
    generator = np.random.default_rng(4)
    positives = generator.random(200) < 0.3
    scores = np.round(generator.random(200) + 0.3 * positives, 1)  # with ties
    weights = generator.integers(0, 4, size=(5, 200)).astype(float)

    found = auc_of(positives, scores, weights)

    expected = [roc_auc_score(positives, scores, sample_weight=row) for row in weights]
    assert found == pytest.approx(expected, abs=1e-12)


def test_replicates_match_a_plain_bootstrap():
    positives, probabilities, patients = made_up(50, films=2, seed=2)
    generator = np.random.default_rng(1)
    plain: dict[str, list[float]] = {}
    for _ in range(400):
        drawn = generator.integers(50, size=50)
        rows = np.concatenate([np.flatnonzero(patients == patient) for patient in drawn])
        for name, value in measure(positives[rows], probabilities[rows], threshold=0.6).items():
            plain.setdefault(name, []).append(value)

    found = replicate(positives, probabilities, patients, threshold=0.6)

    for name, values in plain.items():
        assert len(found[name]) == 2000
        assert np.mean(found[name]) == pytest.approx(np.mean(values), abs=3 * np.std(values) / 20), name
        assert np.std(found[name]) == pytest.approx(np.std(values), rel=0.15), name


def test_replicates_are_reproducible():
    truth = made_up(30)

    assert np.array_equal(*(replicate(*truth, threshold=0.5, seed=7)["roc_auc"] for _ in range(2)))
    assert not np.array_equal(*(replicate(*truth, threshold=0.5, seed=seed)["roc_auc"] for seed in (1, 2)))


def test_percentiles_ignore_undefined_values():
    values = np.concatenate([np.linspace(0, 1, 101), [np.nan] * 20])

    assert percentiles(values) == Interval(low=0.025, high=0.975)
    assert percentiles(np.array([0.5, np.nan, np.nan, np.nan, np.nan])) is None


@pytest.mark.parametrize(("auc", "patients", "films"), [(0.75, 60, 3), (0.95, 80, 1)])
def test_intervals_have_their_nominal_coverage(auc, patients, films):
    """Coverage in 200 simulated sets: 0.95 plus or minus three standard errors is 0.90 to 0.99."""
    threshold = 0.6
    # The value for an infinite set: the logit of a positive film is normal with variance 1.
    sensitivity = norm.sf(np.log(threshold / (1 - threshold)) - np.sqrt(2) * norm.ppf(auc))
    specificity = norm.cdf(np.log(threshold / (1 - threshold)))
    cells = np.array([0.6 * sensitivity, 0.4 * (1 - specificity), 0.6 * (1 - sensitivity), 0.4 * specificity])
    (mcc,) = METRICS["mcc"].value(SimpleNamespace(**dict(zip(CELLS, cells[:, None], strict=True))))
    truth = {"roc_auc": auc, "sensitivity": sensitivity, "mcc": mcc}
    inside = dict.fromkeys(truth, 0)
    for seed in range(200):
        found = measure_intervals(*made_up(patients, films=films, auc=auc, seed=seed), threshold=threshold)
        for name, value in truth.items():
            inside[name] += found[name].low <= value <= found[name].high

    assert all(0.90 <= count / 200 <= 0.995 for count in inside.values()), inside


def test_predictive_values_follow_bayes_rule():
    # Altman & Bland 1994 (BMJ 309:102): sensitivity 0.90, specificity 0.63 (231 of 258 and 54 of 86), prevalence 0.75.
    positive, negative = predictive_values(231 / 258, 54 / 86, prevalence=258 / 344)

    assert (positive, negative) == pytest.approx((231 / 263, 54 / 81))


def test_predictive_intervals_are_valid_at_0_and_1():
    positive, negative = predictive_intervals(wilson(10, 10), wilson(10, 10), prevalence=0.01)

    assert 0 < positive.low < 0.05
    assert positive.high == negative.high == 1


@pytest.mark.parametrize("prevalence", [0, 1, -0.1])
def test_prevalence_must_be_between_0_and_1(prevalence):
    with pytest.raises(ValueError, match="prevalence between 0 and 1"):
        predictive_values(0.9, 0.9, prevalence=prevalence)
