"""What abstaining is worth: the share of wrong films among those that get a class, the most certain first."""

import numpy as np

from cxr_cli.metrics.intervals import Interval, effective_interval, effective_patients
from cxr_cli.metrics.jackknife import jackknife
from cxr_cli.workspace.records import RecordPart


class RiskCoverage(RecordPart, frozen=True, kw_only=True):
    """The risk-coverage curve of films whose truth is known."""

    area: float  # under the curve: the mean error over all coverages (AURC), 0 is best
    interval: Interval | None
    random: float  # the same if films were left out at random: the share of wrong films
    best: float  # the same if the wrong films were left out first
    coverage: float  # of `cxr predict`: the share of films that get a class
    risk: float | None  # of `cxr predict`: the share of wrong films among those; None without such films


def risk_coverage(right: np.ndarray, confidence: np.ndarray, given: np.ndarray, groups: np.ndarray) -> RiskCoverage:
    """Measure a risk-coverage curve (Geifman & El-Yaniv 2017, arXiv 1705.08500).

    Args:
        right: (N,) bool, predicted correctly.
        confidence: (N,) float, by which films would be answered, the highest first.
        given: (N,) bool, gets a class from `cxr predict`.
        groups: (N,), the patient of each film.
    """
    wrong = ~np.asarray(right, bool)
    area, patients = area_under_risk(wrong, confidence), effective_patients(groups)
    _, variance = jackknife(lambda kept: area_under_risk(wrong[kept], confidence[kept]), groups)
    known = len(np.unique(groups)) > 1 and np.isfinite(variance)
    return RiskCoverage(
        area=area,
        interval=effective_interval(area, variance, patients) if known else None,
        random=float(wrong.mean()),
        best=area_under_risk(wrong, -wrong.astype(float)),
        coverage=float(given.mean()),
        risk=float(wrong[given].mean()) if given.any() else None,
    )


def risks(wrong: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """(N,) the share of wrong films among the k most certain ones, k = 1 to N; equal confidence counts alike."""
    order = np.argsort(-np.asarray(confidence, dtype=np.float64), kind="stable")
    _, ties, sizes = np.unique(-np.asarray(confidence)[order], return_inverse=True, return_counts=True)
    expected = (np.bincount(ties, weights=wrong[order]) / sizes)[ties]
    return np.asarray(np.cumsum(expected) / np.arange(1, len(order) + 1))


def area_under_risk(wrong: np.ndarray, confidence: np.ndarray) -> float:
    """The mean of `risks`; NaN without films."""
    return float(risks(wrong, confidence).mean()) if len(wrong) else float("nan")
