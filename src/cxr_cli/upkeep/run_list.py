"""The runs of a workspace, each with what a person asks about it. No TensorFlow."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import WorkspaceError
from cxr_cli.evaluation.current import why_outdated
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.recipe.lung_record import LungRunRecord
from cxr_cli.recipe.record import RunRecord
from cxr_cli.training.checkpoints import unfinished, unfinished_names
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.reading import is_there
from cxr_cli.workspace.records import created, read_record
from cxr_cli.workspace.staging import listed


@dataclass(frozen=True, kw_only=True)
class ListedRun:
    """A run, as `cxr runs` lists it. What a damaged one doesn't tell is None or empty."""

    name: str
    arch: str = ""
    trained: str = ""  # when, in UTC as ISO 8601
    epochs: int | None = None
    films: dict[str, int] = field(default_factory=dict)  # that it was trained on, by part: train and val
    dataset_fingerprint: str = ""  # of the dataset that it was trained on
    stale: bool | None = None  # it was trained on another dataset than the prepared one; None where there is none
    finds_lungs: bool = False
    validation: float | None = None  # ROC AUC on the validation films; of a run that finds lungs, the mean Dice
    test_auc: float | None = None  # on the test films, where that test is current
    test_missing: str = ""  # why there is no `test_auc`
    bytes: int = 0  # of all files of the run
    is_default: bool = False  # commands use it where none is named
    unfinished_epoch: int | None = None  # training stopped after this epoch, and can be resumed
    damaged: str = ""  # what is wrong with its files

    @property
    def is_complete(self) -> bool:
        """Whether there is a trained model, and not only a checkpoint."""
        return bool(self.arch)


def list_runs(workspace: Workspace) -> list[ListedRun]:
    """List the runs of a workspace in the order in which they were trained, damaged and unfinished ones first."""
    dataset = _dataset(workspace)
    complete = workspace.runs()
    default = complete[-1].name if complete else ""
    names = {name for name in listed(workspace.models) if not name.startswith(".") and listed(workspace.models / name)}
    runs = [_listed(workspace, RunFolder(workspace.models / name), dataset, default) for name in sorted(names)]
    runs += [_unfinished(workspace, name) for name in unfinished_names(workspace) if name not in names]
    return sorted(runs, key=lambda run: (run.trained, run.name))


def size_of(path: Path) -> int:
    """The bytes of a file, or of all files in a folder; 0 where there is nothing."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file())


def _dataset(workspace: Workspace) -> DatasetRecord | None:
    try:
        return read_record(workspace.dataset.record, DatasetRecord) if is_there(workspace.dataset.record) else None
    except WorkspaceError:
        return None


def _listed(workspace: Workspace, run: RunFolder, dataset: DatasetRecord | None, default: str) -> ListedRun:
    checkpoint = unfinished(workspace, run.name)
    common: dict[str, Any] = {
        "name": run.name,
        "bytes": size_of(run.root),
        "is_default": run.name == default,
        "unfinished_epoch": checkpoint.epoch if checkpoint else None,
    }
    finds_lungs = not is_there(run.record) and is_there(run.lung_record)
    path = run.lung_record if finds_lungs else run.record
    if not is_there(path):
        return ListedRun(**common, damaged=f"{run.record.name} is missing")
    record: RunRecord | LungRunRecord
    try:
        record = read_record(path, LungRunRecord) if finds_lungs else read_record(path, RunRecord)
    except WorkspaceError as problem:
        return ListedRun(**common, trained=created(path), damaged=problem.message)
    missing = [name for name in record.sha256 if not is_there(run.root / name)]
    made: dict[str, Any] = {
        **common,
        "arch": record.arch,
        "trained": record.created,
        "epochs": record.epochs,
        "films": {part: sum(counts.values()) for part, counts in record.films.items() if part != "test"},
        "dataset_fingerprint": record.dataset_fingerprint,
        "stale": record.dataset_fingerprint != dataset.fingerprint if dataset else None,
        "finds_lungs": finds_lungs,
        "validation": record.validation.get("dice" if finds_lungs else "roc_auc"),
        "damaged": f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing" if missing else "",
    }
    if isinstance(record, RunRecord):
        made |= _test(workspace, run, record, dataset)
    return ListedRun(**made)


def _test(workspace: Workspace, run: RunFolder, record: RunRecord, dataset: DatasetRecord | None) -> dict[str, Any]:
    path = workspace.evaluation(run.name, "test").record
    if not is_there(path):
        return {"test_missing": "not tested"}
    try:
        evaluation = read_record(path, EvaluationRecord)
    except WorkspaceError as problem:
        return {"test_missing": problem.message}
    why = why_outdated(evaluation, record, dataset)
    return {"test_missing": why} if why else {"test_auc": evaluation.metrics["roc_auc"]}


def _unfinished(workspace: Workspace, name: str) -> ListedRun:
    checkpoint = unfinished(workspace, name)
    path = workspace.checkpoint(name)
    if checkpoint is None:
        return ListedRun(name=name, bytes=size_of(path), damaged=f"the checkpoint {path} can't be read")
    return ListedRun(
        name=name,
        trained=checkpoint.created,
        dataset_fingerprint=checkpoint.dataset_fingerprint,
        finds_lungs=bool(checkpoint.lung_history),
        bytes=size_of(path),
        unfinished_epoch=checkpoint.epoch,
    )
