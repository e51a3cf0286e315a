"""Truth and predictions in; every metric of the table, with its interval, out."""

import numpy as np

from cxr_cli.metrics.intervals import REPLICATES, Interval, bootstrap_weights
from cxr_cli.metrics.sample import Sample, Weighted, call_positive
from cxr_cli.metrics.table import METRICS, Formula


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
    sample = Sample(positives, probabilities, call_positive(probabilities, threshold=threshold))
    plain = Weighted(sample, np.ones((1, len(positives))))
    figures: dict[str, float | None] = {}
    for metric in METRICS.values():
        value = _defined(metric.value, plain)[0]
        if not np.isfinite(value):
            figures[metric.name] = None
        else:
            figures[metric.name] = metric.exact(positives, probabilities) if metric.exact else float(value)
    return figures


def measure_intervals(
    positives: np.ndarray,
    probabilities: np.ndarray,
    groups: np.ndarray,
    *,
    threshold: float | np.ndarray,
    seed: int = 0,
) -> dict[str, Interval | None]:
    """Compute the interval of every metric of the table; `intervals.METHOD` says how in words.

    Args:
        positives: (N,) bool, the truth.
        probabilities: (N,) float, P(positive).
        groups: (N,), the patient of each film.
        threshold: from which P(positive) on a film is called positive; one for all films, or (N,).
        seed: of the bootstrap. Defaults to 0.

    Returns:
        By the metric's name; None where the metric is not defined, or only one patient is behind it.
    """
    called = call_positive(probabilities, threshold=threshold)
    sample = Sample(positives, probabilities, called, np.asarray(groups))
    values = measure(positives, probabilities, threshold=threshold)
    drawn = replicate(positives, probabilities, groups, threshold=threshold, seed=seed)
    return {name: metric.interval(sample, values[name], drawn[name]) for name, metric in METRICS.items()}


def replicate(
    positives: np.ndarray,
    probabilities: np.ndarray,
    groups: np.ndarray,
    *,
    threshold: float | np.ndarray,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Compute every metric in bootstrap samples: patients drawn with replacement (Efron 1979).

    Returns:
        By the metric's name, (replicates,) float64; NaN where it is not defined in a replicate.
    """
    sample = Sample(positives, probabilities, call_positive(probabilities, threshold=threshold))
    parts = [
        {name: _defined(metric.value, weighted) for name, metric in METRICS.items()}
        for weighted in (
            Weighted(sample, weights)
            for weights in bootstrap_weights(np.asarray(groups), replicates=replicates, seed=seed)
        )
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _defined(formula: Formula, films: Weighted) -> np.ndarray:
    """A formula's values, with NaN instead of a warning where it divides by zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(formula(films))


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
