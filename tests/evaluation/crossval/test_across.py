from dataclasses import fields, replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxr_cli.dataset.manifest import Film
from cxr_cli.evaluation.crossval.across import (
    FoldPredictions,
    across_folds,
    measure_predictions,
    subgroups_across,
)
from cxr_cli.evaluation.predicted import PredictedFilms
from cxr_cli.metrics.measure import measure
from cxr_cli.metrics.sample import count_patients
from cxr_cli.metrics.table import METRICS

UNKNOWN = Film(**{column.name: "" for column in fields(Film)})


def predicted_at(threshold, *, seed, films=60, prevalence=2 / 3, offset=0.0, view="PA"):
    generator = np.random.default_rng(seed)
    positives = np.arange(films) < round(prevalence * films)
    probabilities = np.clip(0.4 * positives + 0.6 * generator.random(films) + offset, 0, 1)
    named = [
        replace(UNKNOWN, path=f"{seed}/{number}", group=f"{seed}-{number // 2}", view=view if number % 2 else "AP")
        for number in range(films)
    ]
    empty = [""] * films
    return PredictedFilms(named, positives, probabilities, probabilities, np.full(films, threshold), empty, empty)


def fold(number, predicted, repeat=1):
    return FoldPredictions(str(number), repeat, None, predicted)


def test_metrics_of_one_fold_match_measure():
    predicted = predicted_at(0.6, seed=2)

    assert measure_predictions(predicted)[0] == measure(predicted.positives, predicted.probabilities, threshold=0.6)


def test_each_metric_is_averaged_over_the_folds_in_which_it_is_defined():
    mixed, sick = predicted_at(0.6, seed=0), predicted_at(0.6, seed=1, prevalence=1)
    metrics = [measure_predictions(predicted)[0] for predicted in (mixed, sick)]

    across = across_folds(metrics, in_repeat=2)

    assert across.keys() == METRICS.keys()
    assert across["sensitivity"].mean == pytest.approx(np.mean([fold["sensitivity"] for fold in metrics]))
    assert (across["sensitivity"].folds, across["specificity"].folds, across["roc_auc"].folds) == (2, 1, 1)
    assert across["roc_auc"].mean == metrics[0]["roc_auc"]
    assert (across["roc_auc"].sd, across["roc_auc"].interval) == (None, None)


def test_patients_of_the_classes_that_a_metric_needs_are_counted():
    positives, groups = np.array([True, True, True, False, False]), np.array(["a", "a", "b", "b", "c"])

    assert count_patients(positives, groups) == {"positives": 2, "negatives": 2, "both": 2}


def test_subgroups_compare_films_of_one_fold_only():
    """The models of the folds differ by an offset: pooled, the AUC would be another one."""
    folds = [
        fold(1, predicted_at(0.6, seed=0, prevalence=0.8)),
        fold(2, predicted_at(0.9, seed=1, prevalence=0.2, offset=0.3)),
    ]

    rows = {(row.column, row.value): row for row in subgroups_across(folds, in_repeat=2, left_out=None)}

    row = rows["view", "PA"]
    own = [slice(1, None, 2)] * 2
    truth = [one.predicted.positives[there] for one, there in zip(folds, own, strict=True)]
    scores = [one.predicted.probabilities[there] for one, there in zip(folds, own, strict=True)]
    areas = [roc_auc_score(*pair) for pair in zip(truth, scores, strict=True)]
    pairs = [one.sum() * (~one).sum() for one in truth]
    assert (row.films, row.positives, row.negatives, row.patients) == (60, 30, 30, 60)
    assert row.across_folds["roc_auc"].mean == pytest.approx(np.average(areas, weights=pairs))
    assert abs(roc_auc_score(np.concatenate(truth), np.concatenate(scores)) - np.average(areas, weights=pairs)) > 0.05
    called = np.concatenate([scores[0] >= 0.6, scores[1] >= 0.9])
    assert row.across_folds["sensitivity"].mean == pytest.approx(called[np.concatenate(truth)].mean())
    assert row.across_folds["roc_auc"].interval.low < row.across_folds["roc_auc"].mean


def test_a_subgroup_counts_its_films_once_whatever_the_repeats():
    folds = [fold(number, predicted_at(0.6, seed=number), repeat) for repeat in (1, 2) for number in (1, 2)]

    row = subgroups_across(folds, in_repeat=2, left_out=None)[0]

    assert (row.films, row.across_folds["roc_auc"].folds) == (60, 4)


def test_a_subgroup_with_few_films_or_within_one_fold_has_no_interval():
    few = [fold(number, predicted_at(0.6, seed=number, films=8)) for number in (1, 2)]
    apart = [fold(number, predicted_at(0.6, seed=number, view=f"view {number}")) for number in (1, 2)]

    small = subgroups_across(few, in_repeat=2, left_out=None)[0]
    rows = {row.value: row for row in subgroups_across(apart, in_repeat=2, left_out=None) if row.column == "view"}

    assert small.too_few
    assert small.across_folds["roc_auc"].mean is None
    assert rows["view 1"].across_folds["roc_auc"].mean is not None
    assert rows["view 1"].across_folds["roc_auc"].interval is None
