"""The predictions of all folds together, and the figures of a recipe."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxr_cli.evaluation.crossval.record import AcrossFolds, CrossvalFold
from cxr_cli.evaluation.predicted import PredictedFilms
from cxr_cli.metrics.intervals import Interval
from cxr_cli.metrics.measure import measure, measure_intervals
from cxr_cli.recipe.record import RunRecord


@dataclass(frozen=True)
class FoldPredictions:
    """The predictions of one fold's model for its test films."""

    name: str
    run: RunRecord
    predicted: PredictedFilms


def pool(folds: Sequence[FoldPredictions]) -> PredictedFilms:
    """The predictions of all folds together, each film at its own fold's threshold."""
    parts = [fold.predicted for fold in folds]
    return PredictedFilms(
        films=[film for part in parts for film in part.films],
        positives=np.concatenate([part.positives for part in parts]),
        raw=np.concatenate([part.raw for part in parts]),
        probabilities=np.concatenate([part.probabilities for part in parts]),
        thresholds=np.concatenate([part.thresholds for part in parts]),
        seen=[how for part in parts for how in part.seen],
        doubts=[doubt for part in parts for doubt in part.doubts],
    )


def measure_predictions(
    predicted: PredictedFilms, *, seed: int = 0
) -> tuple[dict[str, float | None], dict[str, Interval | None]]:
    """Every metric and its interval, each film at the threshold of its run.

    Args:
        predicted: the predictions.
        seed: of the bootstrap. Defaults to 0.
    """
    truth, probabilities = predicted.positives, predicted.probabilities
    return (
        measure(truth, probabilities, threshold=predicted.thresholds),
        measure_intervals(truth, probabilities, predicted.groups, threshold=predicted.thresholds, seed=seed),
    )


def across_folds(folds: Sequence[CrossvalFold]) -> dict[str, AcrossFolds]:
    """Mean and standard deviation of each metric over the folds in which it is defined.

    The interval of the mean comes from the intervals of the folds, which tested different patients: MOVER, for the mean
    of independent figures (Zou, Huang & Zhang 2009).
    """
    across = {}
    for name in folds[0].metrics:
        values, lows, highs = [], [], []
        for fold in folds:
            value, interval = fold.metrics[name], fold.intervals[name]
            if value is not None:
                values.append(value)
                lows.append(value - interval.low if interval else np.nan)
                highs.append(interval.high - value if interval else np.nan)
        if not values:
            continue
        mean, count = float(np.mean(values)), len(values)
        low, high = mean - np.linalg.norm(lows) / count, mean + np.linalg.norm(highs) / count
        across[name] = AcrossFolds(
            folds=count,
            mean=mean,
            sd=float(np.std(values, ddof=1)) if count > 1 else None,
            interval=Interval(low=float(low), high=float(high)) if np.isfinite(low + high) else None,
        )
    return across
