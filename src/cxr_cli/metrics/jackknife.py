"""The variance of any figure over patients, by leaving some of them out in turn."""

from collections.abc import Callable

import numpy as np

_BLOCKS = 200  # maximum number of sets of patients that are left out in turn


def jackknife(figure: Callable[[np.ndarray], float], groups: np.ndarray) -> tuple[np.ndarray, float]:
    """Compute a figure without each patient, or each of 200 sets of patients (Efron & Stein 1981).

    Args:
        figure: of films, given as (N,) bool; NaN where it is not defined.
        groups: (N,), the patient of each film.

    Returns:
        The figures, (at most 200,), and the variance of the figure of all films; NaN where one is not defined.
    """
    _, members = np.unique(groups, return_inverse=True)
    blocks = members % _BLOCKS
    values = np.array([figure(blocks != block) for block in np.unique(blocks)])
    return values, float((len(values) - 1) / len(values) * np.sum((values - values.mean()) ** 2))
