"""The figures of a recipe, from the predictions of its folds' models.

Every figure is computed in each fold and then averaged. Probabilities of two models are never ranked against each
other: where classes are spread unevenly over the folds, such an AUC is far from the recipe's, and below a half with
useless features.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cxr_cli.evaluation.crossval.record import CrossvalSubgroup
from cxr_cli.evaluation.predicted import PredictedFilms
from cxr_cli.evaluation.scoring import subgroup_columns
from cxr_cli.metrics.intervals import Interval
from cxr_cli.metrics.measure import measure, measure_intervals
from cxr_cli.metrics.over_folds import AcrossFolds, over_folds
from cxr_cli.metrics.sample import count_patients
from cxr_cli.metrics.subgroups import ENOUGH, UNKNOWN
from cxr_cli.metrics.table import METRICS, Metric, metrics_in
from cxr_cli.recipe.record import RunRecord

_WEIGHTS: dict[str, Callable[[int, int], int]] = {  # of a fold, by what a metric counts there: films, or pairs of them
    "positives": lambda positives, negatives: positives,
    "negatives": lambda positives, negatives: negatives,
    "both": lambda positives, negatives: positives * negatives,
}


@dataclass(frozen=True)
class FoldPredictions:
    """The predictions of one fold's model for its test films."""

    name: str
    repeat: int  # from 1
    run: RunRecord
    predicted: PredictedFilms


def measure_predictions(
    predicted: PredictedFilms,
) -> tuple[dict[str, float | None], dict[str, Interval | None]]:
    """Every metric and its interval, each film at the threshold of its run."""
    truth, probabilities = predicted.positives, predicted.probabilities
    return (
        measure(truth, probabilities, threshold=predicted.thresholds),
        measure_intervals(truth, probabilities, predicted.groups, threshold=predicted.thresholds),
    )


def across_folds(
    metrics: Sequence[Mapping[str, float | None]], *, in_repeat: int, patients: Mapping[str, int] | None = None
) -> dict[str, AcrossFolds]:
    """The mean of each metric over the folds in which it is defined, all with the same weight, and its interval.

    Args:
        metrics: of each fold, those of all repeats.
        in_repeat: the number of folds in one repeat.
        patients: that were tested, by what a metric needs (see `count_patients`). Defaults to not known.
    """
    return {
        name: over_folds(
            [fold.get(name) for fold in metrics],
            folds=in_repeat,
            limits=metric.limits,
            patients=(patients or {}).get(metric.needs),
        )
        for name, metric in METRICS.items()
    }


def subgroups_across(
    folds: Sequence[FoldPredictions], *, in_repeat: int, left_out: str | None
) -> list[CrossvalSubgroup]:
    """The recipe's metrics by view, sex, age band, source and finding.

    A fold counts as much as it has films of the subgroup that the metric counts, or pairs of films of both classes. So
    sensitivity is the share of all films, and the AUC that of all pairs of the same fold.

    Args:
        folds: the predictions of all repeats.
        in_repeat: the number of folds in one repeat.
        left_out: the column whose values were left out. None for random folds.

    Returns:
        In the columns' order; within a column the value with the most films first, and "unknown" last.
    """
    columns = [subgroup_columns(fold.predicted.films) for fold in folds]
    rows = []
    for column in columns[0]:
        values = [np.array([value or UNKNOWN for value in own[column]]) for own in columns]
        counts = Counter(value for own in values[:in_repeat] for value in own.tolist())
        for value in sorted(counts, key=lambda kind: (kind == UNKNOWN, -counts[kind], kind)):
            parts = [_Part(fold.predicted, own == value) for fold, own in zip(folds, values, strict=True)]
            rows.append(_row(column, value, parts, in_repeat=in_repeat, drawn=left_out is None))
    return rows


class _Part:
    """The films of a subgroup in one fold."""

    def __init__(self, predicted: PredictedFilms, there: np.ndarray) -> None:
        self.positives, self.groups = predicted.positives[there], predicted.groups[there]
        self.counts = int(self.positives.sum()), int((~self.positives).sum())
        self.metrics: dict[str, float | None] = {}
        if there.any():
            scores, thresholds = predicted.probabilities[there], predicted.thresholds[there]
            self.metrics = measure(self.positives, scores, threshold=thresholds)


def _row(column: str, value: str, parts: Sequence[_Part], *, in_repeat: int, drawn: bool) -> CrossvalSubgroup:
    once = parts[:in_repeat]
    positives, negatives = (sum(counts) for counts in zip(*(part.counts for part in once), strict=True))
    groups = np.concatenate([part.groups for part in once])
    patients = count_patients(np.concatenate([part.positives for part in once]), groups)
    enough = {needed: count >= ENOUGH for needed, count in patients.items()}

    def across(metric: Metric) -> AcrossFolds:
        return over_folds(
            [part.metrics.get(metric.name) if enough[metric.needs] else None for part in parts],
            folds=in_repeat,
            limits=metric.limits,
            weights=[_WEIGHTS[metric.needs](*part.counts) for part in parts],
            patients=patients[metric.needs] if drawn else None,
        )

    return CrossvalSubgroup(
        column=column,
        value=value,
        films=positives + negatives,
        patients=len(np.unique(groups)),
        positives=positives,
        negatives=negatives,
        too_few=not enough["both"],
        across_folds={metric.name: across(metric) for metric in metrics_in("subgroups")},
    )
