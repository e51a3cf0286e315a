"""What a file of lower precision costs and saves."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

_TIMED = 15  # films, each alone


@dataclass(frozen=True)
class Cost:
    """What a file of lower precision costs and saves, beside the run's own `model.tflite`."""

    mean_probability_difference: float  # from Keras
    changed_answers: int  # films that get another one at the run's threshold
    positive_films: int
    roc_auc: float | None  # of the file; None where the films are of one class
    keras_roc_auc: float | None
    roc_auc_loss: float  # Keras's less the file's, negative where that is better; 0 where there is none
    float32_bytes: int  # of the run's model.tflite
    milliseconds: dict[int, dict[str, float]]  # by threads: a film's median, of the "file" and in "float32"


def roc_auc(positives: np.ndarray, probabilities: np.ndarray) -> float | None:
    """ROC AUC of (N,) probabilities; None where all of the (N,) `positives` are the same."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positives, probabilities)) if len(np.unique(positives)) == 2 else None


def time_in_turn(
    one: Callable[[np.ndarray], object], other: Callable[[np.ndarray], object], films: np.ndarray
) -> tuple[float, float]:
    """The median milliseconds of one film, for each of two readers, which take turns: a busy machine is fair to both.

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
    first, second = (median(times[1:]) for times in taken)  # at the first film memory is laid out
    return first, second
