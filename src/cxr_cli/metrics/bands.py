"""Pointwise 95% bands around the ROC curve and the curve of precision and recall, over patients."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cxr_cli.metrics.intervals import effective_interval
from cxr_cli.metrics.ranking_intervals import RANK_WEIGHT, patients_of_smaller_class

_DRAWS = 200  # of patients with replacement: the standard deviation is known to 5%
_GRID = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class Band:
    """A curve with an interval at each of its places; all arrays are (P,) float64 in [0, 1]."""

    at: np.ndarray  # across
    low: np.ndarray
    high: np.ndarray


def roc_band(positives: np.ndarray, scores: np.ndarray, groups: np.ndarray, *, seed: int = 0) -> Band | None:
    """The interval of the sensitivity at each false positive rate.

    Both the sensitivity and the threshold that gives the false positive rate vary with the patients, so the variance is
    that of draws of patients with replacement. The interval is Wilson's with the effective number of patients, as for
    the AUC: also where all films are on the right side it has a width.

    Args:
        positives: (N,) bool, the truth.
        scores: (N,) float, any score that rises with P(positive).
        groups: (N,), the patient of each film.
        seed: of the draws. Defaults to 0.

    Returns:
        None where a class has fewer than two patients.
    """

    def sensitivities(true: np.ndarray, false: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rates = np.interp(_GRID, np.r_[0, false / false[-1]], np.r_[0, true / true[-1]])
        return rates, np.ones(len(_GRID))

    return _band(sensitivities, positives, scores, groups, seed=seed)


def precision_band(positives: np.ndarray, scores: np.ndarray, groups: np.ndarray, *, seed: int = 0) -> Band | None:
    """The interval of the precision at each recall; see `roc_band`. It counts the patients of the films called so."""

    def precisions(true: np.ndarray, false: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # The first threshold that reaches a recall, and calls at least one film: the curve is a step.
        place = np.searchsorted(true, np.maximum(_GRID * true[-1], 1e-6) - 1e-9)
        called = true[place] + false[place]
        return true[place] / called, np.minimum(called / true[-1], 1)

    return _band(precisions, positives, scores, groups, seed=seed)


def _band(
    curve: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    positives: np.ndarray,
    scores: np.ndarray,
    groups: np.ndarray,
    *,
    seed: int,
) -> Band | None:
    """The band of a curve.

    `curve` takes the number of true and of false positives at each threshold, from the highest. It gives a figure at
    each place of the grid, and the share of the patients of the smaller class that it is from.
    """
    names, members = np.unique(groups, return_inverse=True)
    if min(len(np.unique(members[side])) for side in (positives, ~positives)) < 2:
        return None
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.diff(scores[order], append=np.nan))  # the last film of each score
    truth, members = positives[order], members[order]

    def counted(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.cumsum(weights * truth)[ends], np.cumsum(weights * ~truth)[ends]

    middle, parts = curve(*counted(np.ones(len(truth))))
    random = np.random.default_rng(seed)
    drawn = []
    for _ in range(_DRAWS):
        true, false = counted(random.multinomial(len(names), np.full(len(names), 1 / len(names)))[members])
        if true[-1] and false[-1]:
            drawn.append(curve(true, false)[0])
    patients = np.maximum(patients_of_smaller_class(positives, groups) * parts, 1)
    around = [
        effective_interval(float(one), float(spread), float(number), weight=RANK_WEIGHT)
        for one, spread, number in zip(middle, np.var(drawn, axis=0), patients, strict=True)
    ]
    return Band(_GRID, np.array([one.low for one in around]), np.array([one.high for one in around]))
