"""How narrow the interval of the AUC is, and how many patients would make it narrower."""

import math

import numpy as np

from cxr_cli.metrics.intervals import effective_interval
from cxr_cli.metrics.ranking_intervals import RANK_WEIGHT, auc_interval, auc_variance, patients_of_smaller_class
from cxr_cli.metrics.sample import count_patients
from cxr_cli.workspace.records import RecordPart

GOAL = 0.05  # half the width of an interval that is worth reporting
FEWEST = 10  # patients of the smaller class: the variance over fewer says nothing about that over many


class SampleSize(RecordPart, frozen=True, kw_only=True):
    """How many patients of the smaller class there are, and how many a narrower interval of the AUC needs."""

    positive: bool  # the smaller class is the positive one
    patients: int  # with a film of that class
    half_width: float  # half the width of the AUC's interval
    goal: float  # the half width that is aimed at
    needed: int | None  # patients of that class for `goal`, about; None: as narrow already, or nothing to tell it from


def auc_sample_size(
    positives: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, *, goal: float = GOAL
) -> SampleSize | None:
    """How many patients an interval of the AUC of plus or minus `goal` needs.

    If the AUC, the films per patient and the ratio of the classes stay as they are. The variance falls with the number
    of patients, as in Hanley & McNeil 1982 (Radiology 143:29); here it is the measured one, not that of a distribution.

    Args:
        positives: (N,) bool, the truth.
        probabilities: (N,) float, P(positive).
        groups: (N,), the patient of each film.
        goal: half the width of the interval. Defaults to 0.05.

    Returns:
        None where the AUC has no interval. `needed` is None where the interval is as narrow already, and where the
        measured variance says too little: with fewer than ten patients of a class, or if it is 0.
    """
    if auc_interval(positives, probabilities, groups) is None:
        return None
    area, variance = auc_variance(positives, probabilities, groups)
    patients = patients_of_smaller_class(positives, groups)

    def half_width(times: float) -> float:
        """That with `times` as many patients of both classes."""
        around = effective_interval(area, variance / times, patients * times, weight=RANK_WEIGHT)
        return (around.high - around.low) / 2

    measured, counts = half_width(1.0), count_patients(positives, groups)
    needed = None
    if measured > goal and patients >= FEWEST and variance > 0:
        low, high = 1.0, 2.0
        while half_width(high) > goal:
            low, high = high, high * 2
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (middle, high) if half_width(middle) > goal else (low, middle)
        needed = math.ceil(high * counts["both"])
    return SampleSize(
        positive=counts["positives"] < counts["negatives"],
        patients=counts["both"],
        half_width=measured,
        goal=goal,
        needed=needed,
    )
