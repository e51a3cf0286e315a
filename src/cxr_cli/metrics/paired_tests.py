"""Tests of whether one of two classifiers is better on the same films."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cxr_cli.metrics.intervals import Interval

_Z = 1.959964


@dataclass(frozen=True)
class DeLong:
    """The areas under two ROC curves of the same films."""

    auc_a: float
    auc_b: float
    difference: float  # a - b
    interval: Interval | None  # of the difference, 95 %; None where it has no variance
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

    of_positives, of_negatives = zip(*(_placements(positives, scores) for scores in (a, b)), strict=True)
    areas = np.array([values.mean() for values in of_positives])
    covariance = _covariance(np.stack(of_positives), np.stack(of_negatives), areas, positives, np.asarray(groups))
    difference = float(areas[0] - areas[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if not variance > 1e-15:  # NaN too: one patient alone has no variance
        return DeLong(float(areas[0]), float(areas[1]), difference, interval=None, p=None if difference else 1.0)
    error = np.sqrt(variance)
    return DeLong(
        auc_a=float(areas[0]),
        auc_b=float(areas[1]),
        difference=difference,
        interval=Interval(low=difference - _Z * error, high=difference + _Z * error),
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


def _placements(positives: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each positive, the share of negatives below it; for each negative, of positives above it; ties count half."""
    from scipy.stats import rankdata

    rank: Callable[[np.ndarray], np.ndarray] = rankdata
    upper, lower, all_ranks = scores[positives], scores[~positives], rank(scores)
    return (
        (all_ranks[positives] - rank(upper)) / len(lower),
        1 - (all_ranks[~positives] - rank(lower)) / len(upper),
    )


def _covariance(
    of_positives: np.ndarray, of_negatives: np.ndarray, areas: np.ndarray, positives: np.ndarray, groups: np.ndarray
) -> np.ndarray:
    """The covariance of both areas, (2, 2): Obuchowski 1997 (Biometrics 53:567), formulas 3 to 5."""
    names, members = np.unique(groups, return_inverse=True)
    count = len(names)

    def by_group(values: np.ndarray, side: np.ndarray) -> tuple[np.ndarray, int]:
        apart = values - areas[:, None]
        sums = np.stack([np.bincount(members[side], weights=row, minlength=count) for row in apart])
        return sums, len(np.unique(members[side]))

    plus, plus_groups = by_group(of_positives, positives)
    minus, minus_groups = by_group(of_negatives, ~positives)
    films_plus, films_minus = of_positives.shape[1], of_negatives.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        within_plus = plus @ plus.T * np.divide(plus_groups, plus_groups - 1) / films_plus**2
        within_minus = minus @ minus.T * np.divide(minus_groups, minus_groups - 1) / films_minus**2
        across = plus @ minus.T * np.divide(count, count - 1) / (films_plus * films_minus)
    return np.asarray(within_plus + within_minus + across + across.T)
