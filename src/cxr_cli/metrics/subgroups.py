"""The figures of a classifier among films of one kind: a view, a sex, an age band, a source, a finding."""

from collections.abc import Mapping, Sequence

import numpy as np

from cxr_cli.metrics.intervals import Interval, measure_intervals
from cxr_cli.metrics.table import measure
from cxr_cli.workspace.records import RecordPart


class SubgroupRow(RecordPart, frozen=True, kw_only=True):
    """A run's figures on the films of one kind, of those it was tested on."""

    column: str  # view, sex, age, source or finding
    value: str  # "unknown" where it isn't known
    films: int
    patients: int
    positives: int
    negatives: int
    too_few: bool  # below ten films of a class: no AUC, and sensitivity or specificity only where its class has enough
    metrics: dict[str, float | None]
    intervals: dict[str, Interval | None]


ENOUGH = 10  # films of a class
UNKNOWN = "unknown"
_BANDS = (18, 40, 60, 80)
_OF_POSITIVES, _OF_BOTH, _OF_NEGATIVES = "sensitivity", "roc_auc", "specificity"


def age_band(age: str) -> str:
    """Where an age in years, as metadata have it, belongs: ``0-17``, ``18-39``, ``40-59``, ``60-79``, ``80+``."""
    try:
        years = float(age)
    except ValueError:
        return UNKNOWN
    if not 0 <= years <= 120:
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
    threshold: float,
    seed: int = 0,
) -> list[SubgroupRow]:
    """One row a value of each column.

    Args:
        columns: by name, a value a film; an empty one is "unknown".
        positives: (N,) bool, the truth.
        probabilities: (N,) float, P(positive).
        groups: (N,), the patient of each film.
        threshold: from which P(positive) on an answer is positive.
        seed: of the bootstrap.

    Returns:
        In the columns' order, the value with most films first, the unknown last. A figure is None where there are fewer
        than ten films of a class that it needs.
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
                _row(column, str(value), positives[there], probabilities[there], groups[there], threshold, seed)
            )
    return rows


def _row(
    column: str,
    value: str,
    positives: np.ndarray,
    probabilities: np.ndarray,
    groups: np.ndarray,
    threshold: float,
    seed: int,
) -> SubgroupRow:
    count = int(positives.sum())
    enough = {_OF_POSITIVES: count >= ENOUGH, _OF_NEGATIVES: len(positives) - count >= ENOUGH}
    enough[_OF_BOTH] = all(enough.values())
    found = measure(positives, probabilities, threshold=threshold)
    around = measure_intervals(positives, probabilities, groups, threshold=threshold, seed=seed)
    return SubgroupRow(
        column=column,
        value=value,
        films=len(positives),
        patients=len(np.unique(groups)),
        positives=count,
        negatives=len(positives) - count,
        too_few=not enough[_OF_BOTH],
        metrics={name: found[name] if there else None for name, there in enough.items()},
        intervals={name: around[name] if there else None for name, there in enough.items()},
    )
