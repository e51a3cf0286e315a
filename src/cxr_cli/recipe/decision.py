"""How a run gets from P(positive) to a class: calibration and operating point, both fitted on validation films."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from cxr_cli.dataset.manifest import Film
from cxr_cli.metrics.calibration import fit_calibration
from cxr_cli.metrics.measure import measure
from cxr_cli.metrics.operating_points import check_patients, choose_threshold, parse_rule
from cxr_cli.recipe.predictions import read_validation
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record, write_record


def decide(positives: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, rule: str) -> dict[str, Any]:
    """The fields of a `RunRecord` that say how it decides, and how well on validation.

    Args:
        positives: (N,) bool, the truth of the validation films, of both classes.
        probabilities: (N,) float, P(positive) as the network, or its trees, give it.
        groups: (N,), the patient of each film.
        rule: as for `parse_rule`.

    Raises:
        CxrError: there are too few patients for the rule.
    """
    calibration = fit_calibration(positives, probabilities)
    calibrated = calibration.apply(probabilities)
    point = choose_threshold(positives, calibrated, parse_rule(rule), groups=groups)
    return {
        "calibration": calibration,
        "operating_point": point,
        "threshold": point.threshold,
        "validation": measure(positives, calibrated, threshold=point.threshold),
    }


def check_operating_point(films: Sequence[Film], positive: str, rule: str) -> None:
    """Make sure, before anything is trained, that the validation films suffice for a rule.

    Args:
        films: the validation films.
        positive: the positive class.
        rule: as for `parse_rule`.

    Raises:
        CxrError: there are too few patients for it.
    """
    positives = np.array([film.label == positive for film in films], dtype=bool)
    check_patients(parse_rule(rule), positives, np.array([film.group for film in films]))


def change_operating_point(workspace: Workspace, name: str | None, rule: str) -> tuple[RunFolder, RunRecord, RunRecord]:
    """Choose another operating point for a trained run, on its validation films, and keep it in the run.

    Args:
        workspace: where the run is.
        name: the run's. Defaults to the latest.
        rule: as for `parse_rule`.

    Returns:
        The run, its record as it was, and as it is now.

    Raises:
        UsageError: `rule` is not a rule.
        CxrError: there are too few patients for it.
        WorkspaceError: there is no run, or it has no predictions for its validation films.
    """
    parse_rule(rule)
    run = workspace.own_run(name)
    with workspace.lock_run(run.name):
        record = read_record(run.record, RunRecord)
        films = read_validation(run, record)
        positives = np.array([film.truth == record.classes.positive for film in films])
        probabilities = np.array([film.raw_probability for film in films])
        groups = np.array([film.group for film in films])
        changed = msgspec.structs.replace(record, **decide(positives, probabilities, groups, rule))
        write_record(run.record, changed)
    return run, record, changed
