"""The formulas of metrics and of their intervals, as the rows of the table of metrics use them.

A formula takes a `Sample` and returns a float, NaN where it is not defined. An interval takes the sample and the
patient of each film, (N,), and is None where the figure is not defined or too few patients are behind it.
"""

from collections.abc import Callable

import numpy as np

from cxr_cli.metrics.intervals import (
    Estimate,
    Interval,
    cluster,
    effective_interval,
    effective_patients,
    loss_interval,
    proportion_interval,
    ratio_interval,
    recovered_interval,
)
from cxr_cli.metrics.ranking_intervals import RANK_WEIGHT, auc_interval, average_precision_interval
from cxr_cli.metrics.sample import Sample

Formula = Callable[[Sample], float]
IntervalMethod = Callable[[Sample, np.ndarray], Interval | None]
Counted = Callable[[Sample], np.ndarray]  # (N,) bool, the films that a share is computed over


def positives(sample: Sample) -> np.ndarray:
    """The positive films, (N,) bool."""
    return sample.positives


def negatives(sample: Sample) -> np.ndarray:
    """The negative films, (N,) bool."""
    return ~sample.positives


def called_positive(sample: Sample) -> np.ndarray:
    """The films that are called positive, (N,) bool."""
    return sample.called


def called_negative(sample: Sample) -> np.ndarray:
    """The films that are called negative, (N,) bool."""
    return ~sample.called


def all_films(sample: Sample) -> np.ndarray:
    """All films, (N,) bool."""
    return np.ones(len(sample.positives), bool)


def share_right(counted: Counted) -> Formula:
    """The share of the counted films that are called correctly."""

    def formula(sample: Sample) -> float:
        films = counted(sample)
        return float(sample.right[films].mean()) if films.any() else np.nan

    return formula


def share_right_interval(counted: Counted) -> IntervalMethod:
    """The interval of `share_right`; see `proportion_interval`."""

    def interval(sample: Sample, groups: np.ndarray) -> Interval | None:
        films = counted(sample)
        return proportion_interval(sample.right[films], groups[films])

    return interval


def predictive_value(counted: Counted) -> Formula:
    """The share of the counted films that are called correctly; NaN where all films are of one class.

    Among films of one class it is 0 or 1, whatever the calls.
    """
    formula = share_right(counted)
    return lambda sample: formula(sample) if sample.has_both_classes else np.nan


def predictive_value_interval(counted: Counted) -> IntervalMethod:
    """The interval of `predictive_value`; see `proportion_interval`."""
    interval = share_right_interval(counted)
    return lambda sample, groups: interval(sample, groups) if sample.has_both_classes else None


def balanced_accuracy(sample: Sample) -> float:
    """The mean of sensitivity and specificity."""
    return (share_right(positives)(sample) + share_right(negatives)(sample)) / 2


def balanced_accuracy_interval(sample: Sample, groups: np.ndarray) -> Interval | None:
    """MOVER, from the intervals of sensitivity and specificity (Zou & Donner 2008)."""
    rates = _rates(sample, groups)
    return recovered_interval(lambda one, other: (one + other) / 2, rates) if rates else None


def f1(sample: Sample) -> float:
    """The harmonic mean of the positive predictive value and the sensitivity; NaN where all films are of one class."""
    cells = sample.cells
    wrong = cells.false_positive + cells.false_negative
    return 2 * cells.true_positive / (2 * cells.true_positive + wrong) if sample.has_both_classes else np.nan


def f1_interval(sample: Sample, groups: np.ndarray) -> Interval | None:
    """That of a proportion, J = TP / (TP + FP + FN): F1 is 2 J / (1 + J), which rises with it."""
    if not sample.has_both_classes:
        return None
    films = sample.positives | sample.called
    around = proportion_interval(sample.right[films], groups[films])
    return around and Interval(low=2 * around.low / (1 + around.low), high=2 * around.high / (1 + around.high))


def matthews(sensitivity: float, specificity: float, prevalence: float) -> float:
    """Matthews 1975 (Biochim Biophys Acta 405:442), by these three. NaN where all films have one truth or one class."""
    called = sensitivity * prevalence + (1 - specificity) * (1 - prevalence)
    spread = called * (1 - called)
    if not 0 < prevalence < 1 or spread <= 1e-12:
        return np.nan
    return (sensitivity + specificity - 1) * float(np.sqrt(prevalence * (1 - prevalence) / spread))


def mcc(sample: Sample) -> float:
    """`matthews` from the confusion matrix."""
    cells = sample.cells
    right, wrong = cells.true_positive * cells.true_negative, cells.false_positive * cells.false_negative
    sides = (
        cells.true_positive + cells.false_positive,
        cells.true_negative + cells.false_negative,
        cells.true_positive + cells.false_negative,
        cells.true_negative + cells.false_positive,
    )
    return float((right - wrong) / np.sqrt(np.prod(sides, dtype=np.float64))) if all(sides) else np.nan


def mcc_interval(sample: Sample, groups: np.ndarray) -> Interval | None:
    """MOVER, from the intervals of sensitivity, specificity and prevalence."""
    rates, prevalence = _rates(sample, groups), proportion_interval(sample.positives, groups)
    if not rates or not prevalence or np.isnan(mcc(sample)):
        return None
    around = recovered_interval(matthews, (*rates, Estimate(float(sample.positives.mean()), prevalence)))
    return Interval(low=max(around.low, -1.0), high=min(around.high, 1.0))


def positive_likelihood_ratio(sample: Sample) -> float:
    """Sensitivity / (1 - specificity)."""
    wrong = 1 - share_right(negatives)(sample)
    return share_right(positives)(sample) / wrong if wrong else np.nan


def positive_likelihood_ratio_interval(sample: Sample, groups: np.ndarray) -> Interval | None:
    """See `ratio_interval`."""
    rates = _rates(sample, groups)
    return ratio_interval(rates[0], _rest(rates[1])) if rates and rates[1].value < 1 else None


def negative_likelihood_ratio(sample: Sample) -> float:
    """(1 - sensitivity) / specificity."""
    right = share_right(negatives)(sample)
    return (1 - share_right(positives)(sample)) / right if right else np.nan


def negative_likelihood_ratio_interval(sample: Sample, groups: np.ndarray) -> Interval | None:
    """See `ratio_interval`."""
    rates = _rates(sample, groups)
    return ratio_interval(_rest(rates[0]), rates[1]) if rates and rates[1].value > 0 else None


def _rates(sample: Sample, groups: np.ndarray) -> tuple[Estimate, Estimate] | None:
    """Sensitivity and specificity; None where a class has no film."""
    sensitivity, specificity = (share_right_interval(counted)(sample, groups) for counted in (positives, negatives))
    if not sensitivity or not specificity:
        return None
    return (
        Estimate(share_right(positives)(sample), sensitivity),
        Estimate(share_right(negatives)(sample), specificity),
    )


def _rest(share: Estimate) -> Estimate:
    """1 - share."""
    return Estimate(1 - share.value, Interval(low=1 - share.interval.high, high=1 - share.interval.low))


def area_under_roc(sample: Sample) -> float:
    """The area under the ROC curve, ties counted as half."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(sample.positives, sample.probabilities)) if sample.has_both_classes else np.nan


def area_interval(sample: Sample, groups: np.ndarray) -> Interval | None:
    """See `auc_interval`."""
    return auc_interval(sample.positives, sample.probabilities, groups)


def average_precision(sample: Sample) -> float:
    """The mean of the precision at each positive film's probability: the area under the precision–recall curve."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(sample.positives, sample.probabilities)) if sample.has_both_classes else np.nan


def precision_interval(sample: Sample, groups: np.ndarray) -> Interval | None:
    """See `average_precision_interval`."""
    return average_precision_interval(sample.positives, sample.probabilities, groups)


def brier(sample: Sample) -> float:
    """The mean squared error of the probability."""
    return float(np.mean((sample.probabilities - sample.positives) ** 2))


def brier_interval(sample: Sample, groups: np.ndarray) -> Interval | None:
    """Wilson's with the effective number of patients: the score is a mean of numbers between 0 and 1."""
    sums, sizes = cluster((sample.probabilities - sample.positives) ** 2, groups)
    count, mean = len(sizes), float(sums.sum() / sizes.sum())
    if count < 2:
        return None
    variance = float(np.sum((sums - mean * sizes) ** 2)) * count / (count - 1) / float(sizes.sum()) ** 2
    return effective_interval(mean, variance, effective_patients(groups), weight=RANK_WEIGHT)


def log_loss(sample: Sample) -> float:
    """The mean cross-entropy, in nats."""
    return float(_losses(sample).mean())


def log_loss_interval(sample: Sample, groups: np.ndarray) -> Interval | None:
    """See `loss_interval`."""
    return loss_interval(_losses(sample), groups)


def _losses(sample: Sample) -> np.ndarray:
    """The cross-entropy of each film, in nats, limited where a probability is 0 or 1: (N,) float64."""
    right = np.where(sample.positives, sample.probabilities, 1 - sample.probabilities)
    return np.asarray(-np.log(np.clip(right, np.finfo(np.float64).eps, 1)))
