"""How well a run's probabilities are calibrated: before and after, and at another prevalence."""

from collections.abc import Mapping

import numpy as np

from cxr_cli.evaluation.predicted import PredictedFilms
from cxr_cli.evaluation.record import CalibrationAtPrevalence, CalibrationFigures
from cxr_cli.metrics.calibration_figures import CalibrationMeasured, calibration_figures, gaps_at_best
from cxr_cli.metrics.intervals import Interval
from cxr_cli.metrics.measure import measure_intervals
from cxr_cli.progress import note
from cxr_cli.recipe.prevalence import shifted_to, why_no_shift
from cxr_cli.recipe.record import RunRecord

_IN_TABLE = ("log_loss", "brier")  # rows of `METRICS`, which has their intervals


def measure_probabilities(
    run: RunRecord,
    predicted: PredictedFilms,
    intervals: Mapping[str, Interval | None],
    *,
    prevalence: float | None,
) -> CalibrationFigures:
    """Measure the calibration of a run's probabilities.

    Args:
        run: its record.
        predicted: its predictions.
        intervals: of the metrics of the calibrated probabilities.
        prevalence: in (0, 1), to shift the probabilities to as well. None for none.
    """
    positives, groups, calibration = predicted.positives, predicted.groups, run.calibration
    after = before = calibration_figures(positives, predicted.probabilities, groups)
    around = around_raw = intervals
    if calibration:
        before = calibration_figures(positives, predicted.raw, groups)
        around_raw = measure_intervals(positives, predicted.raw, groups, threshold=run.threshold)
    return CalibrationFigures(
        slope=calibration.slope if calibration else None,
        intercept=calibration.intercept if calibration else None,
        raw=before.values,
        calibrated=after.values,
        raw_intervals=_with_losses(before, around_raw),
        calibrated_intervals=_with_losses(after, around),
        at_best=gaps_at_best(predicted.probabilities, groups),
        at_prevalence=_at_prevalence(run, predicted, prevalence) if prevalence else None,
    )


def _with_losses(measured: CalibrationMeasured, intervals: Mapping[str, Interval | None]) -> dict[str, Interval | None]:
    return {name: intervals[name] for name in _IN_TABLE} | measured.intervals


def _at_prevalence(run: RunRecord, predicted: PredictedFilms, prevalence: float) -> CalibrationAtPrevalence | None:
    positives = predicted.positives
    if positives.all() or not positives.any():
        return None
    if reason := why_no_shift(run):
        note(f"{reason} Only the predictive values are given at that prevalence. Calibrate it again: cxr calibrate")
        return None
    shifted, share = shifted_to(run, prevalence).calibrated(predicted.raw), float(positives.mean())
    # As if films of either class had been left out at random until that share of them is positive.
    weights = np.where(positives, prevalence / share, (1 - prevalence) / (1 - share))
    measured = calibration_figures(positives, shifted, predicted.groups, weights=weights)
    return CalibrationAtPrevalence(prevalence=prevalence, figures=measured.values, intervals=measured.intervals)
