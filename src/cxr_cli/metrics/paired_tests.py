"""Tests of whether one of two classifiers is better on the same films."""

from dataclasses import dataclass

import numpy as np

from cxr_cli.metrics.intervals import NORMAL_95, Interval
from cxr_cli.metrics.ranking_intervals import auc_covariance, placements


@dataclass(frozen=True)
class DeLong:
    """The areas under two ROC curves of the same films."""

    auc_a: float
    auc_b: float
    difference: float  # a - b
    interval: Interval | None  # of the difference, 95%; None where it has no variance
    p: float | None  # two-sided, of no difference


@dataclass(frozen=True)
class McNemar:
    """The predictions of two classifiers for the same films."""

    only_a: int  # films that a predicts correctly and b does not
    only_b: int
    p: float  # two-sided, of no difference


def delong(positives: np.ndarray, a: np.ndarray, b: np.ndarray, groups: np.ndarray) -> DeLong:
    """Compare two AUCs on the same films.

    DeLong et al. 1988; with several films per patient Obuchowski 1997, its form for clustered data.

    Args:
        positives: (N,) bool, with films of both classes.
        a: (N,) float, P(positive) of the first classifier, or any score that rises with it.
        b: (N,) float, of the second one.
        groups: (N,), the patient of each film.
    """
    from scipy.stats import norm

    of_positives, of_negatives = zip(*(placements(positives, scores) for scores in (a, b)), strict=True)
    areas = np.array([values.mean() for values in of_positives])
    covariance = auc_covariance(np.stack(of_positives), np.stack(of_negatives), areas, positives, np.asarray(groups))
    difference = float(areas[0] - areas[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if not variance > 1e-15:  # NaN too: one patient alone has no variance
        return DeLong(float(areas[0]), float(areas[1]), difference, interval=None, p=None if difference else 1.0)
    error = float(np.sqrt(variance))
    return DeLong(
        auc_a=float(areas[0]),
        auc_b=float(areas[1]),
        difference=difference,
        interval=Interval(low=difference - NORMAL_95 * error, high=difference + NORMAL_95 * error),
        p=float(2 * norm.sf(abs(difference) / error)),
    )


def mcnemar(right_a: np.ndarray, right_b: np.ndarray, groups: np.ndarray) -> McNemar:
    """Compare the predicted classes of two classifiers for the same films, exactly.

    If there is no difference, swapping the two classifiers' predictions changes nothing: a coin toss for each patient,
    whose films are alike. With one film per patient this is McNemar's exact test (1947).

    Args:
        right_a: (N,) bool, whether the first classifier is right.
        right_b: (N,) bool, whether the second one is.
        groups: (N,), the patient of each film.
    """
    _, members = np.unique(np.asarray(groups), return_inverse=True)
    leads = np.bincount(members, weights=right_a.astype(float) - right_b).astype(int)
    sizes = np.abs(leads[leads != 0])
    chances = np.ones(1)
    for size in sizes:  # of each sum of the tosses so far, from its minimum to its maximum
        wider = np.zeros(len(chances) + 2 * size)
        wider[: len(chances)] += chances / 2
        wider[2 * size :] += chances / 2
        chances = wider
    sums = np.abs(np.arange(len(chances)) - len(chances) // 2)
    return McNemar(
        only_a=int(np.sum(right_a & ~right_b)),
        only_b=int(np.sum(~right_a & right_b)),
        p=float(min(1.0, chances[sums >= abs(leads.sum())].sum())),
    )
