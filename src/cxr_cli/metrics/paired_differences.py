"""How much better one of two classifiers is on the same films, in any metric, with an interval over patients."""

import numpy as np

from cxr_cli.metrics.intervals import Interval, gap_interval
from cxr_cli.metrics.sample import Sample
from cxr_cli.metrics.table import Metric
from cxr_cli.workspace.records import RecordPart

_BLOCKS = 200  # at most so many sets of patients are left out in turn


class Difference(RecordPart, frozen=True, kw_only=True):
    """The difference of two classifiers in one metric."""

    value: float | None  # first - second; None where one of them is not defined
    interval: Interval | None  # 95 %


def paired_difference(metric: Metric, a: Sample, b: Sample, groups: np.ndarray) -> Difference:
    """Compare a metric of two classifiers on the same films.

    The interval comes from the metric's own intervals (MOVER: Zou 2007, Psychol Methods 12:399), with the correlation
    of both figures when the patients are left out in turn (jackknife).

    Args:
        metric: a row of `METRICS`.
        a: the films as the first classifier predicts them.
        b: the same films, in the same order, as the second one does.
        groups: (N,), the patient of each film.
    """
    first, second = metric.value(a), metric.value(b)
    if not (np.isfinite(first) and np.isfinite(second)):
        return Difference(value=None, interval=None)
    around_first, around_second = metric.interval(a, groups), metric.interval(b, groups)
    interval = None
    if around_first and around_second:
        correlation = _correlation(metric, a, b, groups)
        interval = gap_interval(first, around_first, second, around_second, correlation=correlation)
    return Difference(value=float(first - second), interval=interval)


def _correlation(metric: Metric, a: Sample, b: Sample, groups: np.ndarray) -> float:
    _, members = np.unique(groups, return_inverse=True)
    blocks = members % _BLOCKS
    values = np.array(
        [[metric.value(_without(sample, blocks == block)) for sample in (a, b)] for block in np.unique(blocks)]
    )
    values = values[np.isfinite(values).all(axis=1)]
    if len(values) < 2 or not np.ptp(values, axis=0).all():
        return 0.0
    return float(np.clip(np.corrcoef(values.T)[0, 1], -1, 1))


def _without(sample: Sample, out: np.ndarray) -> Sample:
    return Sample(sample.positives[~out], sample.probabilities[~out], sample.called[~out])
