from dataclasses import fields, replace

import numpy as np
import pytest

from cxr_cli.dataset.manifest import Film
from cxr_cli.evaluation.crossval.pooling import FoldPredictions, across_folds, measure_predictions, pool
from cxr_cli.evaluation.crossval.record import CrossvalFold
from cxr_cli.evaluation.predicted import PredictedFilms
from cxr_cli.metrics.intervals import Interval, gap_interval
from cxr_cli.metrics.measure import measure


def predicted_at(threshold, *, seed, films=60):
    generator = np.random.default_rng(seed)
    positives = np.arange(films) % 3 > 0
    probabilities = np.clip(0.4 * positives + 0.6 * generator.random(films), 0, 1)
    unknown = Film(**{column.name: "" for column in fields(Film)})
    named = [replace(unknown, path=f"{seed}/{number}", group=f"{seed}-{number // 2}") for number in range(films)]
    empty = [""] * films
    return PredictedFilms(named, positives, probabilities, probabilities, np.full(films, threshold), empty, empty)


def fold_with(value, low, high):
    interval = None if low is None else Interval(low=low, high=high)
    return CrossvalFold(
        name="1",
        films={},
        patients={},
        without_part=0,
        epochs=1,
        best_epoch=1,
        slope=1.0,
        intercept=0.0,
        threshold=0.5,
        metrics={"sensitivity": value},
        intervals={"sensitivity": interval},
        seconds=0.0,
    )


def test_each_film_is_classified_at_the_threshold_of_its_fold():
    low, high = predicted_at(0.3, seed=0), predicted_at(0.7, seed=1)
    both = pool([FoldPredictions("1", None, low), FoldPredictions("2", None, high)])

    metrics, intervals = measure_predictions(both)

    positives = np.concatenate([low.positives, high.positives])
    called = np.concatenate([low.probabilities >= 0.3, high.probabilities >= 0.7])
    assert [film.path for film in both.films] == [f"{fold}/{number}" for fold in (0, 1) for number in range(60)]
    assert metrics["sensitivity"] == called[positives].mean()
    assert metrics["specificity"] == 1 - called[~positives].mean()
    one = measure(positives, np.concatenate([low.probabilities, high.probabilities]), threshold=0.5)
    assert metrics["roc_auc"] == one["roc_auc"]
    assert metrics["brier"] == one["brier"]
    assert metrics["sensitivity"] != one["sensitivity"]
    for name in ("sensitivity", "specificity", "roc_auc", "brier"):
        assert intervals[name].low < metrics[name] < intervals[name].high


def test_metrics_of_one_fold_match_measure():
    predicted = predicted_at(0.6, seed=2)

    assert measure_predictions(predicted)[0] == measure(predicted.positives, predicted.probabilities, threshold=0.6)


def test_mean_and_spread_over_the_folds():
    folds = [fold_with(0.5, 0.3, 0.6), fold_with(0.7, 0.6, 0.9), fold_with(None, None, None)]

    found = across_folds(folds)["sensitivity"]

    assert (found.folds, found.mean) == (2, pytest.approx(0.6))
    assert found.sd == pytest.approx(np.sqrt(0.02))
    # The mean of a and b is half the difference between a and -b.
    gap = gap_interval(0.5, Interval(low=0.3, high=0.6), -0.7, Interval(low=-0.9, high=-0.6))
    assert found.interval.low == pytest.approx(gap.low / 2)
    assert found.interval.high == pytest.approx(gap.high / 2)


def test_one_fold_has_no_spread_and_no_folds_no_value():
    assert across_folds([fold_with(0.5, 0.3, 0.6)])["sensitivity"].sd is None
    assert across_folds([fold_with(None, None, None)]) == {}
    assert across_folds([fold_with(0.5, None, None), fold_with(0.6, 0.5, 0.7)])["sensitivity"].interval is None
