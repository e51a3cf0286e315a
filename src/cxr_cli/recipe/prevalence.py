"""A run's probabilities where another share of the films is positive than among its validation films."""

import math

import msgspec

from cxr_cli.errors import UsageError, WorkspaceError
from cxr_cli.recipe.record import RunRecord


def check_prevalence(prevalence: float | None) -> None:
    """Refuse what is no prevalence.

    Raises:
        UsageError: `prevalence` is given, and not between 0 and 1.
    """
    if prevalence is not None and not 0 < prevalence < 1:
        raise UsageError(
            f"Expected a prevalence between 0 and 1. Received: {prevalence}.", hint="For example: --prevalence 0.1"
        )


def why_no_shift(run: RunRecord) -> str:
    """Why a run's probabilities can't be shifted to another prevalence, in a sentence; empty where they can."""
    if run.calibration and run.calibration.prevalence:
        return ""
    how = "calibrated by an earlier version, with a temperature alone" if run.calibration else "not calibrated"
    return f"The run's probabilities are {how}: they hold for no known share of {run.classes.positive} films."


def shifted_to(run: RunRecord, prevalence: float) -> RunRecord:
    """The record of a run whose probabilities hold where `prevalence` of the films is positive.

    Saerens, Latinne & Decaestecker 2002 (Neural Computation 14:21), for two classes: the logit moves by the difference
    of the prevalences' logits. The threshold moves with it, so that no film changes its class. This holds if the films
    of each class are like those of the validation films, and there are only more or fewer of them.

    Args:
        run: its record as it is in the workspace.
        prevalence: in (0, 1).

    Raises:
        UsageError: `prevalence` is not between 0 and 1.
        WorkspaceError: the run's probabilities don't hold for any prevalence.
    """
    check_prevalence(prevalence)
    calibration = run.calibration
    if not calibration or not calibration.prevalence:
        raise WorkspaceError(
            f"Expected probabilities that can be shifted to another prevalence. {why_no_shift(run)}",
            hint="Calibrate the run again: cxr calibrate RUN",
        )
    shift = _logit(prevalence) - _logit(calibration.prevalence)
    threshold = run.threshold
    if 0 < threshold < 1:
        threshold = 1 / (1 + math.exp(-_logit(threshold) - shift))
    moved = msgspec.structs.replace(calibration, intercept=calibration.intercept + shift)
    return msgspec.structs.replace(run, calibration=moved, threshold=threshold)


def shift_in_words(run: RunRecord, prevalence: float) -> str:
    """What was shifted, in a sentence."""
    assert run.calibration is not None
    assert run.calibration.prevalence is not None
    return (
        f"Probabilities and operating point are shifted from a prevalence of {run.calibration.prevalence:.3g}, the "
        f"share of {run.classes.positive} among the validation films, to {prevalence:.3g}. No film's class changes."
    )


def _logit(share: float) -> float:
    return math.log(share) - math.log1p(-share)
