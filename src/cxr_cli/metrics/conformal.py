"""Conformal prediction sets: which classes can't be ruled out for a film, at an error that is chosen beforehand.

Calibrated by class (Mondrian: Vovk et al. 2005, Algorithmic Learning in a Random World) and by patient. The films of a
patient are not exchangeable with those of others, so each patient counts once, and each film as its patient's share:
the hierarchical method of Lee, Barber & Willett 2023 (arXiv 2306.06342). For a film of a new patient, drawn from a
class like the validation films of that class, the set has the class with a probability of at least 1 - alpha.
"""

import math
from fractions import Fraction

import numpy as np

from cxr_cli.errors import UsageError
from cxr_cli.metrics.intervals import Interval, patient_interval
from cxr_cli.workspace.records import RecordPart


class ClassRule(RecordPart, frozen=True, kw_only=True):
    """When a set has a class."""

    patients: int  # with validation films of the class
    quantile: float | None  # a set has the class up to this 1 - P(class); None: too few patients, every set has it


class SetRule(RecordPart, frozen=True, kw_only=True):
    """How sets are made, calibrated on validation films."""

    alpha: float  # a set may lack the true class for this share of the patients of each class
    negative: ClassRule
    positive: ClassRule

    def contains(self, probabilities: np.ndarray) -> np.ndarray:
        """P(positive), (N,) float, as it was calibrated on -> (N, 2) bool: has the negative, has the positive class."""
        pairs = zip((self.negative, self.positive), _strangeness(probabilities), strict=True)
        return np.stack([values <= (1 if rule.quantile is None else rule.quantile) for rule, values in pairs], axis=1)


class Coverage(RecordPart, frozen=True, kw_only=True):
    """How often the sets of a class's films have that class."""

    films: int
    patients: int
    share: float | None  # each patient counts once; None without films
    interval: Interval | None


class SetFigures(RecordPart, frozen=True, kw_only=True):
    """Prediction sets of films whose truth is known."""

    rule: SetRule
    negative: Coverage
    positive: Coverage
    mean_size: float  # classes in a set, 0 to 2
    neither: int  # films whose set is empty
    one: int  # films whose set has one class
    both: int


DEFAULT_ALPHA = 0.1


def check_alpha(alpha: float) -> float:
    """`alpha`, where it can be one.

    Raises:
        UsageError: it is not between 0 and 1.
    """
    if not 0 < alpha < 1:
        raise UsageError(f"Expected an alpha between 0 and 1. Received: {alpha}.", hint="For example: --alpha 0.1")
    return alpha


def patients_needed(alpha: float) -> int:
    """The smallest number n of patients of a class that can rule it out: n + 1 must be at least 1 / alpha."""
    return math.ceil(1 / Fraction(str(alpha)) - 1)


def fit_sets(positives: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, *, alpha: float) -> SetRule:
    """Calibrate prediction sets on validation films.

    Args:
        positives: (N,) bool, the truth.
        probabilities: (N,) float, P(positive). It may be before or after calibration, if `contains` is given
            the same: only the order of the films matters.
        groups: (N,), the patient of each film.
        alpha: in (0, 1), the share of the patients of each class whose set may lack it.

    Raises:
        UsageError: `alpha` is not between 0 and 1.
    """
    check_alpha(alpha)
    groups = np.asarray(groups)
    negative, positive = (
        _fit_class(values[own], groups[own], alpha)
        for own, values in zip((~positives, positives), _strangeness(probabilities), strict=True)
    )
    return SetRule(alpha=alpha, negative=negative, positive=positive)


def measure_sets(rule: SetRule, positives: np.ndarray, probabilities: np.ndarray, groups: np.ndarray) -> SetFigures:
    """Measure on test films what sets promise.

    Args:
        rule: how the sets are made.
        positives: (N,) bool, the truth.
        probabilities: (N,) float, P(positive), as for `fit_sets`.
        groups: (N,), the patient of each film.
    """
    groups, contains = np.asarray(groups), rule.contains(probabilities)
    sizes = contains.sum(axis=1)
    negative, positive = (
        _cover(contains[own, column], groups[own]) for column, own in enumerate((~positives, positives))
    )
    return SetFigures(
        rule=rule,
        negative=negative,
        positive=positive,
        mean_size=float(sizes.mean()),
        neither=int(np.sum(sizes == 0)),
        one=int(np.sum(sizes == 1)),
        both=int(np.sum(sizes == 2)),
    )


def _strangeness(probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How little a film looks like the negative and like the positive class: 1 - P(class), each (N,) float64."""
    positive = np.asarray(probabilities, dtype=np.float64)
    return positive, 1 - positive


def _fit_class(strangeness: np.ndarray, groups: np.ndarray, alpha: float) -> ClassRule:
    """The quantile of a class. Each of n patients weighs 1 / (n + 1); the rest is that of the patient to come."""
    _, members = np.unique(groups, return_inverse=True)
    sizes = np.bincount(members)
    patients = len(sizes)
    if patients < patients_needed(alpha):
        return ClassRule(patients=patients, quantile=None)
    order = np.argsort(strangeness, kind="stable")
    reached = np.cumsum(1 / sizes[members[order]])
    # A sum of shares may miss the whole number that it is by rounding.
    place = int(np.searchsorted(reached, (1 - alpha) * (patients + 1) - 1e-9))
    return ClassRule(patients=patients, quantile=float(strangeness[order[min(place, len(order) - 1)]]))


def _cover(covered: np.ndarray, groups: np.ndarray) -> Coverage:
    share, interval = patient_interval(covered, groups)
    return Coverage(films=len(covered), patients=len(np.unique(groups)), share=share, interval=interval)
