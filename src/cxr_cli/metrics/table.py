"""The figures of a classifier, from P(positive) and truth."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Confusion:
    """Films by truth and answer."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int


def answers(probabilities: np.ndarray, *, threshold: float) -> np.ndarray:
    """(N,) P(positive) -> (N,) bool, positive from `threshold` on."""
    return np.asarray(probabilities >= threshold)


def count_confusion(positives: np.ndarray, called_positive: np.ndarray) -> Confusion:
    """Count films by truth and answer; both (N,) bool."""
    return Confusion(
        true_positive=int(np.sum(positives & called_positive)),
        false_positive=int(np.sum(~positives & called_positive)),
        false_negative=int(np.sum(positives & ~called_positive)),
        true_negative=int(np.sum(~positives & ~called_positive)),
    )


def measure(positives: np.ndarray, probabilities: np.ndarray, *, threshold: float) -> dict[str, float | None]:
    """The figures of one set of answers.

    Args:
        positives: (N,) bool, the truth.
        probabilities: (N,) float, P(positive).
        threshold: from which P(positive) on an answer is positive.

    Returns:
        Each in [0, 1], or None where it is not defined (a class without films): sensitivity, the recall of the
        positive class; specificity, that of the negative; precision; negative_predictive_value; f1; accuracy;
        balanced_accuracy, the mean of sensitivity and specificity; roc_auc (scikit-learn); log_loss, the mean
        cross-entropy in nats, which may exceed 1; and brier, the mean squared error of the probability.
    """
    from sklearn.metrics import log_loss, roc_auc_score

    found = count_confusion(positives, answers(probabilities, threshold=threshold))
    sensitivity = _share(found.true_positive, found.false_negative)
    specificity = _share(found.true_negative, found.false_positive)
    both = sensitivity is not None and specificity is not None
    return {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "precision": _share(found.true_positive, found.false_positive),
        "negative_predictive_value": _share(found.true_negative, found.false_negative),
        "f1": _share(2 * found.true_positive, found.false_positive + found.false_negative),
        "accuracy": _share(found.true_positive + found.true_negative, found.false_positive + found.false_negative),
        "balanced_accuracy": (sensitivity + specificity) / 2 if both else None,  # type: ignore[operator]
        "roc_auc": float(roc_auc_score(positives, probabilities)) if both else None,
        "log_loss": float(log_loss(positives, probabilities.astype(np.float64), labels=[False, True])),
        "brier": float(np.mean((probabilities.astype(np.float64) - positives) ** 2)),
    }


def classification_report(
    positives: np.ndarray, called_positive: np.ndarray, *, negative: str, positive: str
) -> dict[str, dict[str, float]]:
    """scikit-learn's classification report: precision, recall, f1-score and support by class and averaged."""
    from sklearn.metrics import classification_report as report

    made = report(
        positives,
        called_positive,
        labels=[False, True],
        target_names=[negative, positive],
        output_dict=True,
        zero_division=0,
    )
    # "accuracy" is a bare number there, and in `measure` already.
    return {name: {key: float(value) for key, value in row.items()} for name, row in made.items() if name != "accuracy"}


def _share(part: int, rest: int) -> float | None:
    return part / (part + rest) if part + rest else None
