"""How well probabilities are calibrated on films of patients: figures, their intervals, and what is possible at best.

Which figures: Van Calster et al. 2019 (BMC Medicine 17:230), Austin & Steyerberg 2019 (Statistics in Medicine 38:4051).
"""

from dataclasses import dataclass

import numpy as np

from cxr_cli.metrics.calibration import BINS, logit, places_in_bins
from cxr_cli.metrics.intervals import Interval, degrees_of_freedom

SLOPE, IN_THE_LARGE = "calibration_slope", "in_the_large"  # of logistic regressions of the truth on the logit
GAPS = ("ece", "e50", "e90")  # above 0 even where calibration is perfect
_DRAWS = 400  # of films whose probabilities are perfect
_KNOTS = (0.1, 0.5, 0.9)  # of the films' logits: where Harrell puts three
_RIDGE = 1e-6  # keeps a fit finite where its columns separate the films
_AT_ONCE = 2_000_000  # values in memory at a time


@dataclass(frozen=True)
class CalibrationMeasured:
    """Figures of calibration; None where one is not defined."""

    values: dict[str, float | None]
    intervals: dict[str, Interval | None]


def calibration_figures(
    positives: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, *, weights: np.ndarray | None = None
) -> CalibrationMeasured:
    """Measure how well probabilities are calibrated.

    Args:
        positives: (N,) bool, the truth.
        probabilities: (N,) float, P(positive).
        groups: (N,), the patient of each film.
        weights: (N,) float, how much each film counts. Defaults to all the same.

    Returns:
        - log_loss, brier: the mean cross-entropy in nats, and the mean squared error.
        - calibration_slope: that of the truth's logistic regression on the logit of P. 1 is best; below it, P is too
          extreme.
        - in_the_large: the intercept of that regression with the slope 1. 0 is best; above it, P is too low.
        - e50, e90: the median and the 90th percentile of the distance between P and a smooth curve of the share of
          positives by P.
        - ece: as `expected_calibration_error`.

        Slope and in_the_large have an interval, from errors clustered by patient. Without films of both classes, both
        are None, as are e50 and e90; where a threshold separates the classes without a mistake, so is the slope.
    """
    weight = np.ones(len(positives)) if weights is None else weights
    values: dict[str, float | None] = dict.fromkeys((SLOPE, IN_THE_LARGE, "e50", "e90"))
    intervals: dict[str, Interval | None] = {}
    truth = positives.astype(np.float64)[None]
    if positives.any() and not positives.all():
        logits = logit(probabilities)
        ones = np.ones((len(logits), 1))
        fits = {IN_THE_LARGE: (ones, logits)}
        above, below = logits[positives], logits[~positives]
        if above.min() < below.max() and below.min() < above.max():
            fits[SLOPE] = (np.column_stack([ones, logits]), np.zeros(len(logits)))
        for name, (columns, offset) in fits.items():
            values[name], intervals[name] = _regress(columns, truth, weight, offset, groups)
        values |= {name: float(gap[0]) for name, gap in _curve_gaps(probabilities, truth, weight).items()}
    right = np.where(positives, probabilities, 1 - probabilities).clip(np.finfo(np.float64).eps)
    values["log_loss"] = float(np.average(-np.log(right), weights=weight))
    values["brier"] = float(np.average((1 - right) ** 2, weights=weight))
    values["ece"] = float(_bin_gap(probabilities, truth, weight)[0])
    return CalibrationMeasured(values, intervals)


def gaps_at_best(probabilities: np.ndarray, groups: np.ndarray, *, seed: int = 0) -> dict[str, float]:
    """What `GAPS` stay below in 95 of 100 sets of films like these, if the probabilities are perfect.

    The truth of the films is drawn from their probabilities, with one random number for each patient: films of one
    patient agree as far as their probabilities allow.

    Args:
        probabilities: (N,) float, P(positive).
        groups: (N,), the patient of each film.
        seed: of the drawing. Defaults to 0.
    """
    _, members = np.unique(groups, return_inverse=True)
    generator, weight = np.random.default_rng(seed), np.ones(len(members))
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in GAPS}
    at_once = max(1, min(_DRAWS, _AT_ONCE // len(members)))
    for start in range(0, _DRAWS, at_once):
        chance = generator.random((min(at_once, _DRAWS - start), int(members.max()) + 1))
        truth = (chance[:, members] < probabilities).astype(np.float64)
        for name, gaps in _curve_gaps(probabilities, truth, weight).items():
            drawn[name].append(gaps)
        drawn["ece"].append(_bin_gap(probabilities, truth, weight))
    return {name: float(np.quantile(np.concatenate(parts), 0.95)) for name, parts in drawn.items()}


def _bin_gap(probabilities: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(R,) the expected calibration error for each row of `truth`, (R, N)."""
    in_bin = np.eye(BINS)[places_in_bins(probabilities)]
    return np.asarray(np.abs(((probabilities - truth) * weights) @ in_bin).sum(axis=1) / weights.sum())


def _curve_gaps(probabilities: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """(R,) e50 and e90 for each row of `truth`, (R, N), of a logistic regression on restricted cubic splines."""
    from scipy.special import expit

    columns = _spline(logit(probabilities))
    apart = np.abs(expit(_fit(columns, truth, weights) @ columns.T) - probabilities)
    order = np.argsort(apart, axis=1)
    share = np.cumsum(weights[order], axis=1) / weights.sum()
    places = (np.argmax(share >= part - 1e-12, axis=1)[:, None] for part in (0.5, 0.9))
    sorted_gaps = np.take_along_axis(apart, order, axis=1)
    return {
        name: np.take_along_axis(sorted_gaps, place, axis=1)[:, 0]
        for name, place in zip(("e50", "e90"), places, strict=True)
    }


def _spline(logits: np.ndarray) -> np.ndarray:
    """(N, 3) a constant, the logit, and its restricted cubic spline (Harrell 2015); without the last for few values."""
    scaled = (logits - logits.mean()) / max(float(logits.std()), 1e-12)
    low, middle, high = np.quantile(scaled, _KNOTS)
    columns = [np.ones(len(scaled)), scaled]
    if low < middle < high:
        first, second, third = (np.clip(scaled - knot, 0, None) ** 3 for knot in (low, middle, high))
        bent = first - second * (high - low) / (high - middle) + third * (middle - low) / (high - middle)
        columns.append(bent / (high - low) ** 2)
    return np.stack(columns, axis=1)


def _regress(
    columns: np.ndarray, truth: np.ndarray, weights: np.ndarray, offset: np.ndarray, groups: np.ndarray
) -> tuple[float, Interval | None]:
    """The last coefficient of a logistic regression, and its t interval over patients; None for one patient.

    The error is the sandwich of Liang & Zeger 1986, with the correction for few clusters of statsmodels and Stata.
    """
    from scipy.special import expit
    from scipy.stats import t

    found = _fit(columns, truth, weights, offset)[0]
    fitted = expit(offset + columns @ found)
    _, members = np.unique(groups, return_inverse=True)
    count, size = int(members.max()) + 1, columns.shape[1]
    if count < 2:
        return float(found[-1]), None
    scores = np.zeros((count, size))
    np.add.at(scores, members, columns * (weights * (truth[0] - fitted))[:, None])
    bread = np.linalg.pinv((columns * (weights * fitted * (1 - fitted))[:, None]).T @ columns)
    squares = (scores @ bread[-1]) ** 2
    if squares.sum() <= 1e-24:
        return float(found[-1]), None
    few = count / (count - 1) * (len(columns) - 1) / max(len(columns) - size, 1)
    half = float(t.ppf(0.975, degrees_of_freedom(squares)) * np.sqrt(few * squares.sum()))
    return float(found[-1]), Interval(low=float(found[-1]) - half, high=float(found[-1]) + half)


def _fit(columns: np.ndarray, truth: np.ndarray, weights: np.ndarray, offset: np.ndarray | float = 0.0) -> np.ndarray:
    """(R, K) the coefficients of logistic regressions of each row of `truth`, (R, N), on `columns`, (N, K)."""
    from scipy.special import expit

    size = columns.shape[1]
    found = np.zeros((len(truth), size))
    products = (columns[:, :, None] * columns[:, None, :]).reshape(len(columns), -1)
    for _ in range(50):
        fitted = expit(offset + found @ columns.T)
        gradient = ((truth - fitted) * weights) @ columns - _RIDGE * found
        curvature = ((fitted * (1 - fitted) * weights) @ products).reshape(-1, size, size) + _RIDGE * np.eye(size)
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        step /= np.maximum(np.abs(step).max(axis=1, keepdims=True) / 2, 1)  # far steps overshoot
        found += step
        if np.abs(step).max() < 1e-8:
            break
    return found
