"""The rule that decides whether an evaluation is current."""

from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.recipe.record import RunRecord


def why_outdated(evaluation: EvaluationRecord, run: RunRecord, dataset: DatasetRecord | None) -> str:
    """Say why an evaluation is out of date, if it is.

    It is current if it was made with the run's weights, threshold and calibration as they are and, on a part of the
    prepared dataset, on all films that this part has now.

    Args:
        evaluation: of that run.
        run: its record as it is now.
        dataset: the prepared dataset as it is now; None where there is none, and for films from elsewhere.

    Returns:
        The reason, to follow "because"; empty where the evaluation is current.
    """
    scaling = (run.calibration.slope, run.calibration.intercept) if run.calibration else (None, None)
    if not _is_of_run(evaluation, run):
        return f"{evaluation.run} was trained again since"
    used = (evaluation.calibration.slope, evaluation.calibration.intercept)
    if (evaluation.threshold, used) != (run.threshold, scaling):
        return f"the operating point of {evaluation.run} was changed since"
    if evaluation.external is None:
        if not evaluation.calibration.calibrated_intervals:
            return "it was measured by an earlier version, without the figures of calibration"
        if dataset and evaluation.dataset_fingerprint != dataset.fingerprint:
            return "the dataset was prepared again since"
        if evaluation.seen and evaluation.seen.dropped and evaluation.seen.count:
            return f"it leaves out {evaluation.seen.count} films (--drop-seen)"
    return ""


def _is_of_run(evaluation: EvaluationRecord, run: RunRecord) -> bool:
    if run.weights_sha256 is None:  # a run of an early version, which is known by the time of its training
        return evaluation.run_created == run.created
    return evaluation.weights_sha256 == run.weights_sha256
