"""Films with truth and prediction, as the formulas of metrics take them: counted plainly, or under many weightings."""

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Confusion:
    """How many films there are by truth and predicted class."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int


CONFUSION = tuple(cell.name for cell in fields(Confusion))


@dataclass(frozen=True)
class Sample:
    """Films whose truth and prediction are known; all arrays are (N,)."""

    positives: np.ndarray  # bool, the truth
    probabilities: np.ndarray  # float, P(positive)
    called: np.ndarray  # bool, predicted positive
    groups: np.ndarray | None = None  # the patient of each film; only intervals need it

    def patients(self, films: np.ndarray | None = None) -> int:
        """The number of patients, of all films or of those where `films`, (N,) bool, is true."""
        assert self.groups is not None
        return len(np.unique(self.groups if films is None else self.groups[films]))

    def patients_of_smaller_class(self) -> int:
        """The number of patients with a positive film, or with a negative one, whichever is smaller."""
        return min(self.patients(self.positives), self.patients(~self.positives))


@dataclass(frozen=True)
class Weighted:
    """A sample under R weightings of its films: all ones, or how often each film is drawn in a bootstrap replicate."""

    sample: Sample
    weights: np.ndarray  # (R, N) float64

    @cached_property
    def _cells(self) -> np.ndarray:
        truth, called = self.sample.positives, self.sample.called
        cells = np.stack([truth & called, ~truth & called, truth & ~called, ~truth & ~called], axis=1)
        return np.asarray((self.weights @ cells).T)

    @property
    def true_positive(self) -> np.ndarray:
        """(R,) the weight of positive films that are called positive."""
        return np.asarray(self._cells[0])

    @property
    def false_positive(self) -> np.ndarray:
        """(R,) the weight of negative films that are called positive."""
        return np.asarray(self._cells[1])

    @property
    def false_negative(self) -> np.ndarray:
        """(R,) the weight of positive films that are called negative."""
        return np.asarray(self._cells[2])

    @property
    def true_negative(self) -> np.ndarray:
        """(R,) the weight of negative films that are called negative."""
        return np.asarray(self._cells[3])

    @cached_property
    def _losses(self) -> np.ndarray:
        truth, probabilities = self.sample.positives, self.sample.probabilities
        right = np.clip(np.where(truth, probabilities, 1 - probabilities), np.finfo(np.float64).eps, 1)
        losses = np.stack([-np.log(right), (probabilities - truth) ** 2], axis=1)
        return np.asarray((self.weights @ losses).T / self.weights.sum(axis=1))

    @property
    def cross_entropy(self) -> np.ndarray:
        """(R,) the mean of -log(the truth's probability), in nats."""
        return np.asarray(self._losses[0])

    @property
    def squared_error(self) -> np.ndarray:
        """(R,) the mean squared error of the probability."""
        return np.asarray(self._losses[1])


def call_positive(probabilities: np.ndarray, *, threshold: float | np.ndarray) -> np.ndarray:
    """(N,) P(positive) -> (N,) bool, positive where it is at or above `threshold`, one for all or (N,)."""
    # In float32, a threshold between two probabilities can be rounded to one of them.
    return np.asarray(np.asarray(probabilities, dtype=np.float64) >= threshold)


def count_confusion(positives: np.ndarray, called_positive: np.ndarray) -> Confusion:
    """Count films by truth and predicted class; both (N,) bool."""
    return Confusion(
        true_positive=int(np.sum(positives & called_positive)),
        false_positive=int(np.sum(~positives & called_positive)),
        false_negative=int(np.sum(positives & ~called_positive)),
        true_negative=int(np.sum(~positives & ~called_positive)),
    )
