"""Intervals compared with SciPy and published examples; their coverage is in `test_coverage.py`."""

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from cxr_cli.metrics.intervals import (
    Estimate,
    gap_interval,
    mean_interval,
    patient_interval,
    predictive_intervals,
    predictive_values,
    proportion_interval,
    ratio_interval,
    recovered_interval,
    wilson,
)
from cxr_cli.metrics.measure import measure, measure_intervals
from cxr_cli.metrics.ranking_intervals import auc_interval, average_precision_interval


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

    found, (share, by_patient) = proportion_interval(right, np.arange(50)), patient_interval(right, np.arange(50))

    assert share == 37 / 50
    for one in (found, by_patient):
        assert (one.low, one.high) == pytest.approx((wilson(37, 50).low, wilson(37, 50).high))


def test_mover_is_newcombes_method_for_a_difference():
    parts = [Estimate(56 / 70, wilson(56, 70)), Estimate(48 / 80, wilson(48, 80))]

    found = recovered_interval(lambda first, second: first - second, parts)

    expected = gap_interval(*parts[0], *parts[1])
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_a_likelihood_ratio_is_close_to_its_textbook_interval():
    """Simel, Samsa & Matchar 1991 (J Clin Epidemiol 44:763), on the log scale; with many films both agree."""
    positives, called = np.arange(2000) < 1000, np.r_[np.arange(1000) < 900, np.arange(1000) < 200]

    found = measure_intervals(positives, called.astype(float), np.arange(2000), threshold=0.5)

    error = np.sqrt(1 / 900 - 1 / 1000 + 1 / 200 - 1 / 1000)
    around = found["positive_likelihood_ratio"]
    assert measure(positives, called.astype(float), threshold=0.5)["positive_likelihood_ratio"] == pytest.approx(4.5)
    assert np.log([around.low, around.high]) == pytest.approx(np.log(4.5) + 1.96 * error * np.array([-1, 1]), abs=0.01)


def test_a_ratio_has_an_interval_where_an_end_is_0():
    none, some = Estimate(0.0, wilson(0, 20)), Estimate(0.5, wilson(10, 20))

    assert ratio_interval(none, some).low == 0
    assert 0 < ratio_interval(none, some).high < 1
    with pytest.raises(ValueError, match="above 0"):
        ratio_interval(some, none)


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


def test_the_interval_of_the_auc_is_continuous_at_1():
    """A swapped pair, of 400, used to raise the lower end from 0.839 to 0.937."""
    positives = np.arange(40) >= 20
    lows = []
    for swapped in range(4):
        scores = np.arange(40.0)
        scores[20] -= swapped + 0.5  # the lowest positive, below so many negatives
        lows.append(auc_interval(positives, scores, np.arange(40)).low)

    ends = wilson(20, 20)
    assert lows[0] == pytest.approx(ends.low)  # as many patients, all right
    assert np.abs(np.diff(lows)).max() < 0.03
    # With more films the step is smaller still.
    many = np.r_[np.zeros(1000), np.ones(1000)] > 0
    scores = np.arange(2000.0)
    around = auc_interval(many, scores, np.arange(2000))
    scores[1000] -= 1.5
    assert auc_interval(many, scores, np.arange(2000)).low == pytest.approx(around.low, abs=1e-4)


def test_a_share_near_1_of_patients_with_several_films_is_continuous():
    groups = np.repeat(np.arange(20), 3)
    all_right, one_wrong = np.ones(60, bool), np.arange(60) > 0

    found = proportion_interval(all_right, groups)

    assert found.low == pytest.approx(wilson(20, 20).low)
    assert abs(proportion_interval(one_wrong, groups).low - found.low) < 0.05


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_interval_of_a_correlation_stays_between_minus_one_and_one(sign):
    positives = np.arange(24) < 12
    perfect = np.where(positives, 0.5 + 0.4 * sign, 0.5 - 0.4 * sign)
    nearly = np.where(np.arange(24) % 12 == 0, 1 - perfect, perfect)

    exact = measure_intervals(positives, perfect, np.arange(24), threshold=0.5)["mcc"]
    around = measure_intervals(positives, nearly, np.arange(24), threshold=0.5)["mcc"]

    assert measure(positives, perfect, threshold=0.5)["mcc"] == sign
    assert (exact.high if sign > 0 else exact.low) == sign
    assert 0.2 < exact.high - exact.low < 0.8
    assert -1 < around.low < measure(positives, nearly, threshold=0.5)["mcc"] < around.high < 1


def test_one_class_has_no_auc():
    positives, probabilities = np.ones(20, bool), np.linspace(0.1, 0.9, 20)

    intervals = measure_intervals(positives, probabilities, np.arange(20), threshold=0.5)

    assert intervals["sensitivity"].low == pytest.approx(wilson(10, 20).low)
    assert intervals["specificity"] is None
    assert intervals["roc_auc"] is None
    assert auc_interval(positives, probabilities, np.arange(20)) is None


def test_the_average_precisions_variance_is_the_jackknifes():
    """The infinitesimal jackknife agrees with leaving out one patient at a time, for many patients."""
    from sklearn.metrics import average_precision_score

    positives, probabilities, patients = made_up(300, films=2, seed=5)
    probabilities = np.round(probabilities, 2)  # with ties
    without = []
    for patient in range(300):
        rest = patients != patient
        without.append(average_precision_score(positives[rest], probabilities[rest]))
    error = np.sqrt(299 / 300 * np.sum((without - np.mean(without)) ** 2))

    found = average_precision_interval(positives, probabilities, patients)

    # The weight of the largest variance is small for so many patients.
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.03)


def test_a_mean_over_patients_is_students_t_interval_or_wider():
    values = np.array([0.1, 0.4, 0.5, 0.9])
    once = mean_interval(values, np.arange(4))
    copied = mean_interval(np.repeat(values, 10), np.repeat(np.arange(4), 10))

    assert (once.low, once.high) == pytest.approx((copied.low, copied.high))
    half = 3.182446 * values.std(ddof=1) / 2  # the t quantile of three degrees of freedom
    assert (once.low, once.high) == pytest.approx((values.mean() - half, values.mean() + half))
    assert mean_interval(values, np.zeros(4)) is None


def test_predictive_values_follow_bayes_rule():
    # Altman & Bland 1994 (BMJ 309:102): sensitivity 0.90, specificity 0.63 (231 of 258 and 54 of 86), prevalence 0.75.
    positive, negative = predictive_values(231 / 258, 54 / 86, prevalence=258 / 344)

    assert (positive, negative) == pytest.approx((231 / 263, 54 / 81))


def test_predictive_intervals_are_valid_at_0_and_1():
    perfect = Estimate(1.0, wilson(10, 10))

    positive, negative = predictive_intervals(perfect, perfect, prevalence=0.01)

    assert 0 < positive.low < 0.05
    assert positive.high == negative.high == 1


@pytest.mark.parametrize("prevalence", [0, 1, -0.1])
def test_prevalence_must_be_between_0_and_1(prevalence):
    with pytest.raises(ValueError, match="prevalence between 0 and 1"):
        predictive_values(0.9, 0.9, prevalence=prevalence)
