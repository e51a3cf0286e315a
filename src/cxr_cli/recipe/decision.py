"""How a run comes from P(positive) to an answer: temperature and operating point, both fitted on validation films."""

import csv
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from cxr_cli.dataset.classes import read_classes
from cxr_cli.errors import WorkspaceError
from cxr_cli.metrics.calibration import apply_temperature, calibrate
from cxr_cli.metrics.measure import measure
from cxr_cli.metrics.operating_points import choose_threshold, parse_rule
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.files import write_table
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record, write_record

_COLUMNS = ["image", "group", "truth", "probability"]


def decide(positives: np.ndarray, probabilities: np.ndarray, rule: str) -> dict[str, Any]:
    """The fields of a `RunRecord` that say how it decides, and how well on validation.

    Args:
        positives: (N,) bool, the truth of the validation films, of both classes.
        probabilities: (N,) float, P(positive) as the network, or its trees, give it.
        rule: as for `parse_rule`.
    """
    calibration = calibrate(positives, probabilities)
    calibrated = apply_temperature(probabilities, calibration.temperature)
    point = choose_threshold(positives, calibrated, parse_rule(rule))
    return {
        "calibration": calibration,
        "operating_point": point,
        "threshold": point.threshold,
        "validation": measure(positives, calibrated, threshold=point.threshold),
    }


def write_validation(
    run: RunFolder, images: Sequence[str], groups: Sequence[str], labels: Sequence[str], probabilities: np.ndarray
) -> None:
    """Keep what `decide` was given, so that another operating point needs no training."""
    rows = zip(images, groups, labels, map(float, probabilities), strict=True)
    write_table(run.validation, _COLUMNS, (dict(zip(_COLUMNS, row, strict=True)) for row in rows))


def read_validation(run: RunFolder) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The truth (N,) bool, P(positive) (N,) float64 before any scaling, and the group (N,) of a run's validation films.

    Raises:
        WorkspaceError: the run has none, as it was trained by an earlier version; or they are damaged.
    """
    positive = read_classes(run.class_indices).positive
    try:
        with run.validation.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        return (
            np.array([row["truth"] == positive for row in rows]),
            np.array([float(row["probability"]) for row in rows]),
            np.array([row["group"] for row in rows]),
        )
    except (OSError, csv.Error, KeyError, ValueError) as error:
        raise WorkspaceError(
            f"Expected the validation films' answers in {run.validation}. Received: {error}.",
            hint=f"Make the run again: {RunRecord.MADE_BY}",
        ) from error


def change_operating_point(workspace: Workspace, name: str | None, rule: str) -> tuple[RunFolder, RunRecord]:
    """Choose another operating point for a trained run, on its validation films, and keep it in the run.

    Args:
        workspace: where the run is.
        name: the run's. Defaults to the latest.
        rule: as for `parse_rule`.

    Returns:
        The run, and its record as it is now.

    Raises:
        CxrError: `rule` is none.
        WorkspaceError: no run, or one without its validation films' answers.
    """
    parse_rule(rule)
    run = workspace.run(name)
    with workspace.lock_run(run.name):
        positives, probabilities, _ = read_validation(run)
        record = read_record(run.record, RunRecord)
        changed = msgspec.structs.replace(record, **decide(positives, probabilities, rule))
        write_record(run.record, changed)
    return run, changed
