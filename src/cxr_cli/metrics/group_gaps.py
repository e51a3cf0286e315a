"""How much better or worse a classifier does on one group of patients than on the others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxr_cli.metrics.calibration_figures import IN_THE_LARGE, calibration_figures
from cxr_cli.metrics.intervals import Interval, gap_interval
from cxr_cli.metrics.measure import measure, measure_intervals
from cxr_cli.metrics.subgroups import ENOUGH
from cxr_cli.metrics.table import METRICS, metrics_in


@dataclass(frozen=True)
class ComparedGroup:
    """One side of a comparison."""

    value: str  # of the column, or what the others have
    positives: int  # patients with a positive film
    negatives: int  # patients with a negative film
    metrics: dict[str, float | None]
    intervals: dict[str, Interval | None]


@dataclass(frozen=True)
class GroupGap:
    """The difference of one figure between two groups of patients."""

    column: str
    metric: str
    group: ComparedGroup
    others: ComparedGroup
    gap: float | None  # group - others; None where a group has fewer than ten patients of a class that the metric needs
    interval: Interval | None  # over patients

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval shows a difference."""
        return self.interval is not None and not self.interval.low <= 0 <= self.interval.high


@dataclass(frozen=True)
class Gaps:
    """All differences by one column."""

    gaps: list[GroupGap]
    moved: int  # films left out because most of their patient's films have another value


def group_gaps(
    column: str,
    values: Sequence[str],
    positives: np.ndarray,
    probabilities: np.ndarray,
    groups: np.ndarray,
    *,
    threshold: float | np.ndarray,
) -> Gaps:
    """Compare each value's patients with all others whose value is known; two values once.

    A patient with films of several values counts only with the films of the most frequent one, so that the two sides
    are independent, and their intervals give that of the difference (Zou & Donner 2008).

    Args:
        column: its name.
        values: one per film; films with an empty one are left out.
        positives: (N,) bool, the truth.
        probabilities: (N,) float, P(positive).
        groups: (N,), the patient of each film.
        threshold: from which P(positive) on a film is called positive; one for all films, or (N,).
    """
    named, groups = np.array(values, dtype=str), np.asarray(groups)
    threshold = np.broadcast_to(threshold, named.shape)
    kept = _one_value_each(named, groups)
    kinds = sorted(set(named[kept]))
    compared = kinds[:1] if len(kinds) == 2 else kinds if len(kinds) > 2 else []

    def side(films: np.ndarray, value: str) -> ComparedGroup:
        arrays = positives[films], probabilities[films]
        calibration = calibration_figures(*arrays, groups[films])
        return ComparedGroup(
            value=value,
            positives=len(np.unique(groups[films & positives])),
            negatives=len(np.unique(groups[films & ~positives])),
            metrics=measure(*arrays, threshold=threshold[films]) | calibration.values,
            intervals=measure_intervals(*arrays, groups[films], threshold=threshold[films]) | calibration.intervals,
        )

    gaps = []
    for value in compared:
        there = kept & (named == value)
        rest = kinds[1] if len(kinds) == 2 else "all others"
        one, others = side(there, value), side(kept & ~there, rest)
        gaps += [_gap(column, name, one, others) for name in compared_figures()]
    return Gaps(gaps, moved=int(np.sum((named != "") & ~kept)))


def compared_figures() -> dict[str, str]:
    """The titles of the figures that are compared, by name."""
    titles = {metric.name: metric.title for metric in metrics_in("subgroups", ranked=True)}
    return titles | {IN_THE_LARGE: "calibration-in-the-large"}


def _one_value_each(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(N,) bool: films with a known value, those of a patient with several values only where it is the usual one."""
    kinds, numbers = np.unique(values, return_inverse=True)
    _, members = np.unique(groups, return_inverse=True)
    counts = np.zeros((members.max(initial=-1) + 1, len(kinds)), dtype=int)
    known = values != ""
    np.add.at(counts, (members[known], numbers[known]), 1)
    usual = counts.argmax(axis=1) if counts.size else np.zeros(0, dtype=int)
    return np.asarray(known & (numbers == usual[members]))


def _gap(column: str, metric: str, one: ComparedGroup, others: ComparedGroup) -> GroupGap:
    needs = METRICS[metric].needs if metric in METRICS else "both"
    classes = ("positives", "negatives") if needs == "both" else (needs,)
    enough = all(getattr(side, name) >= ENOUGH for side in (one, others) for name in classes)
    first, second = one.metrics[metric], others.metrics[metric]
    if not enough or first is None or second is None:
        return GroupGap(column, metric, one, others, None, None)
    around, around_others = one.intervals[metric], others.intervals[metric]
    interval = gap_interval(first, around, second, around_others) if around and around_others else None
    return GroupGap(column, metric, one, others, first - second, interval)
