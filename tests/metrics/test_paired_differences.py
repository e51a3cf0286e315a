"""Differences of two classifiers on the same films: by hand, and by simulation."""

import numpy as np
import pytest

from cxr_cli.metrics.holm import corrected
from cxr_cli.metrics.paired_differences import paired_difference
from cxr_cli.metrics.paired_tests import delong, mcnemar
from cxr_cli.metrics.sample import Sample
from cxr_cli.metrics.table import METRICS


def drawn(generator, *, runs, patients=60, films=2, shift=1.2):
    """Films of patients, and the scores of several runs that are equally good and similar to one another."""
    positives = np.repeat(np.arange(patients) % 2 == 0, films)
    groups = np.repeat(np.arange(patients), films)
    shared = generator.normal(size=patients)[groups] + 0.5 * generator.normal(size=len(groups))
    own = generator.normal(size=(runs, patients))[:, groups]
    return positives, groups, shift * (positives - 0.5) + 0.7 * shared + 0.7 * own


def as_sample(positives, scores):
    return Sample(positives, 1 / (1 + np.exp(-scores)), scores >= 0)


@pytest.mark.parametrize("name", ["sensitivity", "specificity", "balanced_accuracy", "accuracy", "mcc"])
def test_the_difference_is_that_of_both_metrics_and_is_symmetrical(name):
    positives, groups, scores = drawn(np.random.default_rng(0), runs=2)
    a, b = (as_sample(positives, one) for one in scores)

    one, other = paired_difference(METRICS[name], a, b, groups), paired_difference(METRICS[name], b, a, groups)

    assert one.value == pytest.approx(METRICS[name].value(a) - METRICS[name].value(b))
    assert (one.interval.low, one.interval.high) == pytest.approx((-other.interval.high, -other.interval.low))
    assert one.interval.low < one.value < one.interval.high


def test_runs_that_are_alike_have_a_narrower_interval_than_independent_ones():
    positives, groups, scores = drawn(np.random.default_rng(1), runs=2, films=1)
    a, b = as_sample(positives, scores[0]), as_sample(positives, scores[0] + 0.1 * (scores[1] - scores[0]))
    other = as_sample(positives, np.random.default_rng(2).permutation(scores[0]))

    close = paired_difference(METRICS["accuracy"], a, b, groups).interval
    far = paired_difference(METRICS["accuracy"], a, other, groups).interval
    assert close.high - close.low < far.high - far.low


def test_a_metric_that_is_not_defined_has_no_difference():
    positives = np.ones(4, bool)
    a = Sample(positives, np.full(4, 0.9), positives)

    difference = paired_difference(METRICS["specificity"], a, a, np.arange(4))

    assert (difference.value, difference.interval) == (None, None)


def test_intervals_of_differences_hold_the_true_difference_of_0():
    generator, held = np.random.default_rng(3), []
    for _ in range(100):
        positives, groups, scores = drawn(generator, runs=2)
        a, b = (as_sample(positives, one) for one in scores)
        around = [paired_difference(METRICS[name], a, b, groups).interval for name in ("sensitivity", "specificity")]
        held.append([one.low <= 0 <= one.high for one in around])

    assert np.mean(held) >= 0.93


def test_of_several_equal_runs_the_best_is_rarely_called_better():
    """The best is picked on the same films, so that all pairs are corrected for."""
    generator, alarms = np.random.default_rng(4), []
    for _ in range(100):
        positives, groups, scores = drawn(generator, runs=4)
        pairs = [(i, j) for i in range(4) for j in range(i)]
        right = (scores >= 0) == positives
        chances = [delong(positives, scores[i], scores[j], groups).p for i, j in pairs]
        chances += [mcnemar(right[i], right[j], groups).p for i, j in pairs]
        alarms.append([min(chances) < 0.05, min(corrected(chances)) < 0.05])

    uncorrected, by_holm = np.mean(alarms, axis=0)
    assert by_holm <= 0.05
    assert uncorrected > 0.15
