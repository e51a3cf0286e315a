"""The metrics of a classifier by subgroup: view, sex, age band, source or finding."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from cxr_cli.metrics.intervals import Interval
from cxr_cli.metrics.measure import measure, measure_intervals
from cxr_cli.metrics.sample import count_patients
from cxr_cli.metrics.table import Metric, metrics_in
from cxr_cli.workspace.records import RecordPart, require


class SubgroupRow(RecordPart, frozen=True, kw_only=True):
    """A run's metrics on those of its test films that belong to one subgroup."""

    column: str  # view, sex, age, source or finding
    value: str  # "unknown" where the metadata have none
    films: int
    patients: int
    positives: int
    negatives: int
    too_few: bool  # fewer than ten patients of a class; a metric that needs such a class is None
    metrics: dict[str, float | None]
    intervals: dict[str, Interval | None]

    def __post_init__(self) -> None:
        """Make sure that every metric of subgroups is there."""
        require([metric.name for metric in metrics_in("subgroups")], self.metrics, self.intervals)


ENOUGH = 10  # patients of a class that a metric needs: many films of one patient say little more than one
UNKNOWN = "unknown"
_BANDS = (18, 40, 60, 80)
_AGE = re.compile(r"([0-9]{1,3}(?:[.,][0-9]+)?) ?(y|yo|yrs?|years?|m|mo|months?|w|weeks?|d|days?)?\.?")
_UNITS_A_YEAR = {"m": 12, "w": 52.18, "d": 365.25}  # by the first letter


def age_in_years(age: str) -> float | None:
    """The age in a text such as ``45``, ``45,5``, ``045Y``, ``45 years`` or ``6 months``.

    Returns:
        0 to 120, or None: a date, a bound such as ``<1`` or a decade is not an age.
    """
    match = _AGE.fullmatch(age.strip().casefold())
    if not match:
        return None
    years = float(match[1].replace(",", ".")) / _UNITS_A_YEAR.get((match[2] or "y")[0], 1)
    return years if years <= 120 else None


def age_band(age: str) -> str:
    """The band of an age: ``0-17``, ``18-39``, ``40-59``, ``60-79``, ``80+``, or ``unknown``; see `age_in_years`."""
    years = age_in_years(age)
    if years is None:
        return UNKNOWN
    lows = [0, *_BANDS]
    place = int(np.searchsorted(_BANDS, years, side="right"))
    return f"{lows[place]}-{lows[place + 1] - 1}" if place < len(_BANDS) else f"{lows[place]}+"


def subgroups(
    columns: Mapping[str, Sequence[str]],
    positives: np.ndarray,
    probabilities: np.ndarray,
    groups: np.ndarray,
    *,
    threshold: float | np.ndarray,
) -> list[SubgroupRow]:
    """Compute one row for each value of each column.

    Args:
        columns: by name, one value per film; an empty one is "unknown".
        positives: (N,) bool, the truth.
        probabilities: (N,) float, P(positive).
        groups: (N,), the patient of each film.
        threshold: from which P(positive) on a film is called positive; one for all films, or (N,).

    Returns:
        In the columns' order; within a column the value with the most films first, and "unknown" last. A metric is None
        where there are fewer than ten patients of a class that it needs.
    """
    groups = np.asarray(groups)
    rows = []
    for column, values in columns.items():
        named = np.array([value or UNKNOWN for value in values])
        kinds, counts = np.unique(named, return_counts=True)
        order = sorted(zip(kinds, -counts, strict=True), key=lambda kind: (kind[0] == UNKNOWN, kind[1], kind[0]))
        for value, _ in order:
            there = named == value
            rows.append(
                _row(
                    *(column, str(value), positives[there], probabilities[there], groups[there]),
                    threshold=np.broadcast_to(threshold, named.shape)[there],
                )
            )
    return rows


def _row(
    column: str,
    value: str,
    positives: np.ndarray,
    probabilities: np.ndarray,
    groups: np.ndarray,
    *,
    threshold: np.ndarray,
) -> SubgroupRow:
    count = int(positives.sum())
    enough = {needed: number >= ENOUGH for needed, number in count_patients(positives, groups).items()}
    values = measure(positives, probabilities, threshold=threshold)
    intervals = measure_intervals(positives, probabilities, groups, threshold=threshold)
    shown = {metric.name: enough[metric.needs] for metric in metrics_in("subgroups")}
    return SubgroupRow(
        column=column,
        value=value,
        films=len(positives),
        patients=len(np.unique(groups)),
        positives=count,
        negatives=len(positives) - count,
        too_few=not enough["both"],
        metrics={name: values[name] if is_enough else None for name, is_enough in shown.items()},
        intervals={name: intervals[name] if is_enough else None for name, is_enough in shown.items()},
    )


def why_none(metric: Metric, positives: int, negatives: int) -> str:
    """Say why a subgroup has no figure, by its films of each class: it can't exist, or it would say nothing."""
    films = {"positives": [positives], "negatives": [negatives], "both": [positives, negatives]}
    return f"under {ENOUGH} patients" if all(films[metric.needs]) else "n/a"
