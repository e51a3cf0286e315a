"""Prediction sets: the quantiles by hand, and their coverage in simulated hospitals."""

import numpy as np
import pytest

from cxr_cli.errors import UsageError
from cxr_cli.metrics.conformal import fit_sets, measure_sets, patients_needed


def one_film_each(count: int) -> np.ndarray:
    return np.arange(count)


def test_with_one_film_per_patient_the_quantile_is_that_of_the_textbook():
    probabilities = np.array([0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95] * 2)
    positives = np.array([False] * 10 + [True] * 10)

    rule = fit_sets(positives, probabilities, one_film_each(20), alpha=0.2)

    # The ceil((10 + 1) * 0.8) = 9th smallest of P(positive), and of 1 - P(positive).
    assert rule.negative.quantile == pytest.approx(0.85)
    assert rule.positive.quantile == pytest.approx(0.85)
    assert (rule.negative.patients, rule.positive.patients) == (10, 10)
    assert rule.contains(np.array([0.1, 0.15, 0.5, 0.85, 0.86])).tolist() == [
        [True, False],
        [True, True],  # a film as strange as the quantile is still in
        [True, True],
        [True, True],
        [False, True],
    ]


def test_a_film_that_neither_class_knows_has_an_empty_set():
    positives = np.array([False] * 9 + [True] * 9)
    probabilities = np.array([0.1] * 9 + [0.9] * 9)

    rule = fit_sets(positives, probabilities, one_film_each(18), alpha=0.1)

    assert rule.contains(np.array([0.5])).tolist() == [[False, False]]


def test_a_patient_with_many_films_counts_once():
    # Nine patients with one film, and one with nine films that are stranger than all others.
    probabilities = np.array([0.1] * 9 + [0.9] * 9)
    groups = np.array([*range(9), *[9] * 9])
    positives = np.zeros(18, bool)

    weighted = fit_sets(positives, probabilities, groups, alpha=0.2)
    as_if_independent = fit_sets(positives, probabilities, one_film_each(18), alpha=0.2)

    assert weighted.negative.patients == 10
    assert weighted.negative.quantile == 0.1
    assert as_if_independent.negative.quantile == 0.9


@pytest.mark.parametrize(("alpha", "needed"), [(0.1, 9), (0.05, 19), (0.2, 4), (0.15, 6), (0.01, 99)])
def test_a_class_with_too_few_patients_is_in_every_set(alpha, needed):
    assert patients_needed(alpha) == needed

    def rule(patients: int):
        groups = np.repeat(one_film_each(patients), 3)
        return fit_sets(np.zeros(3 * patients, bool), np.full(3 * patients, 0.3), groups, alpha=alpha)

    assert rule(needed).negative.quantile == 0.3
    assert rule(needed - 1).negative.quantile is None
    assert rule(needed - 1).contains(np.array([0.0, 1.0])).all(axis=0).tolist() == [True, True]
    assert rule(needed).positive.quantile is None  # without any film


@pytest.mark.parametrize("alpha", [0, 1, -0.1, float("nan")])
def test_an_alpha_out_of_range_is_an_error(alpha):
    with pytest.raises(UsageError, match="Expected an alpha between 0 and 1"):
        fit_sets(np.array([True]), np.array([0.5]), np.array([0]), alpha=alpha)


def test_the_figures_of_sets_count_films_and_patients():
    rule = fit_sets(
        np.array([False] * 4 + [True] * 4),
        np.array([0.1, 0.2, 0.3, 0.6, 0.4, 0.7, 0.8, 0.9]),
        one_film_each(8),
        alpha=0.2,
    )  # negative up to P 0.6, positive from P 0.4 on
    probabilities = np.array([0.1, 0.5, 0.7, 0.9, 0.9, 0.2])
    positives = np.array([False, False, False, True, True, True])

    figures = measure_sets(rule, positives, probabilities, np.array([0, 1, 1, 2, 2, 3]))

    assert (figures.neither, figures.one, figures.both) == (0, 5, 1)
    assert figures.mean_size == pytest.approx(7 / 6)
    assert (figures.negative.films, figures.negative.patients, figures.negative.share) == (3, 2, 0.75)
    assert (figures.positive.films, figures.positive.patients, figures.positive.share) == (3, 2, 0.5)
    assert figures.positive.interval.low < 0.5 < figures.positive.interval.high


def test_films_of_one_class_have_coverage_of_that_class_only():
    rule = fit_sets(np.zeros(9, bool), np.full(9, 0.2), one_film_each(9), alpha=0.1)

    figures = measure_sets(rule, np.zeros(2, bool), np.array([0.1, 0.9]), np.array([0, 1]))

    assert figures.negative.share == 0.5
    assert (figures.positive.share, figures.positive.interval, figures.positive.films) == (None, None, 0)


def hospital(generator: np.random.Generator, patients: int) -> tuple[np.ndarray, np.ndarray]:
    """P(positive) and patient of the films of `patients` positive patients; the severe ones have more films."""
    severity = generator.normal(size=patients)
    films = 1 + generator.poisson(np.exp(severity))
    groups = np.repeat(np.arange(patients), films)
    logits = 0.5 + 1.5 * severity[groups] + 0.3 * generator.normal(size=len(groups))
    return 1 / (1 + np.exp(-logits)), groups


@pytest.mark.parametrize("alpha", [0.1, 0.2])
def test_sets_cover_new_patients_as_often_as_promised_where_those_of_pooled_films_do_not(alpha):
    generator, hospitals, patients = np.random.default_rng(0), 200, 40
    by_patient, pooled = [], []
    for _ in range(hospitals):
        probabilities, groups = hospital(generator, patients)
        of_new_patients, new_groups = hospital(generator, 200)
        for found, calibrated_by in ((by_patient, groups), (pooled, one_film_each(len(groups)))):
            rule = fit_sets(np.ones(len(probabilities), bool), probabilities, calibrated_by, alpha=alpha)
            figures = measure_sets(rule, np.ones(len(new_groups), bool), of_new_patients, new_groups)
            found.append(figures.positive.share)

    # With 200 hospitals the standard error of a mean is below 0.007.
    assert 1 - alpha - 0.015 < np.mean(by_patient) < 1 - alpha + 1 / (patients + 1) + 0.015
    assert np.mean(pooled) < 1 - alpha - 0.05
