"""How much better one of two classifiers is on the same films, in any metric, with an interval over patients."""

import numpy as np

from cxr_cli.metrics.intervals import Interval, gap_interval
from cxr_cli.metrics.jackknife import jackknife
from cxr_cli.metrics.sample import Sample
from cxr_cli.metrics.table import Metric
from cxr_cli.workspace.records import RecordPart


class Difference(RecordPart, frozen=True, kw_only=True):
    """The difference of two classifiers in one metric."""

    value: float | None  # first - second; None where one of them is not defined
    interval: Interval | None  # 95%


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
    def of(sample: Sample) -> np.ndarray:
        values, _ = jackknife(
            lambda kept: metric.value(Sample(sample.positives[kept], sample.probabilities[kept], sample.called[kept])),
            groups,
        )
        return values

    values = np.stack([of(a), of(b)])
    values = values[:, np.isfinite(values).all(axis=0)]
    if values.shape[1] < 2 or not np.ptp(values, axis=1).all():
        return 0.0
    return float(np.clip(np.corrcoef(values)[0, 1], -1, 1))
