"""Films with truth and prediction, as the formulas of metrics take them."""

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
    probabilities: np.ndarray  # float64, P(positive)
    called: np.ndarray  # bool, predicted positive

    @cached_property
    def cells(self) -> Confusion:
        """How many films there are by truth and predicted class."""
        return count_confusion(self.positives, self.called)

    @property
    def right(self) -> np.ndarray:
        """(N,) bool, called correctly."""
        return np.asarray(self.positives == self.called)

    @property
    def has_both_classes(self) -> bool:
        """Whether there are films of both classes."""
        return bool(self.positives.any() and not self.positives.all())


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


def count_patients(positives: np.ndarray, groups: np.ndarray) -> dict[str, int]:
    """Count the patients with a film of the classes that a metric needs; for both classes, the fewer.

    Args:
        positives: (N,) bool, the truth.
        groups: (N,), the patient of each film.
    """
    of_positives, of_negatives = (len(np.unique(groups[side])) for side in (positives, ~positives))
    return {"positives": of_positives, "negatives": of_negatives, "both": min(of_positives, of_negatives)}
