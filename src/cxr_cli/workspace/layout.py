"""Where everything is in the workspace, and the error if it is missing."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cxr_cli.bundled import files
from cxr_cli.errors import NoRunError, UsageError, WorkspaceError
from cxr_cli.nearest import did_you_mean, no_folder
from cxr_cli.workspace.folders import (
    BUNDLED,
    ENVIRONMENT_VARIABLE,
    AuditFolder,
    ComparisonFolder,
    DatasetFolder,
    EvaluationFolder,
    GalleryFolder,
    ReportFolder,
    RunFolder,
    SegmentationFolder,
)
from cxr_cli.workspace.locks import lock
from cxr_cli.workspace.reading import files_in_each, is_there
from cxr_cli.workspace.staging import listed, remove_left_overs

PREPARE_COMMAND = "cxr prepare --metadata dataset/metadata.csv"
TRAIN_COMMAND = "cxr train --arch mobilenetv2 --class-weight"
_OR_DEMO = "or try everything on rendered films first: cxr demo"
_OTHER_NAME = "Wait for it to finish, or choose another name: --name NAME"


@dataclass(frozen=True)
class CrossvalFolder:
    """A cross-validation: a recipe trained and tested in folds."""

    root: Path

    def fold(self, number: int, repeat: int = 1) -> "Workspace":
        """The workspace of one fold, which shares the films of the dataset; both numbers count from 1."""
        return Workspace(self.root / f"{self.fold_prefix(repeat)}{number}")

    def fold_prefix(self, repeat: int) -> str:
        """How the names of the folders of a repeat's folds begin."""
        return "fold-" if repeat == 1 else f"fold-{repeat}."

    @property
    def predictions(self) -> Path:
        """One row per film and repeat, each predicted by a model that saw no film of its group."""
        return self.root / "predictions.csv"

    @property
    def roc_picture(self) -> Path:
        """A chart of the folds' ROC curves and their mean."""
        return self.root / "roc_curves.png"

    @property
    def page(self) -> Path:
        """The report, to read in a browser."""
        return self.root / "crossval.html"

    @property
    def record(self) -> Path:
        """Written last: all folds are complete."""
        return self.root / "crossval.json"


@dataclass(frozen=True)
class Workspace:
    """The folder that the commands share."""

    root: Path

    @classmethod
    def find(cls, option: Path | None = None) -> "Workspace":
        """The workspace that `option` names, else $CXR_WORKSPACE, else ./workspace. It need not exist yet.

        Raises:
            UsageError: it is a file.
        """
        place = cls(option or Path(os.environ.get(ENVIRONMENT_VARIABLE) or "workspace"))
        if place.root.is_file():
            raise UsageError(
                f"Expected a folder for the workspace. Received: {no_folder(place.root)}.",
                hint="Name a folder, which need not exist yet: --workspace DIR",
            )
        return place

    @property
    def class_indices(self) -> Path:
        """The classes of the prepared dataset."""
        return self.root / "class_indices.json"

    @property
    def dataset(self) -> DatasetFolder:
        """Where `prepare` writes."""
        return DatasetFolder(self.root / "dataset")

    @property
    def pseudonym_key(self) -> Path:
        """The secret that patients' pseudonyms are made with; no run and no export holds it."""
        return self.root / "pseudonym.key"

    @property
    def audit(self) -> AuditFolder:
        """Where the audit of the dataset goes."""
        return AuditFolder(self.root / "audit")

    def model_audit(self, run: str) -> AuditFolder:
        """Where the audit of the model of `run` goes."""
        return AuditFolder(self.audit.root / run)

    @property
    def models(self) -> Path:
        """The folder of the runs."""
        return self.root / "models"

    @property
    def phantoms(self) -> Path:
        """Where the demo renders its films."""
        return self.root / "phantoms"

    @property
    def heatmaps(self) -> Path:
        """Where heat maps go by default."""
        return self.root / "heatmaps"

    def gallery(self, run: str, method: str, films: str) -> GalleryFolder:
        """Where the heat maps of many films go by default; `films` says which films."""
        return GalleryFolder(self.heatmaps / f"{run}-{method}-{films}")

    @property
    def cache(self) -> Path:
        """Arrays that training computes only once; may be deleted when nothing is being trained."""
        return self.root / "cache"

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.root / "checkpoints"

    def checkpoint(self, run: str) -> Path:
        """The checkpoint of a run that is being trained; removed when the run is complete."""
        return self.checkpoints / f"{run}.npz"

    @property
    def reading(self) -> Path:
        """What a cluster has read of a dataset that is being made; removed when the dataset is complete."""
        return self.root / "reading"

    def segmentations(self, method: str) -> SegmentationFolder:
        """Where the lung masks of `method` go."""
        return SegmentationFolder(self.root / "segmentations" / method)

    def prepared(self) -> DatasetFolder:
        """Find the prepared dataset.

        Raises:
            WorkspaceError: nothing was prepared here.
        """
        if not is_there(self.dataset.record):
            received = f"no {self.dataset.record.name} there" if self.root.is_dir() else no_folder(self.root)
            raise WorkspaceError(
                f"Expected a prepared dataset in {self.dataset.root}. Received: {received}.",
                hint=f"Prepare one: {PREPARE_COMMAND}; {_OR_DEMO}",
            )
        return self.dataset

    def new_run(self, name: str) -> RunFolder:
        """The folder of the run called `name`, which need not exist.

        Raises:
            UsageError: `name` can't be the name of a folder.
        """
        if not can_name_folder(name):
            raise UsageError(
                f"Expected a run's name of letters, digits, '.', '_', '+' and '-'. Received: {name!r}.",
                hint="For example: --name mobilenetv2-seed1",
            )
        return RunFolder(self.models / name)

    def lock_run(self, name: str) -> AbstractContextManager[None]:
        """Hold the run called `name` for one writer. Other runs can be trained and tested meanwhile.

        Raises:
            WorkspaceError: another command is writing it.
        """
        return self.lock_result(self.new_run(name).root, hint=_OTHER_NAME)

    def lock_crossval(self, name: str) -> AbstractContextManager[None]:
        """Hold the cross-validation called `name` for one writer.

        Raises:
            WorkspaceError: another command is writing it.
        """
        return self.lock_result(self.crossval(name).root, hint=_OTHER_NAME)

    def lock_dataset(self) -> AbstractContextManager[None]:
        """Hold the dataset for one writer, without readers.

        Raises:
            WorkspaceError: another command is writing or reading it.
        """
        return self.lock_result(self.dataset.root)

    @contextmanager
    def reading_dataset(self) -> Iterator[None]:
        """Hold the dataset, so that it stays as it is; others may read it too.

        Raises:
            WorkspaceError: another command is writing it.
        """
        if not self.root.is_dir():  # nothing to read, and nothing to make for it
            yield
            return
        remove_left_overs(self.root)
        with lock(self.root, name=self.dataset.root.name, shared=True):
            yield

    @contextmanager
    def lock_result(self, folder: Path, *, hint: str = "") -> Iterator[None]:
        """Hold a folder of results for one writer. Its earlier files may be read meanwhile: it is replaced at once.

        Args:
            folder: what a command is going to write, in the workspace. A folder elsewhere isn't held.
            hint: see `lock`.

        Raises:
            WorkspaceError: another command is writing it.
        """
        remove_left_overs(self.root)
        if not folder.absolute().is_relative_to(self.root.absolute()):
            yield
            return
        with lock(folder.parent, name=folder.name, hint=hint):
            yield

    def runs(self) -> list[RunFolder]:
        """List the complete runs in the order in which they were trained; those with a damaged record come first.

        What is done to a run later, such as choosing another operating point, leaves its place as it is.
        """
        from cxr_cli.workspace.records import created

        return sorted(self._complete_runs(), key=lambda run: (created(run.record), run.name))

    def run(self, name: str | None = None) -> RunFolder:
        """Find the run called `name`, or the one that was trained last; without any, the model in the package.

        The name `bundled` is that of the model in the package, whatever runs there are.

        Raises:
            NoRunError: there is no such run.
        """
        if name == BUNDLED:
            return bundled_run()
        if name is None and has_bundled_run() and not self._complete_runs():
            return bundled_run()
        return self.own_run(name)

    def own_run(self, name: str | None = None) -> RunFolder:
        """Find the run called `name`, or the one that was trained last, for what the model in the package can't do.

        Raises:
            NoRunError: there is no such run.
        """
        if name == BUNDLED and not is_there(RunFolder(self.models / name).record):
            raise NoRunError(
                f"Expected a trained run in {self.models}. Received: the bundled model, which is in the package.",
                hint="It predicts films, draws heat maps and can be tested: cxr evaluate bundled",
            )
        if name is None and (runs := self.runs()):
            return runs[-1]
        if name in {run.name for run in self.lung_runs()}:
            raise NoRunError(
                f"Expected the name of a run that predicts classes. Received: {name}, which finds lungs.",
                hint=f"Find lungs with it: cxr segment film.png --run {name}",
            )
        folders = {run.name: run for run in self._complete_runs()}
        # Among the names that are there, because no file system looks for just any name.
        if name and name not in folders and f"{name}.npz" in listed(self.checkpoints):
            raise NoRunError(
                f"Expected the name of a trained run in {self.models}. Received: {name}, which is unfinished.",
                hint=f"Resume it: cxr train --resume {name}",
            )
        if not folders:
            received = "an empty folder" if self.models.is_dir() else "no such folder"
            raise NoRunError(
                f"Expected a trained run in {self.models}. Received: {received}.",
                hint=f"Train one: {TRAIN_COMMAND}; {_OR_DEMO}",
            )
        if name not in folders:
            raise NoRunError(
                f"Expected the name of a trained run in {self.models}. Received: {name!r}.",
                hint=_runs_hint(name, sorted(folders)),
            )
        return folders[name]

    def lung_runs(self) -> list[RunFolder]:
        """List the complete runs that find lungs, by name. No other command takes them for a run that predicts."""
        return [RunFolder(path.parent) for path in files_in_each(self.models, "lungs.json")]

    def lung_run(self, name: str) -> RunFolder:
        """Find the run called `name` that finds lungs.

        Raises:
            NoRunError: there is no such run.
        """
        folders = {run.name: run for run in self.lung_runs()}
        if name not in folders:
            raise NoRunError(
                f"Expected the name of a run that finds lungs, in {self.models}. Received: {name!r}.",
                hint=_runs_hint(name, sorted(folders)) or "Train one: cxr train --arch lung-unet --masks DIR",
            )
        return folders[name]

    def _complete_runs(self) -> list[RunFolder]:
        return [RunFolder(path.parent) for path in files_in_each(self.models, "run.json")]

    def evaluations(self, run: str) -> Path:
        """The folder of all evaluations of `run`."""
        return self.root / "evaluations" / run

    def evaluation(self, run: str, dataset: str) -> EvaluationFolder:
        """Where the evaluation of `run` on `dataset` (a part, or the name of another set) goes."""
        return EvaluationFolder(self.evaluations(run) / dataset)

    def crossval(self, name: str) -> CrossvalFolder:
        """The folder of the cross-validation called `name`, which need not exist.

        Raises:
            UsageError: `name` can't be the name of a folder.
        """
        return CrossvalFolder(self.root / "crossval" / self.new_run(name).name)

    def report(self, run: str) -> ReportFolder:
        """Where the report on `run` goes."""
        return ReportFolder(self.root / "reports" / run)

    @property
    def comparison(self) -> ComparisonFolder:
        """Where the comparison of the runs goes."""
        return ComparisonFolder(self.root / "comparison")


def _runs_hint(name: str | None, runs: Sequence[str]) -> str:
    """Which run was probably meant, and which there are; empty where there is none."""
    listed = f"Trained runs: {', '.join(runs)}" if runs else ""
    return " ".join(filter(None, [did_you_mean(name or "", runs), listed]))


def can_name_folder(name: str) -> bool:
    """Whether a run or an evaluation can have this name, which is that of its folder on every system."""
    return bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", name))


def has_bundled_run() -> bool:
    """Whether this installation has the model that ships with the package."""
    return RunFolder(files.MODEL).record.is_file()


def bundled_run() -> RunFolder:
    """The model that ships with the package.

    Raises:
        NoRunError: this installation lacks it.
    """
    if not has_bundled_run():
        raise NoRunError(
            f"Expected the bundled model in {files.MODEL}. Received: no {RunFolder(files.MODEL).record.name} there.",
            hint=f"Install cxr again, or train a run: {TRAIN_COMMAND}",
        )
    return RunFolder(files.MODEL)
