"""For any films: metrics agree with scikit-learn, and don't change with what they must not depend on."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as sk

from cxr_cli.metrics.calibration import SLOPES, fit_calibration, measure_calibration
from cxr_cli.metrics.conformal import fit_sets
from cxr_cli.metrics.intervals import gap_interval, predictive_values, proportion_interval, wilson
from cxr_cli.metrics.measure import measure, measure_intervals
from cxr_cli.metrics.ranking_intervals import auc_variance

# Probabilities with many ties, at the ends too.
PROBABILITIES = st.floats(0, 1) | st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])


@st.composite
def films(draw, least=1, most=40):
    """Truth and probabilities."""
    count = draw(st.integers(least, most))
    return draw(arrays(bool, count)), draw(arrays(float, count, elements=PROBABILITIES))


@given(films=films(), threshold=PROBABILITIES)
def test_metrics_are_those_of_scikit_learn(films, threshold):
    truth, probabilities = films
    called = probabilities >= threshold
    both = len(set(truth)) == 2
    right, wrong = truth[called].sum(), truth[~called].sum()  # of the positives
    fine, alarms = (~truth[~called]).sum(), (~truth[called]).sum()  # of the negatives
    ratios = (
        right / (right + wrong) / (alarms / (fine + alarms)) if both and alarms else None,
        wrong / (right + wrong) / (fine / (fine + alarms)) if both and fine else None,
    )
    expected = {
        "sensitivity": sk.recall_score(truth, called, zero_division=np.nan),
        "specificity": sk.recall_score(~truth, ~called, zero_division=np.nan),
        "precision": sk.precision_score(truth, called, zero_division=np.nan) if both else None,
        "negative_predictive_value": sk.precision_score(~truth, ~called, zero_division=np.nan) if both else None,
        "accuracy": sk.accuracy_score(truth, called),
        "f1": sk.f1_score(truth, called, zero_division=np.nan) if both else None,
        "mcc": sk.matthews_corrcoef(truth, called) if both and len(set(called)) == 2 else None,
        "balanced_accuracy": sk.balanced_accuracy_score(truth, called) if both else None,
        "roc_auc": sk.roc_auc_score(truth, probabilities) if both else None,
        "average_precision": sk.average_precision_score(truth, probabilities) if both else None,
        "positive_likelihood_ratio": ratios[0],
        "negative_likelihood_ratio": ratios[1],
        "brier": np.mean((probabilities - truth) ** 2),
        "log_loss": sk.log_loss(truth, probabilities, labels=[False, True]),
    }

    for name, value in measure(truth, probabilities, threshold=threshold).items():
        if expected[name] is None or math.isnan(expected[name]):
            assert value is None, name
        else:
            assert value == pytest.approx(expected[name], abs=1e-12), name


@given(films=films(least=2), power=st.floats(0.2, 5))
def test_the_auc_depends_on_the_order_alone(films, power):
    truth, probabilities = films
    assume(len(set(truth)) == 2)
    ranks = np.searchsorted(np.unique(probabilities), probabilities)

    def auc(positives, scores):
        area, variance = auc_variance(positives, scores, np.arange(len(scores)))
        assert np.isnan(variance) or variance > -1e-12
        return area

    area = auc(truth, probabilities)

    assert area == pytest.approx(auc(truth, ranks**power))  # any increasing map
    assert area == pytest.approx(1 - auc(truth, -ranks))
    assert area == pytest.approx(1 - auc(~truth, ranks))  # the classes swapped
    assert area == pytest.approx(auc(np.r_[truth, truth], np.r_[ranks, ranks]))
    assert area == pytest.approx(sk.roc_auc_score(truth, probabilities))


@given(films=films(), threshold=st.floats(0.01, 0.99))
def test_swapping_the_classes_swaps_what_is_said_of_them(films, threshold):
    truth, probabilities = films[0], np.round(films[1], 6)  # 1 minus a tiny number is rounded
    assume(not np.any(np.isclose(probabilities, threshold)))

    one = measure(truth, probabilities, threshold=threshold)
    other = measure(~truth, 1 - probabilities, threshold=1 - threshold)

    swapped = {"sensitivity": "specificity", "precision": "negative_predictive_value"}
    swapped |= {value: name for name, value in swapped.items()}
    for name, value in one.items():
        if name not in ("f1", "average_precision", "positive_likelihood_ratio", "negative_likelihood_ratio"):
            assert other[swapped.get(name, name)] == pytest.approx(value, abs=1e-9), name


@given(films=films(), threshold=PROBABILITIES, seed=st.integers(0, 1000))
def test_metrics_do_not_depend_on_the_order_of_the_films(films, threshold, seed):
    truth, probabilities = films
    order = np.random.default_rng(seed).permutation(len(truth))

    assert measure(truth[order], probabilities[order], threshold=threshold) == pytest.approx(
        measure(truth, probabilities, threshold=threshold)
    )


@given(films=films(), groups=st.lists(st.integers(0, 12), min_size=40, max_size=40), threshold=PROBABILITIES)
def test_every_interval_holds_its_figure(films, groups, threshold):
    truth, probabilities = films
    patients = np.array(groups[: len(truth)])

    values = measure(truth, probabilities, threshold=threshold)

    for name, around in measure_intervals(truth, probabilities, patients, threshold=threshold).items():
        if around is not None:
            assert math.isfinite(around.low), name
            assert math.isfinite(around.high), name
            assert around.low - 1e-9 <= values[name] <= around.high + 1e-9, name


@given(total=st.floats(0.5, 1e6), share=st.floats(0, 1))
def test_wilsons_interval_holds_its_share_and_narrows_with_more_films(total, share):
    around, narrower = wilson(share * total, total), wilson(share * total * 4, total * 4)

    assert 0 <= around.low <= share + 1e-12
    assert share - 1e-12 <= around.high <= 1
    assert narrower.high - narrower.low <= around.high - around.low + 1e-12


@given(right=st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=1, max_size=40))
def test_an_interval_over_patients_is_never_narrower_than_over_films(right):
    films, groups = np.array([one for one, _ in right]), np.array([group for _, group in right])

    clustered, alone = proportion_interval(films, groups), proportion_interval(films, np.arange(len(films)))

    assert clustered.low <= films.mean() + 1e-12
    assert clustered.high >= films.mean() - 1e-12
    assert clustered.high - clustered.low >= alone.high - alone.low - 1e-9


@given(first=st.floats(0, 1), second=st.floats(0, 1), totals=st.tuples(st.floats(1, 1e4), st.floats(1, 1e4)))
def test_the_interval_of_a_gap_holds_the_gap_and_turns_with_it(first, second, totals):
    one, other = wilson(first * totals[0], totals[0]), wilson(second * totals[1], totals[1])

    gap, turned = gap_interval(first, one, second, other), gap_interval(second, other, first, one)

    assert gap.low - 1e-9 <= first - second <= gap.high + 1e-9
    assert (gap.low, gap.high) == pytest.approx((-turned.high, -turned.low), abs=1e-9)


@given(sensitivity=st.floats(0, 1), specificity=st.floats(0, 1), prevalence=st.floats(1e-6, 1 - 1e-6))
def test_predictive_values_are_those_of_a_population(sensitivity, specificity, prevalence):
    for value in predictive_values(sensitivity, specificity, prevalence=prevalence):
        assert math.isnan(value) or -1e-12 <= value <= 1 + 1e-12


@given(films=films(least=2))
def test_calibration_keeps_the_order_and_gives_probabilities(films):
    truth, probabilities = films
    assume(len(set(truth)) == 2)

    calibration = fit_calibration(truth, probabilities)

    assert SLOPES[0] <= calibration.slope <= SLOPES[1]
    scaled = calibration.apply(probabilities)
    assert np.all((scaled >= 0) & (scaled <= 1))
    assert np.all(np.diff(scaled[np.argsort(probabilities, kind="stable")]) >= 0)
    figures = measure_calibration(truth, scaled)
    assert 0 <= figures["ece"] <= 1
    assert all(math.isfinite(figure) for figure in figures.values())


@given(films=films(least=4), groups=st.lists(st.integers(0, 30), min_size=40, max_size=40), alpha=st.floats(0.01, 0.99))
def test_sets_have_the_class_of_as_many_validation_patients_as_they_promise(films, groups, alpha):
    truth, probabilities = films
    assume(len(set(truth)) == 2)
    patients = np.array(groups[: len(truth)])

    rule = fit_sets(truth, probabilities, patients, alpha=alpha)

    contains = rule.contains(probabilities)
    for column, own in enumerate((~truth, truth)):
        mine = patients[own]
        shares = [contains[own, column][mine == patient].mean() for patient in set(mine)]
        assert sum(shares) >= min(len(shares), (1 - alpha) * (len(shares) + 1)) - 1e-6
    # A smaller error means larger sets.
    larger = fit_sets(truth, probabilities, patients, alpha=alpha / 2).contains(probabilities)
    assert np.all(larger >= contains)
