"""Calibration: whether probabilities agree with frequencies, and temperature scaling, which improves them."""

from dataclasses import dataclass

import numpy as np

from cxr_cli.metrics.intervals import Interval, wilson
from cxr_cli.metrics.table import METRICS
from cxr_cli.workspace.records import RecordPart

SCORES = ("log_loss", "brier", "ece")  # how well probabilities are calibrated, each best at 0


class Calibration(RecordPart, frozen=True, kw_only=True):
    """Temperature scaling, fitted on the validation films, and its effect on them."""

    temperature: float  # P(positive) = sigmoid(logit / temperature)
    before: dict[str, float]  # log_loss, brier, ece
    after: dict[str, float]

    def __post_init__(self) -> None:
        """Make sure that logits can be divided by the temperature."""
        if not self.temperature > 0:
            raise ValueError(f"a temperature of {self.temperature}")


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
    interval: Interval  # of the share: Wilson's, with one patient per film


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Scale P(positive), (N,) float, to sigmoid(logit(P) / temperature), (N,) float64."""
    return np.asarray(1 / (1 + np.exp(-_logit(probabilities) / temperature)))


def fit_temperature(positives: np.ndarray, probabilities: np.ndarray) -> float:
    """The temperature with the lowest cross-entropy on validation films: Guo et al. 2017 (arXiv 1706.04599).

    Platt's targets (1999), a little away from 0 and 1, keep the temperature above 0 where a classifier makes no mistake
    on a small set.

    Args:
        positives: (N,) bool, with films of both classes.
        probabilities: (N,) float, P(positive) as the network gives it.

    Returns:
        Between 0.05 and 20; above 1 where the network is overconfident.
    """
    from scipy.optimize import minimize_scalar

    logits, count = _logit(probabilities), int(positives.sum())
    targets = np.where(positives, (count + 1) / (count + 2), 1 / (len(positives) - count + 2))

    def cross_entropy(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(np.mean(np.logaddexp(0, scaled) - targets * scaled))

    best = minimize_scalar(cross_entropy, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return float(np.exp(best.x))


def fit_calibration(positives: np.ndarray, probabilities: np.ndarray) -> Calibration:
    """Fit a temperature on validation films and measure its effect on them; see `fit_temperature`."""
    temperature = fit_temperature(positives, probabilities)
    after = apply_temperature(probabilities, temperature)
    return Calibration(
        temperature=temperature,
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


def calibration_titles() -> dict[str, str]:
    """The names of the figures of `measure_calibration`, as rows of a table have them."""
    return {
        "brier": METRICS["brier"].label,
        "ece": "Calibration error",  # short for the expected calibration error
        "log_loss": METRICS["log_loss"].label,
    }


def reliability(positives: np.ndarray, probabilities: np.ndarray) -> list[Bin]:
    """The films by probability, in tenths; empty bins are left out."""
    places = np.clip((probabilities * BINS).astype(int), 0, BINS - 1)
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
                interval=wilson(positive, films),
            )
        )
    return bins


def expected_calibration_error(positives: np.ndarray, probabilities: np.ndarray) -> float:
    """The gap between probability and share of positives, averaged over the films in the ten bins of `reliability`.

    For P(positive), as in Naeini et al. 2015. With few films it is above 0 even for a perfectly calibrated classifier.
    """
    bins = reliability(positives, probabilities)
    return sum(one.films * abs(one.mean_probability - one.positive_share) for one in bins) / len(positives)


def _logit(probabilities: np.ndarray) -> np.ndarray:
    clipped = np.clip(np.asarray(probabilities, np.float64), _LEAST, 1 - _LEAST)
    return np.asarray(np.log(clipped / (1 - clipped)))
