"""The films that the charts of an evaluation show, and the words that all of these charts share."""

from dataclasses import dataclass

import numpy as np

from cxr_cli.metrics.intervals import Interval, proportion_interval
from cxr_cli.metrics.sample import call_positive


@dataclass(frozen=True, kw_only=True)
class ChartFilms:
    """Films whose truth and prediction are known; all arrays are (N,)."""

    positives: np.ndarray  # bool, the truth
    probabilities: np.ndarray  # float64, P(positive)
    groups: np.ndarray  # the patient of each film
    threshold: float  # of the operating point
    negative: str  # the other class
    positive: str
    counted: str  # "77 films of 60 patients"
    title: str  # above each chart
    # What the films of the negative and the positive class are, where they have other names than the run's classes.
    others: tuple[str, str] | None = None

    @property
    def truth(self) -> tuple[str, str]:
        """What the films are: of the negative class, and of the positive one."""
        return self.others or (self.negative, self.positive)

    @property
    def called(self) -> np.ndarray:
        """(N,) bool, predicted positive."""
        return call_positive(self.probabilities, threshold=self.threshold)

    def rate(self, side: np.ndarray) -> tuple[float, Interval | None]:
        """The share of the films of `side`, (N,) bool, that are called positive, and its interval over patients."""
        return float(self.called[side].mean()), proportion_interval(self.called[side], self.groups[side])


def with_interval(value: float, interval: Interval | None, digits: int = 2) -> str:
    """A figure with its interval, as charts have it: ``0.81 (0.71 to 0.89)``."""
    around = f" ({interval.low:.{digits}f} to {interval.high:.{digits}f})" if interval else ""
    return f"{value:.{digits}f}{around}"


def fitted_limits(values: np.ndarray) -> tuple[float, float]:
    """The part of [0, 1] that holds all values, with some room, and with an end of [0, 1] that is near."""
    low, high = float(values.min()), float(values.max())
    room = max(0.06 * (high - low), 0.01)
    low, high = low - room, high + room
    return (-0.02 if low < 0.12 else low), (1.02 if high > 0.88 else high)
