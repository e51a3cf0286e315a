"""Everything that a workspace knows about a run, read once."""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from cxr_cli.auditing.audit import audit
from cxr_cli.auditing.model_audit import audit_model
from cxr_cli.auditing.model_record import ModelAuditRecord
from cxr_cli.auditing.record import AuditRecord
from cxr_cli.dataset.manifest import Film, read_manifest
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import CxrError, WorkspaceError
from cxr_cli.evaluation.crossval.record import CrossvalRecord
from cxr_cli.evaluation.current import why_outdated
from cxr_cli.evaluation.evaluate import current_test
from cxr_cli.evaluation.predicted import EvaluatedFilm, read_predictions
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.explanation.record import GradesRecord
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.progress import note
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.folders import DatasetFolder, EvaluationFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import Record, read_record

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class ReportMaterial:
    """What a report is made from."""

    predictor: Predictor
    run: RunRecord
    dataset: DatasetFolder
    made: DatasetRecord
    films: list[Film]
    test: EvaluationRecord
    test_folder: EvaluationFolder
    predictions: list[EvaluatedFilm]  # one for each test film
    external: list[EvaluationRecord]
    outdated: dict[str, str]  # other evaluations on films from elsewhere -> why they are left out
    crossvals: list[CrossvalRecord]  # of this dataset
    audit: AuditRecord
    model_audit: ModelAuditRecord | None  # None where the test films do not allow one
    grades: list[GradesRecord]  # of this run's heat maps


def gather(workspace: Workspace, run: str | None) -> ReportMaterial:
    """Read what the workspace knows about a run; it is tested first where its evaluation is missing or not current.

    Raises:
        WorkspaceError: there is no run or no dataset, their classes differ, or a file is damaged.
    """
    predictor = open_predictor(workspace.own_run(run))
    name, dataset = predictor.run.name, workspace.prepared()
    made = read_record(dataset.record, DatasetRecord)
    test = current_test(workspace, predictor)
    folder = workspace.evaluation(name, "test")
    predictions = read_predictions(folder, test)
    if test.films_without_patient is None:  # of a test from before this was recorded
        test = msgspec.structs.replace(test, films_without_patient=sum(not film.patient for film in predictions))
    others = _readable(folder.root.parent.glob("[!.]*/report.json"), EvaluationRecord)
    elsewhere = [evaluation for evaluation in others if evaluation.external]
    outdated = {evaluation.split: why_outdated(evaluation, predictor.record, None) for evaluation in elsewhere}
    crossvals = _readable(workspace.root.glob("crossval/[!.]*/crossval.json"), CrossvalRecord)
    galleries = _readable(workspace.heatmaps.glob("[!.]*/grades.json"), GradesRecord)
    since = predictor.record.created  # older heat maps are of an earlier training run of that name
    return ReportMaterial(
        predictor=predictor,
        run=predictor.record,
        dataset=dataset,
        made=made,
        films=read_manifest(dataset),
        test=test,
        test_folder=folder,
        predictions=predictions,
        external=[evaluation for evaluation in elsewhere if not outdated[evaluation.split]],
        outdated={split: reason for split, reason in outdated.items() if reason},
        crossvals=[record for record in crossvals if record.dataset_fingerprint == made.fingerprint],
        audit=_audit(workspace, made),
        model_audit=_model_audit(workspace, predictor, made),
        grades=[record for record in galleries if record.run == name and record.created >= since],
    )


def _readable(paths: Iterable[Path], kind: type[R]) -> list[R]:
    """The records in files, by name; one that is damaged or of an earlier version is left out, with a note."""
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
        record = read_record(workspace.audit.record, AuditRecord)
        if record.dataset_fingerprint == made.fingerprint:
            return record
    note("The dataset was not audited: auditing it first")
    return audit(workspace).record


def _model_audit(workspace: Workspace, predictor: Predictor, made: DatasetRecord) -> ModelAuditRecord | None:
    """The audit of the run as it is now, on the dataset as it is now."""
    run, name = predictor.record, predictor.run.name
    with contextlib.suppress(WorkspaceError):  # none was made, or by an earlier version
        record = read_record(workspace.model_audit(name).record, ModelAuditRecord)
        made_of = (record.run_created, record.weights_sha256, record.dataset_fingerprint)
        if made_of == (run.created, run.weights_sha256, made.fingerprint):
            return record
    note(f"The model {name} was not audited: auditing it first, which takes about ten seconds for 100 films")
    try:
        return audit_model(workspace, name).record
    except (KeyboardInterrupt, SystemExit):
        note(f"The audit of {name} was stopped, and nothing of it is kept. To run it alone: cxr audit {name}")
        raise
    except CxrError as problem:
        note(f"Left out of the report: the audit of the model. {problem.message}")
        return None
