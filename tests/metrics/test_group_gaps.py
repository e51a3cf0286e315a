"""Differences between groups of patients."""

import numpy as np
import pytest

from cxr_cli.metrics.calibration_figures import calibration_figures
from cxr_cli.metrics.group_gaps import group_gaps
from cxr_cli.metrics.intervals import gap_interval
from cxr_cli.metrics.measure import measure, measure_intervals


def draw(patients=120, seed=0):
    """Two films per patient, and P(positive) that separates the classes a little."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(patients), 2)
    positives = (rng.uniform(size=patients) < 0.5)[groups]
    probabilities = 1 / (1 + np.exp(-rng.normal(positives - 0.5)))
    return positives, probabilities, groups


def test_two_values_are_compared_once_as_two_independent_samples():
    positives, probabilities, groups = draw()
    sex = np.where(groups % 3 == 0, "F", "M")
    made = group_gaps("sex", sex, positives, probabilities, groups, threshold=0.5)

    assert [gap.metric for gap in made.gaps] == ["roc_auc", "sensitivity", "specificity", "in_the_large"]
    assert {(gap.group.value, gap.others.value) for gap in made.gaps} == {("F", "M")}
    sides = [sex == "F", sex == "M"]
    calibration = [calibration_figures(positives[side], probabilities[side], groups[side]) for side in sides]
    values = [measure(positives[side], probabilities[side], threshold=0.5) for side in sides]
    around = [measure_intervals(positives[s], probabilities[s], groups[s], threshold=0.5) for s in sides]
    values = [one | other.values for one, other in zip(values, calibration, strict=True)]
    around = [one | other.intervals for one, other in zip(around, calibration, strict=True)]
    for gap in made.gaps:
        first, second = (value[gap.metric] for value in values)
        assert gap.gap == pytest.approx(first - second)
        assert gap.interval == gap_interval(first, around[0][gap.metric], second, around[1][gap.metric])
    assert made.moved == 0


def test_several_values_are_compared_with_all_others():
    positives, probabilities, groups = draw()
    band = np.array(["18-39", "40-59", "60-79", ""])[groups % 4]
    made = group_gaps("age", band, positives, probabilities, groups, threshold=0.5)

    assert [gap.group.value for gap in made.gaps[::4]] == ["18-39", "40-59", "60-79"]
    first = made.gaps[0]
    assert first.group.positives == len(set(groups[positives & (band == "18-39")]))
    assert first.others.positives == len(set(groups[positives & (band != "18-39") & (band != "")]))


def test_a_patient_with_two_values_counts_in_one_group():
    positives, probabilities, groups = draw()
    band = np.where(groups < 60, "40-59", "60-79")
    aged = np.r_[groups, [0]]  # a third film of patient 0, who is older in it
    longer = np.r_[positives, positives[:1]], np.r_[probabilities, [0.99]]
    made = group_gaps("age", np.r_[band, ["60-79"]], *longer, aged, threshold=0.5)

    assert made.moved == 1
    assert made.gaps == group_gaps("age", band, positives, probabilities, groups, threshold=0.5).gaps


def test_too_few_patients_give_no_difference_however_many_films():
    positives, probabilities, groups = draw()
    few = groups < 18
    made = group_gaps("sex", np.where(few, "F", "M"), positives, probabilities, groups, threshold=0.5)

    positive_patients = len(set(groups[few & positives]))
    assert positive_patients < 10 < (few & positives).sum()
    assert {gap.metric: gap.gap for gap in made.gaps if gap.metric != "specificity"} == {
        "roc_auc": None,
        "sensitivity": None,
        "in_the_large": None,
    }


def test_one_value_is_compared_with_nothing():
    positives, probabilities, groups = draw()

    assert group_gaps("sex", ["M"] * len(groups), positives, probabilities, groups, threshold=0.5).gaps == []


def test_intervals_hold_no_difference_in_19_of_20_sets():
    """Films of a patient are alike: where each counts as a patient, 0.66 of the intervals hold it."""
    held = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(80), rng.integers(1, 7, size=80))
        positives, sex = (groups % 2 == 0), np.where(groups % 4 < 2, "F", "M")
        scores = positives + rng.normal(size=80)[groups] + 0.3 * rng.normal(size=len(groups))
        made = group_gaps("sex", sex, positives, 1 / (1 + np.exp(0.5 - scores)), groups, threshold=0.5)
        held += [not gap.excludes_zero for gap in made.gaps if gap.metric in ("sensitivity", "specificity")]

    assert np.mean(held) >= 0.88
