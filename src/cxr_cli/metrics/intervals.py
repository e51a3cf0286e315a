"""95% intervals that count patients, not films.

Films of one patient are similar: ten of them say hardly more than one. Throughout this module `groups` holds the
patient of each film (or its group of duplicates), and a group is drawn, or counted, as a whole.

Most figures here are shares, or means of numbers between 0 and 1. Their interval is Wilson's, with the number of
independent patients that would be equally informative. `benchmarks/simulate_intervals.py` shows how often the intervals
hold the true value.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from cxr_cli.workspace.records import RecordPart


class Interval(RecordPart, frozen=True, kw_only=True):
    """The 95% confidence interval of a figure."""

    low: float
    high: float


class Estimate(NamedTuple):
    """A figure with its interval."""

    value: float
    interval: Interval


NORMAL_95 = 1.959964  # 95% of a normal distribution lie within this many standard deviations
METHOD = (
    "95%, over patients: Wilson's interval with the effective number of patients for proportions, the AUC (variance "
    "by Obuchowski), the average precision and the Brier score; F1 from that of TP / (TP + FP + FN); MOVER from those "
    "of sensitivity, specificity and prevalence for balanced accuracy, likelihood ratios and MCC; for the log loss a t "
    "interval of its logarithm"
)


def cluster(values: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sum of `values`, (N,), and the number of films of each patient, both (patients,) float64."""
    _, members = np.unique(groups, return_inverse=True)
    return np.bincount(members, weights=values), np.bincount(members).astype(np.float64)


def effective_patients(groups: np.ndarray) -> float:
    """How many patients with one film each say as much as these, if all films of a patient were copies (Kish 1965).

    Args:
        groups: (N,), the patient of each film.

    Returns:
        The number of patients where all have equally many films, fewer where a few have most of the films.
    """
    _, sizes = np.unique(groups, return_counts=True)
    return float(sizes.sum() ** 2 / np.sum(sizes.astype(np.float64) ** 2))


def effective_interval(share: float, variance: float, patients: float, *, weight: float = 1.0) -> Interval:
    """Wilson's interval of a share, with the number of independent patients that would be equally informative.

    Where few patients are wrong, the variance that was measured says little. So it is averaged with the largest that a
    figure between 0 and 1 can have, share * (1 - share) / patients. The measured one counts as often as patients are
    wrong, the largest one `weight` times. So a share of 1, whose measured variance is 0, has the interval of as many
    patients who are all right, and one wrong pair of films does not make it much narrower.

    Args:
        share: in [0, 1], the figure.
        variance: of the figure, measured over patients.
        patients: their effective number, of the smaller class where both are needed.
        weight: of the largest variance. Defaults to 1.
    """
    spread = share * (1 - share)
    wrong = patients * min(share, 1 - share)
    measured = variance / spread if spread > 0 else 0.0
    number = (wrong + weight) / (wrong * measured + weight / patients)
    return wilson(share * number, number)


def wilson(successes: float, total: float) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927); neither number has to be whole.

    Raises:
        ValueError: `total` is not positive.
    """
    if total <= 0:
        raise ValueError(f"Expected a positive total. Received: {total}.")
    share = successes / total
    middle = (share + NORMAL_95**2 / (2 * total)) / (1 + NORMAL_95**2 / total)
    half = NORMAL_95 / (1 + NORMAL_95**2 / total) * np.sqrt(share * (1 - share) / total + NORMAL_95**2 / (4 * total**2))
    # The score interval of 0 starts at 0, and that of 1 ends at 1, except for rounding.
    return Interval(
        low=0.0 if share == 0 else float(max(middle - half, 0)),
        high=1.0 if share == 1 else float(min(middle + half, 1)),
    )


def proportion_interval(right: np.ndarray, groups: np.ndarray) -> Interval | None:
    """Wilson's interval of a share of films, with the effective number of patients; see `effective_interval`.

    The variance is that of Rao & Scott 1992 (Biometrics 48:577), and not below that of independent films.

    Args:
        right: (N,) bool, the films that are counted.
        groups: (N,), the patient of each film.

    Returns:
        None without films. With one film per patient, it is Wilson's own.
    """
    total = len(right)
    if not total:
        return None
    sums, sizes = cluster(right, groups)
    count, share = len(sizes), float(right.mean())
    independent = share * (1 - share) / total
    variance = independent
    if count > 1:
        apart = float(np.sum((sums - share * sizes) ** 2)) * count / (count - 1) / total**2
        variance = max(apart * (total - 1) / total, independent)
    return effective_interval(share, variance, effective_patients(groups))


def patient_interval(right: np.ndarray, groups: np.ndarray) -> tuple[float | None, Interval | None]:
    """A share in which each patient counts once, and Wilson's interval with the effective number of patients.

    Args:
        right: (N,) bool, the films that are counted.
        groups: (N,), the patient of each film.

    Returns:
        None and None without films. With one film per patient, the interval is Wilson's own.
    """
    if not len(right):
        return None, None
    sums, sizes = cluster(right, groups)
    shares = sums / sizes
    share, count = float(shares.mean()), len(sizes)
    # Patients with some films right and some wrong vary less than those with one film.
    variance = max(float(shares.var()) / count, share * (1 - share) / len(right))
    return share, effective_interval(share, variance, count)


def mean_interval(values: np.ndarray, groups: np.ndarray) -> Interval | None:
    """The t interval of the mean of any numbers, over patients.

    Args:
        values: (N,) float.
        groups: (N,), the patient of each film.

    Returns:
        None for fewer than two patients.
    """
    half = _half_width(values, groups)
    mean = float(np.mean(values)) if len(values) else 0.0
    return None if half is None else Interval(low=mean - half, high=mean + half)


def loss_interval(losses: np.ndarray, groups: np.ndarray) -> Interval | None:
    """The t interval of the mean's logarithm, of numbers above 0 without an upper limit, such as log losses.

    Args:
        losses: (N,) float.
        groups: (N,), the patient of each film.

    Returns:
        None for fewer than two patients, or where all losses are 0.
    """
    half, mean = _half_width(losses, groups), float(np.mean(losses))
    if half is None or mean <= 0:
        return None
    factor = float(np.exp(half / mean))
    return Interval(low=mean / factor, high=mean * factor)


def _half_width(values: np.ndarray, groups: np.ndarray) -> float | None:
    """The half width of the mean's t interval; None for fewer than two patients.

    The error is the jackknife's, a patient left out at a time (Efron & Stein 1981). A few patients with most of
    the films, or with large losses, leave few degrees of freedom.
    """
    from scipy.stats import t

    sums, sizes = cluster(values, groups)
    count = len(sizes)
    if count < 2:
        return None
    without = (sums.sum() - sums) / (sizes.sum() - sizes)
    squares = (without - without.mean()) ** 2
    total = float(squares.sum())
    if total <= 1e-24:
        return 0.0
    return float(t.ppf(0.975, degrees_of_freedom(squares)) * np.sqrt((count - 1) / count * total))


def degrees_of_freedom(squares: np.ndarray) -> float:
    """Those of an error's t quantile, from the patients' squared contributions to it, (patients,), which aren't all 0.

    Satterthwaite 1946: a few patients that contribute most leave few.
    """
    count = len(squares)
    varying = max(count * float(np.sum(squares**2)) / float(squares.sum()) ** 2 - 1, 1e-9)
    return min(count - 1.0, max(2 * count / varying, 2.0))


def gap_interval(
    first: float, around_first: Interval, second: float, around_second: Interval, *, correlation: float = 0.0
) -> Interval:
    """The interval of `first` - `second` from the intervals of both.

    Zou & Donner 2008 (MOVER); for Wilson's intervals it is Newcombe's method 10 of 1998. With a correlation, for two
    figures of the same films, it is Zou 2007 (Psychol Methods 12:399).

    Args:
        first: a figure.
        around_first: its interval.
        second: another one.
        around_second: its interval.
        correlation: of both, from -1 to 1. Defaults to 0, for independent sets of films.
    """

    def reach(one: float, other: float) -> float:
        return float(np.sqrt(max(one**2 - 2 * correlation * one * other + other**2, 0.0)))

    gap = first - second
    return Interval(
        low=gap - reach(first - around_first.low, around_second.high - second),
        high=gap + reach(around_first.high - first, second - around_second.low),
    )


def recovered_interval(formula: Callable[..., float], parts: Sequence[Estimate]) -> Interval:
    """The interval of what `formula` makes of independent figures, from theirs: MOVER, as in `gap_interval`.

    Each figure is moved to the ends of its interval in turn; how far the result moves is added up in squares. For sums
    and differences it is the method of Zou & Donner 2008.

    Args:
        formula: of the values of the parts, monotone in each.
        parts: the figures with their intervals.
    """
    values = [part.value for part in parts]
    value = formula(*values)
    down, up = 0.0, 0.0
    for place, part in enumerate(parts):
        moved = [
            formula(*values[:place], end, *values[place + 1 :]) - value
            for end in (part.interval.low, part.interval.high)
        ]
        down = float(np.hypot(down, min(0.0, *moved)))
        up = float(np.hypot(up, max(0.0, *moved)))
    return Interval(low=value - down, high=value + up)


def ratio_interval(first: Estimate, second: Estimate) -> Interval:
    """The interval of `first` / `second`, independent figures of at least 0: MOVER-R (Donner & Zou 2012, SMMR 21:347).

    Raises:
        ValueError: `second` is not above 0.
    """
    over, under = first.value, second.value
    if under <= 0:
        raise ValueError(f"Expected a figure above 0 to divide by. Received: {under}.")

    low, high = first.interval.low, first.interval.high
    most, least = second.interval.high, second.interval.low
    both, below, above = over * under, low * (2 * over - low), high * (2 * over - high)
    falling = np.sqrt(max(both**2 - below * most * (2 * under - most), 0.0))
    rising = np.sqrt(max(both**2 - above * least * (2 * under - least), 0.0))
    return Interval(
        low=float(below / (both + falling)) if over > 0 else 0.0,
        high=float((both + rising) / (least * (2 * under - least))),
    )


def predictive_values(sensitivity: float, specificity: float, *, prevalence: float) -> tuple[float, float]:
    """The positive and the negative predictive value where `prevalence` of people have the disease, by Bayes' rule.

    Raises:
        ValueError: `prevalence` is not between 0 and 1.
    """
    if not 0 < prevalence < 1:
        raise ValueError(f"Expected a prevalence between 0 and 1. Received: {prevalence}.")
    true_positive, false_positive = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    true_negative, false_negative = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    called_positive, called_negative = true_positive + false_positive, true_negative + false_negative
    return (
        true_positive / called_positive if called_positive else float("nan"),
        true_negative / called_negative if called_negative else float("nan"),
    )


def predictive_intervals(
    sensitivity: Estimate, specificity: Estimate, *, prevalence: float
) -> tuple[Interval, Interval]:
    """The intervals of `predictive_values`, from those of both; see `recovered_interval`.

    Where a predictive value is not defined, because no film is called that class, it is all of 0 to 1.
    """
    both = (sensitivity, specificity)
    positive, negative = (
        recovered_interval(
            lambda sensitivity, specificity, place=place: predictive_values(
                sensitivity, specificity, prevalence=prevalence
            )[place],
            both,
        )
        for place in (0, 1)
    )
    return _within(positive), _within(negative)


def _within(interval: Interval) -> Interval:
    low, high = interval.low, interval.high
    return Interval(low=0.0 if np.isnan(low) else max(low, 0.0), high=1.0 if np.isnan(high) else min(high, 1.0))
