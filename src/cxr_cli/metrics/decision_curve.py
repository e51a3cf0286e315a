"""Net benefit of acting on a model's prediction, against acting for everybody and for nobody: decision curves."""

from collections.abc import Sequence

import numpy as np

from cxr_cli.metrics.intervals import Estimate, Interval, proportion_interval, recovered_interval
from cxr_cli.metrics.sample import call_positive
from cxr_cli.workspace.records import RecordPart

THRESHOLDS = tuple(percent / 100 for percent in range(1, 100))


class DecisionPoint(RecordPart, frozen=True, kw_only=True):
    """The net benefit at one threshold, in true positives per film: nobody's is 0."""

    threshold: float  # probability at which one would act; its odds are what a false positive costs
    net_benefit: float  # of acting where the model's probability is at or above it
    interval: Interval | None  # 95%, over patients
    treat_all: float  # of acting for everybody


def decision_curve(
    positives: np.ndarray,
    probabilities: np.ndarray,
    groups: np.ndarray,
    *,
    prevalence: float | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
) -> list[DecisionPoint]:
    """Compute the net benefit at each threshold.

    Vickers & Elkin 2006 (Med Decis Making 26:565): true positives, less false positives times the odds of the
    threshold, per film. The interval comes from those of sensitivity, specificity and prevalence (MOVER).

    Args:
        positives: (N,) bool, the truth, of both classes.
        probabilities: (N,) float, calibrated P(positive); where a prevalence is stated, shifted to it.
        groups: (N,), the patient of each film.
        prevalence: in (0, 1), of the people that it is about. Defaults to the share of positive films.
        thresholds: in (0, 1). Defaults to 0.01 to 0.99.

    Returns:
        One point per threshold.
    """
    groups = np.asarray(groups)
    share, around = float(positives.mean()) if prevalence is None else prevalence, None
    if prevalence is None:
        around = proportion_interval(positives, groups)
    points = []
    for threshold in thresholds:
        called = call_positive(probabilities, threshold=threshold)
        rates = []
        for own in (positives, ~positives):
            interval = proportion_interval(called[own], groups[own])
            rates.append(Estimate(float(called[own].mean()), interval) if interval else None)
        sensitivity, false_rate = rates
        if sensitivity is None or false_rate is None:
            continue

        def benefit(true: float, false: float, ill: float, odds: float = threshold / (1 - threshold)) -> float:
            return true * ill - false * (1 - ill) * odds

        parts = [sensitivity, false_rate, Estimate(share, around or Interval(low=share, high=share))]
        points.append(
            DecisionPoint(
                threshold=threshold,
                net_benefit=benefit(sensitivity.value, false_rate.value, share),
                interval=recovered_interval(benefit, parts),
                treat_all=benefit(1.0, 1.0, share),
            )
        )
    return points
