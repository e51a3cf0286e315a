"""The folds' answers together: the figures of a recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import numpy as np

from cxr_cli.dataset.manifest import Film
from cxr_cli.evaluation.crossval.record import AcrossFolds, CrossvalFold
from cxr_cli.metrics.intervals import Interval
from cxr_cli.metrics.measure import measure, measure_intervals
from cxr_cli.metrics.subgroups import SubgroupRow, age_band, subgroups
from cxr_cli.recipe.record import RunRecord

T = TypeVar("T")
# Those that don't ask from which probability on an answer is positive: folds differ in that.
_OF_PROBABILITIES = ("roc_auc", "log_loss", "brier")
_HALF = 0.5  # between the answers, as 0 and 1


@dataclass(frozen=True)
class Answers:
    """What a model, or the models of several folds, answer for films; all arrays are (N,)."""

    positives: np.ndarray  # bool, the truth
    probabilities: np.ndarray  # float64, calibrated P(positive)
    called: np.ndarray  # bool, called positive at the model's own operating point
    groups: np.ndarray  # str, of one patient or of copies

    def of(self, places: np.ndarray) -> "Answers":
        """Some of them."""
        return Answers(self.positives[places], self.probabilities[places], self.called[places], self.groups[places])


@dataclass(frozen=True)
class FoldAnswers:
    """One fold's model on its test films."""

    name: str
    run: RunRecord
    films: Sequence[Film]
    answers: Answers


def pool(folds: Sequence[FoldAnswers]) -> tuple[list[Film], Answers]:
    """All folds' test films, and their answers."""
    return [film for fold in folds for film in fold.films], Answers(
        *(
            np.concatenate([getattr(fold.answers, name) for fold in folds])
            for name in ("positives", "probabilities", "called", "groups")
        )
    )


def figures(answers: Answers, *, seed: int = 0) -> tuple[dict[str, float | None], dict[str, Interval | None]]:
    """What `metrics.measure` and `intervals.measure_intervals` give, of answers whose thresholds differ."""
    called = answers.called.astype(np.float64)
    of_answers = measure(answers.positives, called, threshold=_HALF)
    of_probabilities = measure(answers.positives, answers.probabilities, threshold=_HALF)
    around_answers = measure_intervals(answers.positives, called, answers.groups, threshold=_HALF, seed=seed)
    around = measure_intervals(answers.positives, answers.probabilities, answers.groups, threshold=_HALF, seed=seed)
    return _merged(of_answers, of_probabilities), _merged(around_answers, around)


def across_folds(folds: Sequence[CrossvalFold]) -> dict[str, AcrossFolds]:
    """Mean and standard deviation of each figure, over the folds in which it is defined.

    The interval of the mean is from those of the folds, which tested different patients: MOVER, for the mean of
    independent figures (Zou, Huang & Zhang 2009).
    """
    found = {}
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
        found[name] = AcrossFolds(
            folds=count,
            mean=mean,
            sd=float(np.std(values, ddof=1)) if count > 1 else None,
            interval=Interval(low=float(low), high=float(high)) if np.isfinite(low + high) else None,
        )
    return found


def by_subgroup(films: Sequence[Film], answers: Answers, *, seed: int = 0) -> list[SubgroupRow]:
    """What `subgroups.subgroups` gives, of answers whose thresholds differ."""
    columns = {
        "view": [film.view for film in films],
        "sex": [film.sex for film in films],
        "age": [age_band(film.age) for film in films],
        "source": [film.source for film in films],
        "finding": [film.finding for film in films],
    }
    called = answers.called.astype(np.float64)
    pairs = zip(
        subgroups(columns, answers.positives, called, answers.groups, threshold=_HALF, seed=seed),
        subgroups(columns, answers.positives, answers.probabilities, answers.groups, threshold=_HALF, seed=seed),
        strict=True,
    )
    return [
        msgspec.structs.replace(
            of_answers,
            metrics=_merged(of_answers.metrics, row.metrics),
            intervals=_merged(of_answers.intervals, row.intervals),
        )
        for of_answers, row in pairs
    ]


def _merged(of_answers: Mapping[str, T], of_probabilities: Mapping[str, T]) -> dict[str, T]:
    return {name: of_probabilities[name] if name in _OF_PROBABILITIES else value for name, value in of_answers.items()}
