"""Calibration: whether probabilities agree with frequencies, and Platt scaling, which improves them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cxr_cli.metrics.intervals import Interval, proportion_interval
from cxr_cli.metrics.table import METRICS
from cxr_cli.workspace.records import RecordPart

# How well probabilities are calibrated: the figures by name, with their titles and what is best.
CALIBRATION_FIGURES = {
    "log_loss": (METRICS["log_loss"].label, "0"),
    "brier": (METRICS["brier"].label, "0"),
    "ece": ("Calibration error", "0"),  # short for the expected calibration error
    "calibration_slope": ("Calibration slope", "1"),
    "in_the_large": ("Calibration-in-the-large", "0"),
    "e50": ("E50", "0"),
    "e90": ("E90", "0"),
}
SLOPES = (0.05, 20.0)  # above 0, so that the order of films stays
AT_BOUND = (
    "The slope is the smallest allowed: among the validation films, a higher output does not go with more positives. "
    "A negative slope would reverse the order of the films."
)


class Calibration(RecordPart, frozen=True, kw_only=True):
    """Platt scaling of P(positive), fitted on the validation films, and its effect on them."""

    slope: float  # P(positive) = sigmoid(slope * logit + intercept)
    intercept: float
    # Of positives among the films that both were fitted on. None for the one temperature that runs from before had: it
    # does not make the mean of P(positive) equal to any share.
    prevalence: float | None = None
    before: dict[str, float]  # log_loss, brier, ece
    after: dict[str, float]

    def __post_init__(self) -> None:
        """Make sure that the scaling keeps the order of films."""
        if not (0 < self.slope < np.inf and np.isfinite(self.intercept)):
            raise ValueError(f"a slope of {self.slope} and an intercept of {self.intercept}")
        if self.prevalence is not None and not 0 < self.prevalence < 1:
            raise ValueError(f"a prevalence of {self.prevalence}")

    @property
    def at_bound(self) -> bool:
        """Whether the slope is the smallest allowed: the order of the validation films is no better than chance."""
        return self.slope <= SLOPES[0] * (1 + 1e-6)

    def formula(self, positive: str) -> str:
        """How P of the class `positive` is computed, in one line."""
        sign = "-" if self.intercept < 0 else "+"
        return f"P({positive}) = sigmoid({self.slope:.3f} × logit {sign} {abs(self.intercept):.3f})"

    def apply(self, probabilities: np.ndarray) -> np.ndarray:
        """Scale P(positive), (N,) float, to (N,) float64; the order stays."""
        return sigmoid(self.slope * logit(probabilities) + self.intercept)


def slope_of_temperature(fields: dict[str, Any]) -> dict[str, Any]:
    """Read `temperature` of an earlier version, by which the logit was divided, as slope and intercept.

    Args:
        fields: of a record, as they were decoded; what is no number is left for the record's own checks.
    """
    if "temperature" not in fields:
        return fields
    changed = dict(fields)
    temperature = changed.pop("temperature")
    if isinstance(temperature, int | float) and temperature:
        return changed | {"slope": 1 / temperature, "intercept": 0.0}
    return changed | {"slope": temperature, "intercept": None if temperature is None else 0.0}


BINS = 10
_LEAST = 1e-7  # the distance of a probability from 0 and 1 that keeps its logit finite


@dataclass(frozen=True)
class Bin:
    """The films with a probability in one tenth of [0, 1]."""

    low: float
    high: float
    films: int
    mean_probability: float
    positive_share: float
    interval: Interval | None  # of the share, over patients; None for one patient


def fit_scaling(positives: np.ndarray, probabilities: np.ndarray) -> tuple[float, float]:
    """The slope and the intercept with the lowest cross-entropy on validation films: Platt 1999.

    The intercept undoes what class weights, or a balanced head start, do to the mean of P(positive); a temperature
    (Guo et al. 2017, arXiv 1706.04599) can't. Platt's targets, a little away from 0 and 1, keep the slope finite
    where a classifier makes no mistake on a small set.

    Args:
        positives: (N,) bool, with films of both classes.
        probabilities: (N,) float, P(positive) as the network gives it.

    Returns:
        The slope, within `SLOPES` and below 1 where the network is overconfident; and the intercept.
    """
    from scipy.optimize import minimize

    logits, count = logit(probabilities), int(positives.sum())
    targets = np.where(positives, (count + 1) / (count + 2), 1 / (len(positives) - count + 2))
    middle = logits.mean()

    # Around the mean logit, where slope and intercept hardly depend on each other.
    def cross_entropy(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        scaled = parameters[0] * (logits - middle) + parameters[1]
        apart = sigmoid(scaled) - targets
        gradient = np.array([np.mean(apart * (logits - middle)), np.mean(apart)])
        return float(np.mean(np.logaddexp(0, scaled) - targets * scaled)), gradient

    start = np.array([1.0, float(logit(np.array(targets.mean())))])
    best = minimize(
        cross_entropy,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[SLOPES, (None, None)],
        options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 1000},
    )
    slope, at_middle = (float(value) for value in best.x)
    return slope, at_middle - slope * float(middle)


def fit_calibration(positives: np.ndarray, probabilities: np.ndarray) -> Calibration:
    """Fit slope and intercept on validation films and measure their effect on them; see `fit_scaling`.

    Args:
        positives: (N,) bool, with films of both classes.
        probabilities: (N,) float, P(positive) as the network gives it.
    """
    slope, intercept = fit_scaling(positives, probabilities)
    after = sigmoid(slope * logit(probabilities) + intercept)
    return Calibration(
        slope=slope,
        intercept=intercept,
        prevalence=float(np.mean(positives)),
        before=measure_calibration(positives, probabilities),
        after=measure_calibration(positives, after),
    )


def measure_calibration(positives: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Cross-entropy in nats (log_loss), mean squared error (brier) and expected calibration error (ece)."""
    from sklearn.metrics import log_loss

    exact = probabilities.astype(np.float64)
    return {
        "log_loss": float(log_loss(positives, exact, labels=[False, True])),
        "brier": float(np.mean((exact - positives) ** 2)),
        "ece": expected_calibration_error(positives, exact),
    }


def log_loss_of_share(share: float) -> float:
    """The log loss, in nats, of giving every film the share of positives, in (0, 1), as its probability."""
    return float(-share * np.log(share) - (1 - share) * np.log1p(-share))


def reliability(positives: np.ndarray, probabilities: np.ndarray, groups: np.ndarray) -> list[Bin]:
    """The films by probability, in tenths; empty bins are left out.

    Args:
        positives: (N,) bool, the truth.
        probabilities: (N,) float, P(positive).
        groups: (N,), the patient of each film.
    """
    places = places_in_bins(probabilities)
    bins = []
    for place in np.unique(places):
        there = places == place
        films, positive = int(there.sum()), int(positives[there].sum())
        bins.append(
            Bin(
                low=place / BINS,
                high=(place + 1) / BINS,
                films=films,
                mean_probability=float(probabilities[there].mean()),
                positive_share=positive / films,
                interval=proportion_interval(positives[there], groups[there]),
            )
        )
    return bins


def expected_calibration_error(positives: np.ndarray, probabilities: np.ndarray) -> float:
    """The gap between probability and share of positives, averaged over the films in the ten bins of `reliability`.

    For P(positive), as in Naeini et al. 2015. With few films it is above 0 even for a perfectly calibrated classifier.
    """
    gaps = np.bincount(places_in_bins(probabilities), weights=probabilities - positives, minlength=BINS)
    return float(np.abs(gaps).sum() / len(positives))


def logit(probabilities: np.ndarray) -> np.ndarray:
    """log(P / (1 - P)), float64; of 0 and 1, that of numbers close to them."""
    clipped = np.clip(np.asarray(probabilities, np.float64), _LEAST, 1 - _LEAST)
    return np.asarray(np.log(clipped / (1 - clipped)))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-logit)), float64."""
    return np.asarray(np.exp(-np.logaddexp(0, -logits)))


def places_in_bins(probabilities: np.ndarray) -> np.ndarray:
    """(N,) int, the tenth of [0, 1] of each probability, from 0."""
    return np.asarray(np.clip((probabilities * BINS).astype(int), 0, BINS - 1))
