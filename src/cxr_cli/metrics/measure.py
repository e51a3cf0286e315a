"""Truth and predictions in; every metric of the table, with its interval, out."""

import numpy as np

from cxr_cli.metrics.intervals import Interval
from cxr_cli.metrics.sample import Sample, call_positive
from cxr_cli.metrics.table import METRICS


def measure(
    positives: np.ndarray, probabilities: np.ndarray, *, threshold: float | np.ndarray
) -> dict[str, float | None]:
    """Compute every metric of the table.

    Args:
        positives: (N,) bool, the truth.
        probabilities: (N,) float, P(positive).
        threshold: from which P(positive) on a film is called positive; one for all films, or (N,).

    Returns:
        By the metric's name; None where it is not defined, for example for a class without films.
    """
    sample = _sample(positives, probabilities, threshold)
    values = {name: metric.value(sample) for name, metric in METRICS.items()}
    return {name: float(value) if np.isfinite(value) else None for name, value in values.items()}


def measure_intervals(
    positives: np.ndarray,
    probabilities: np.ndarray,
    groups: np.ndarray,
    *,
    threshold: float | np.ndarray,
) -> dict[str, Interval | None]:
    """Compute the interval of every metric of the table; `intervals.METHOD` says how in words.

    Args:
        positives: (N,) bool, the truth.
        probabilities: (N,) float, P(positive).
        groups: (N,), the patient of each film.
        threshold: from which P(positive) on a film is called positive; one for all films, or (N,).

    Returns:
        By the metric's name; None where the metric is not defined, or only one patient is behind it.
    """
    sample, groups = _sample(positives, probabilities, threshold), np.asarray(groups)
    return {name: metric.interval(sample, groups) for name, metric in METRICS.items()}


def _sample(positives: np.ndarray, probabilities: np.ndarray, threshold: float | np.ndarray) -> Sample:
    positives, probabilities = np.asarray(positives, dtype=bool), np.asarray(probabilities, dtype=np.float64)
    return Sample(positives, probabilities, call_positive(probabilities, threshold=threshold))


def classification_report(
    positives: np.ndarray, called_positive: np.ndarray, *, negative: str, positive: str
) -> dict[str, dict[str, float]]:
    """scikit-learn's classification report: precision, recall, f1-score and support, by class and averaged."""
    from sklearn.metrics import classification_report as report

    made = report(
        positives,
        called_positive,
        labels=[False, True],
        target_names=[negative, positive],
        output_dict=True,
        zero_division=0,
    )
    # "accuracy" is a bare number there, and `measure` has it already.
    return {name: {key: float(value) for key, value in row.items()} for name, row in made.items() if name != "accuracy"}
