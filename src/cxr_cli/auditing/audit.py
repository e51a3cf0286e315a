"""The audit of a prepared dataset, before anything is trained on it: leaks and shortcuts."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cxr_cli.auditing.checks import LEVELS, ShortcutChecks, check_shortcuts
from cxr_cli.auditing.files import FileProperties, read_properties
from cxr_cli.auditing.film_features import describe_films
from cxr_cli.auditing.findings import findings_of, verdict
from cxr_cli.auditing.leaks import find_faults
from cxr_cli.auditing.page import AuditMaterial, draw_films, write_audit_page
from cxr_cli.auditing.record import AuditRecord
from cxr_cli.dataset.duplicates import DuplicateRow, read_duplicates
from cxr_cli.dataset.manifest import Film, read_manifest
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.lungs.framing import Framing
from cxr_cli.progress import track
from cxr_cli.threads import importing, in_threads
from cxr_cli.workspace.folders import AuditFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record, stamp, write_record
from cxr_cli.workspace.staging import staged_folder

# Of the checks and the charts.
_LIBRARIES = ("sklearn.tree", "sklearn.metrics", "scipy.stats.contingency", "matplotlib.backends.backend_svg")


@dataclass(frozen=True)
class Audited:
    """An audit, and where it was written."""

    folder: AuditFolder
    record: AuditRecord


def audit(workspace: Workspace, *, seed: int = 0) -> Audited:
    """Audit the workspace's dataset and write the record and the page.

    Args:
        workspace: with a prepared dataset.
        seed: of folds and trees.

    Raises:
        WorkspaceError: nothing was prepared here, or it is damaged, or the audit can't be written.
        ImageError: a film of the dataset can't be read.
    """
    workspace.prepared()
    with workspace.reading_dataset(), workspace.lock_result(workspace.audit.root):
        return _audit(workspace, seed=seed)


def _audit(workspace: Workspace, *, seed: int) -> Audited:
    dataset = workspace.prepared()
    made, films = read_record(dataset.record, DatasetRecord), read_manifest(dataset)
    copies = read_duplicates(dataset)
    files = list(in_threads(lambda film: _properties(dataset.root, film, made), films))
    negative, positive = made.classes
    with importing(*_LIBRARIES):
        paths, groups = [dataset.root / film.path for film in films], [film.group for film in films]
        reading = describe_films(paths, groups, seed=seed)
        features = list(track(reading, "Reading films", total=len(films)))
    material = AuditMaterial(dataset.root, films, files, features, copies, made.classes, seed)
    with ThreadPoolExecutor(1) as beside:
        drawing = beside.submit(draw_films, material)
        checks = check_shortcuts(films, files, features, positive=positive, seed=seed)
        drawn = drawing.result()
    record = audit_record(made, films, copies, checks, positive=positive, negative=negative, seed=seed)
    with staged_folder(workspace.audit.root, keep=True) as stage:  # with the audits of models
        write_audit_page(AuditFolder(stage).page, record, material, checks, drawn)
        write_record(AuditFolder(stage).record, record)
    return Audited(folder=workspace.audit, record=record)


def audit_record(
    made: DatasetRecord,
    films: Sequence[Film],
    copies: Sequence[DuplicateRow],
    checks: ShortcutChecks,
    *,
    positive: str,
    negative: str,
    seed: int,
) -> AuditRecord:
    """The record of an audit."""
    findings = [*find_faults(made, films, copies), *findings_of(checks, positive=positive, negative=negative)]
    findings.sort(key=lambda finding: LEVELS.index(finding.level))
    return AuditRecord(
        schema_version=AuditRecord.VERSION,
        **stamp(),
        dataset_fingerprint=made.fingerprint,
        seed=seed,
        positive=positive,
        negative=negative,
        films={label: sum(film.label == label for film in films) for label in (negative, positive)},
        patients=len({film.group for film in films}),
        films_without_patient=made.films_without_patient,
        level=findings[0].level if findings else "ok",
        verdict=verdict(findings, checks.checks),
        alarms=sum(finding.level == "alarm" for finding in findings),
        warnings=sum(finding.level == "warning" for finding in findings),
        findings=findings,
        checks=checks.checks,
        notes=_notes(made, checks),
    )


def _properties(root: Path, film: Film, made: DatasetRecord) -> FileProperties:
    copy, original = root / film.path, Path(film.original)
    # A framed film was written by this program: only the original file shows where it came from.
    source = original if made.framing and original.is_file() else copy
    return read_properties(source)


def _notes(made: DatasetRecord, checks: ShortcutChecks) -> list[str]:
    notes = []
    blind = [check.name for check in checks.checks if check.auc is None]
    if blind:
        notes.append(
            f"{len(blind)} of {len(checks.checks)} checks could not be made, as all films are alike or too few "
            f"patients have a value: {', '.join(blind)}."
        )
    pairs = made.duplicates
    if pairs and pairs.exact + pairs.near:
        notes.append(
            f"Pairs of copies: {pairs.exact} exact, {pairs.near} near-duplicates; across parts: {pairs.other_part}, "
            f"across sources: {pairs.other_source}."
        )
    if made.framing:
        notes.append(_framing_note(made.framing))
    return notes


def _framing_note(framing: Framing) -> str:
    crop = "the border and the corners that were checked are those of the crops"
    return (
        f"These are {framing}: {crop if framing.kind == 'crop' else 'their outline may reveal more than the border'}."
    )
