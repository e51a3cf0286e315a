"""What a file of lower precision costs and saves."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

_TIMED = 15  # films, one at a time


@dataclass(frozen=True)
class Cost:
    """What a file of lower precision costs and saves, compared with the run's own `model.tflite`."""

    mean_probability_difference: float  # from Keras
    changed_answers: int  # films whose predicted class changes at the run's threshold
    positive_films: int
    roc_auc: float | None  # of the file; None if all films are of one class
    keras_roc_auc: float | None
    roc_auc_loss: float  # that of Keras minus that of the file, negative if the file is better; 0 if undefined
    float32_bytes: int  # of the run's model.tflite
    milliseconds: dict[int, dict[str, float]]  # by threads: median per film, of the "file" and in "float32"


def roc_auc(positives: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Compute the ROC AUC of (N,) probabilities; None if all of the (N,) `positives` are the same."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positives, probabilities)) if len(np.unique(positives)) == 2 else None


def time_in_turn(
    one: Callable[[np.ndarray], object], other: Callable[[np.ndarray], object], films: np.ndarray
) -> tuple[float, float]:
    """Time two readers in turn, so that a busy machine is fair to both; give the median milliseconds per film.

    Args:
        one: see `Format.open`.
        other: see `Format.open`.
        films: (N, S, S, 3) uint8.
    """
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(1 + _TIMED):
        film = films[number % len(films)][None]
        for times, read in zip(taken, (one, other), strict=True):
            started = time.perf_counter()
            read(film)
            times.append(1000 * (time.perf_counter() - started))
    first, second = (median(times[1:]) for times in taken)  # the first film allocates memory
    return first, second
