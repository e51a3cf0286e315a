"""Everything that a workspace knows of a run, read once."""

import contextlib
import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cxr_cli.auditing.audit import audit
from cxr_cli.auditing.record import AuditRecord
from cxr_cli.dataset.manifest import Film, read_manifest
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import WorkspaceError
from cxr_cli.evaluation.crossval.record import CrossvalRecord
from cxr_cli.evaluation.evaluate import report_on_test
from cxr_cli.evaluation.record import ReportRecord
from cxr_cli.explanation.record import GradesRecord
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.progress import note
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.folders import DatasetFolder, EvaluationFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import Record, read_record

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Material:
    """What a report is made from."""

    predictor: Predictor
    run: RunRecord
    dataset: DatasetFolder
    made: DatasetRecord
    films: list[Film]
    test: ReportRecord
    test_folder: EvaluationFolder
    answers: list[dict[str, str]]  # a row a test film
    external: list[ReportRecord]
    crossvals: list[CrossvalRecord]  # of this dataset
    audit: AuditRecord
    grades: list[GradesRecord]  # of this run's heat maps


def gather(workspace: Workspace, run: str | None) -> Material:
    """Read what the workspace knows of a run; a missing test is made first.

    Raises:
        WorkspaceError: no run, or no dataset, or one of other classes; or a file is damaged.
    """
    predictor = open_predictor(workspace.run(run))
    name, dataset = predictor.run.name, workspace.prepared()
    made = read_record(dataset.record, DatasetRecord)
    test = report_on_test(workspace, predictor)
    folder = workspace.evaluation(name, "test")
    with folder.predictions.open(encoding="utf-8", newline="") as stream:
        answers = list(csv.DictReader(stream))
    others = _readable(folder.root.parent.glob("[!.]*/report.json"), ReportRecord)
    crossvals = _readable(workspace.root.glob("crossval/[!.]*/crossval.json"), CrossvalRecord)
    galleries = _readable(workspace.heatmaps.glob("[!.]*/grades.json"), GradesRecord)
    since = predictor.record.created  # what is older is of an earlier run of that name
    return Material(
        predictor=predictor,
        run=predictor.record,
        dataset=dataset,
        made=made,
        films=read_manifest(dataset),
        test=test,
        test_folder=folder,
        answers=answers,
        external=[report for report in others if report.external and report.created >= since],
        crossvals=[record for record in crossvals if record.dataset_fingerprint == made.fingerprint],
        audit=_audit(workspace, made),
        grades=[record for record in galleries if record.run == name and record.created >= since],
    )


def _readable(paths: Iterable[Path], kind: type[R]) -> list[R]:
    """The records in files, by name; one that is damaged, or of an earlier version, is told of and left out."""
    records = []
    for path in sorted(paths):
        try:
            records.append(read_record(path, kind))
        except WorkspaceError as problem:
            note(f"Left out of the report: {problem.message}")
    return records


def _audit(workspace: Workspace, made: DatasetRecord) -> AuditRecord:
    """The audit of the dataset as it is now."""
    with contextlib.suppress(WorkspaceError):  # none was made, or by an earlier version
        found = read_record(workspace.audit.record, AuditRecord)
        if found.dataset_fingerprint == made.fingerprint:
            return found
    note("The dataset was not audited: auditing it first")
    return audit(workspace).record
