"""How different two sets of patients or films are in one respect: standardized differences."""

from collections.abc import Sequence

import numpy as np


def mean_difference(first: Sequence[float], second: Sequence[float]) -> float | None:
    """The difference of two means in standard deviations: Austin 2009 (doi 10.1002/sim.3697), formula 1.

    Returns:
        second - first, in the root of the mean of both variances. None with fewer than two values in either, or where
        neither varies.
    """
    if min(len(first), len(second)) < 2:
        return None
    spread = np.sqrt((np.var(first, ddof=1) + np.var(second, ddof=1)) / 2)
    return float((np.mean(second) - np.mean(first)) / spread) if spread else None


def share_difference(first: tuple[int, int], second: tuple[int, int]) -> float | None:
    """The difference of two shares in standard deviations: Austin 2009 (doi 10.1002/sim.3697), formula 2.

    Args:
        first: how many have it, and of how many.
        second: the same of the other set.

    Returns:
        second - first, in the root of the mean of both variances. None of an empty set, or where neither varies.
    """
    if not (first[1] and second[1]):
        return None
    one, other = first[0] / first[1], second[0] / second[1]
    spread = np.sqrt((one * (1 - one) + other * (1 - other)) / 2)
    return float((other - one) / spread) if spread else None
