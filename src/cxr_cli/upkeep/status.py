"""Whether an installation and a workspace are whole, and what to do next. Loads no TensorFlow, and changes nothing."""

import os
import platform
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from cxr_cli.auditing.model_record import ModelAuditRecord
from cxr_cli.auditing.record import AuditRecord
from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import CxrError, WorkspaceError
from cxr_cli.evaluation.crossval.record import CrossvalRecord
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.explanation.record import GradesRecord
from cxr_cli.extras import EXTRA_OF, EXTRAS, missing_modules, version_of
from cxr_cli.lungs.record import SegmentationRecord
from cxr_cli.recipe.lung_record import LungRunRecord
from cxr_cli.recipe.record import RunRecord
from cxr_cli.upkeep.run_list import ListedRun, list_runs, size_of
from cxr_cli.workspace.digests import check_digest
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import PREPARE_COMMAND, TRAIN_COMMAND, Workspace, bundled_run, has_bundled_run
from cxr_cli.workspace.locks import who_uses
from cxr_cli.workspace.reading import is_there
from cxr_cli.workspace.records import Record, read_record
from cxr_cli.workspace.swap import STAGE_PREFIX

_PACKAGES = (
    "tensorflow",
    "keras",
    "ai-edge-litert",
    "numpy",
    "scikit-learn",
    "scikit-fuzzy",
    "xgboost",
    "pillow",
    "pydicom",
)
# The records of a workspace, each written last: kind -> (records, what a person calls its result).
_RECORDS: dict[str, tuple[type[Record], str]] = {
    "audit/audit.json": (AuditRecord, "audit"),
    "audit/*/audit.json": (ModelAuditRecord, "audit of a model"),
    "evaluations/*/*/report.json": (EvaluationRecord, "evaluation"),
    "crossval/*/crossval.json": (CrossvalRecord, "cross-validation"),
    "heatmaps/*/grades.json": (GradesRecord, "gallery of heat maps"),
    "segmentations/*/segmentations.json": (SegmentationRecord, "folder of lung masks"),
}


@dataclass(frozen=True)
class Extra:
    """An extra of the package."""

    name: str
    purpose: str
    missing: list[str]  # its modules that are not installed


@dataclass(frozen=True)
class Fault:
    """Something that is damaged."""

    path: Path
    problem: str
    hint: str  # what to do about it


@dataclass(frozen=True, kw_only=True)
class Status:
    """An installation and a workspace."""

    versions: dict[str, str | None]  # of cxr, Python, the bundled model and packages; None where one is missing
    system: str
    extras: list[Extra]
    weights_folder: Path  # where Keras keeps ImageNet weights
    weights: dict[str, int]  # file -> bytes
    workspace: Path
    workspace_bytes: int
    free_bytes: int  # on its disk
    dataset_films: int | None  # None without a prepared dataset that can be read
    dataset_prepared: str  # when, in UTC as ISO 8601; empty without one
    runs: list[str]  # complete ones
    results: dict[str, int]  # what else there is: kind -> how many
    checked_files: int  # whose sha256 is that of the run's record
    faults: list[Fault]
    unfinished: list[str]  # training runs that can be resumed
    in_use: dict[str, str]  # what other commands write at this moment -> who does
    left_overs: list[Path]  # of commands that were killed, or still write; the next command removes the former
    next: str  # the command to run next

    @property
    def is_whole(self) -> bool:
        """Whether nothing is damaged."""
        return not self.faults


def find_status(workspace: Workspace) -> Status:
    """Look at the installation and the workspace, and check every record and the sha256 of every file of a run."""
    faults: list[Fault] = []
    dataset = _check_dataset(workspace, faults)
    runs = list_runs(workspace)
    checked = _check_runs(workspace, runs, faults)
    results = _check_results(workspace, faults)
    held = who_uses(workspace.root)
    return Status(
        versions=_versions(),
        system=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        extras=[Extra(name, purpose, _missing(name)) for name, purpose in EXTRAS.items()],
        weights_folder=_weights_folder(),
        weights={path.name: path.stat().st_size for path in sorted(_weights_folder().glob("*.h5"))},
        workspace=workspace.root.absolute(),
        workspace_bytes=size_of(workspace.root),
        free_bytes=shutil.disk_usage(_existing(workspace.root.absolute())).free,
        dataset_films=sum(sum(labels.values()) for labels in dataset.films.values()) if dataset else None,
        dataset_prepared=dataset.created if dataset else "",
        runs=[run.name for run in runs if run.is_complete],
        results=results,
        checked_files=checked,
        faults=faults,
        unfinished=[run.name for run in runs if run.unfinished_epoch is not None],
        in_use=held,
        left_overs=sorted(workspace.root.rglob(f"{STAGE_PREFIX}*")) if workspace.root.is_dir() else [],
        next=_next(workspace, dataset, runs, faults),
    )


def _versions() -> dict[str, str | None]:
    return {
        "cxr": version("cxr-cli"),
        "bundled model": bundled_run().version if has_bundled_run() else None,
        "Python": platform.python_version(),
        **{name: version_of(name) for name in _PACKAGES},
    }


def _missing(extra: str) -> list[str]:
    """The modules of an extra that are not installed."""
    return missing_modules(*(module for module, its in EXTRA_OF.items() if its == extra))


def _weights_folder() -> Path:
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"


def _existing(path: Path) -> Path:
    """The path, or the folder above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _check_dataset(workspace: Workspace, faults: list[Fault]) -> DatasetRecord | None:
    dataset = workspace.dataset
    if not is_there(dataset.record):
        return None
    try:
        made = read_record(dataset.record, DatasetRecord)
        lost = [film.path for film in read_manifest(dataset) if not (dataset.root / film.path).is_file()]
    except CxrError as problem:
        faults.append(Fault(dataset.root, problem.message, problem.hint))
        return None
    if lost:
        films, files = ("film", "file") if len(lost) == 1 else ("films", "files")
        sentence = (
            f"Expected {len(lost)} more {films} in {dataset.root}, for example {lost[0]}. Received: no such {files}."
        )
        faults.append(Fault(dataset.root, sentence, f"Make it again: {PREPARE_COMMAND}"))
    return made


def _check_runs(workspace: Workspace, runs: list[ListedRun], faults: list[Fault]) -> int:
    """Check the runs; gives the number of files that are as they were written."""
    checked = 0
    for run in runs:
        folder = RunFolder(workspace.models / run.name)
        remove = f"Put the file back from a copy, or remove the run: cxr runs rm {run.name}"
        if run.damaged:
            faults.append(Fault(folder.root, run.damaged, remove))
        if not run.is_complete:
            continue
        record: RunRecord | LungRunRecord = (
            read_record(folder.lung_record, LungRunRecord) if run.finds_lungs else read_record(folder.record, RunRecord)
        )
        for path in folder.read_files:
            if not path.exists():
                continue
            try:
                check_digest(path, record.sha256, hint=remove)
                checked += path.name in record.sha256
            except WorkspaceError as problem:
                faults.append(Fault(path, problem.message, problem.hint))
    return checked


def _check_results(workspace: Workspace, faults: list[Fault]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for pattern, (kind, name) in _RECORDS.items():
        for path in _visible(workspace.root, pattern):
            try:
                read_record(path, kind)
            except WorkspaceError as problem:
                faults.append(Fault(path, problem.message, problem.hint))
            else:
                counts[name] = counts.get(name, 0) + 1
    return counts


def _visible(root: Path, pattern: str) -> Iterator[Path]:
    for path in sorted(root.glob(pattern)):
        if not any(part.startswith(".") for part in path.relative_to(root).parts):
            yield path


def _next(workspace: Workspace, dataset: DatasetRecord | None, runs: list[ListedRun], faults: list[Fault]) -> str:
    """The command to run next."""
    if faults:
        command = re.search(r"cxr [a-z].*", faults[0].hint)
        return command[0] if command else "cxr status"
    if dataset is None:
        return f"{PREPARE_COMMAND}, or to try everything without data: cxr demo"
    if stopped := next((run.name for run in runs if run.unfinished_epoch is not None), ""):
        return f"cxr train --resume {stopped}"
    newest = next((run for run in reversed(runs) if run.is_default), None)
    if newest is None or newest.stale:
        return TRAIN_COMMAND
    if newest.test_auc is None:
        return f"cxr evaluate {newest.name}"
    if not is_there(workspace.audit.record):
        return "cxr audit"
    return (
        f"cxr predict FILM --model {newest.name}"
        if is_there(workspace.report(newest.name).page)
        else f"cxr report {newest.name}"
    )
