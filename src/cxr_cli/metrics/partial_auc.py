"""The area under a part of the ROC curve: where few of the negative films are called positive."""

import numpy as np

from cxr_cli.errors import UsageError
from cxr_cli.metrics.intervals import Interval, effective_interval
from cxr_cli.metrics.jackknife import jackknife
from cxr_cli.metrics.ranking_intervals import RANK_WEIGHT, patients_of_smaller_class
from cxr_cli.workspace.records import RecordPart


class PartialAuc(RecordPart, frozen=True, kw_only=True):
    """The partial area under the ROC curve, standardized so that 0.5 is chance and 1 is best."""

    max_fpr: float  # 1 - specificity, up to which the curve counts
    value: float
    interval: Interval | None  # 95%, over patients


def check_max_fpr(max_fpr: float | None) -> None:
    """Refuse what is no share of false positives.

    Raises:
        UsageError: `max_fpr` is given, and not between 0 and 1.
    """
    if max_fpr is not None and not 0 < max_fpr < 1:
        raise UsageError(
            f"Expected a largest 1 - specificity between 0 and 1. Received: {max_fpr}.",
            hint="For example: --max-fpr 0.1",
        )


def partial_auc(positives: np.ndarray, scores: np.ndarray, groups: np.ndarray, *, max_fpr: float) -> PartialAuc:
    """Compute the partial AUC, standardized by McClish 1989 (Med Decis Making 9:190), as scikit-learn does.

    Args:
        positives: (N,) bool, the truth, of both classes.
        scores: (N,) float, any score that rises with P(positive).
        groups: (N,), the patient of each film.
        max_fpr: in (0, 1), the largest 1 - specificity.
    """
    from sklearn.metrics import roc_auc_score

    def area(kept: np.ndarray) -> float:
        truth = positives[kept]
        if truth.all() or not truth.any():
            return float("nan")
        return float(roc_auc_score(truth, scores[kept], max_fpr=max_fpr))

    groups, value = np.asarray(groups), area(np.ones(len(positives), bool))
    _, variance = jackknife(area, groups)
    patients = patients_of_smaller_class(positives, groups)
    known = np.isfinite(variance) and 0 <= value <= 1
    interval = effective_interval(value, variance, patients, weight=RANK_WEIGHT) if known else None
    return PartialAuc(max_fpr=max_fpr, value=value, interval=interval)
