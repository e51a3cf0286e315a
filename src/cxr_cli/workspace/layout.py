"""Every path of the workspace, each written once."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from cxr_cli.errors import NoRunError, WorkspaceError

PARTS = ("train", "val", "test")
ENVIRONMENT_VARIABLE = "CXR_WORKSPACE"
_PREPARE_HINT = "Prepare one: cxr prepare --metadata dataset/metadata.csv"
_TRAIN_HINT = "Train one: cxr train --arch mobilenetv2 --class-weight"


@dataclass(frozen=True)
class DatasetFolder:
    """A prepared dataset, or the place where one is being made."""

    root: Path

    @property
    def manifest(self) -> Path:
        """One row a film."""
        return self.root / "manifest.csv"

    @property
    def excluded(self) -> Path:
        """One row a rejected row, with its reason."""
        return self.root / "excluded.csv"

    @property
    def segmentation(self) -> Path:
        """One row a film of a dataset of lungs: whether they were found."""
        return self.root / "segmentation.csv"

    @property
    def record(self) -> Path:
        """Written last: the dataset is whole."""
        return self.root / "dataset.json"

    @property
    def distribution_picture(self) -> Path:
        """Films of each class in each part."""
        return self.root / "overview" / "class_distribution.png"

    @property
    def samples_picture(self) -> Path:
        """A grid of films of each class."""
        return self.root / "overview" / "samples.png"

    @staticmethod
    def film(part: str, label: str, name: str) -> str:
        """A film's path from the dataset's folder, as the manifest has it."""
        return f"split/{part}/{label}/{name}"


@dataclass(frozen=True)
class RunFolder:
    """A trained run, or the place where one is being made."""

    root: Path

    @property
    def name(self) -> str:
        """The run's name."""
        return self.root.name

    @property
    def keras_model(self) -> Path:
        """The model as Keras reads it."""
        return self.root / "model.keras"

    @property
    def litert_model(self) -> Path:
        """The model that answers."""
        return self.root / "model.tflite"

    @property
    def booster(self) -> Path:
        """XGBoost's trees, of a run that has them."""
        return self.root / "xgboost.json"

    @property
    def exports(self) -> Path:
        """The model in other formats; a new training of the run takes them away."""
        return self.root / "export"

    @property
    def class_indices(self) -> Path:
        """The classes of this run."""
        return self.root / "class_indices.json"

    @property
    def history(self) -> Path:
        """One row an epoch."""
        return self.root / "history.csv"

    @property
    def curves_picture(self) -> Path:
        """The history, drawn."""
        return self.root / "curves.png"

    @property
    def record(self) -> Path:
        """Written last: the run is whole."""
        return self.root / "run.json"


@dataclass(frozen=True)
class EvaluationFolder:
    """What a run's answers on one part of a dataset are worth."""

    root: Path

    @property
    def predictions(self) -> Path:
        """One row a film."""
        return self.root / "predictions.csv"

    @property
    def confusion_picture(self) -> Path:
        """The confusion matrix, drawn."""
        return self.root / "confusion_matrix.png"

    @property
    def roc_picture(self) -> Path:
        """The ROC curve, drawn."""
        return self.root / "roc_curve.png"

    @property
    def record(self) -> Path:
        """Written last: the report is whole."""
        return self.root / "report.json"


@dataclass(frozen=True)
class ComparisonFolder:
    """Runs beside each other."""

    root: Path

    @property
    def csv(self) -> Path:
        """One row a run, full figures."""
        return self.root / "comparison.csv"

    @property
    def markdown(self) -> Path:
        """The table to read."""
        return self.root / "comparison.md"

    @property
    def picture(self) -> Path:
        """The table, drawn."""
        return self.root / "comparison.png"


@dataclass(frozen=True)
class SegmentationFolder:
    """The lungs of films; `name` is a film's file name, its suffix included."""

    root: Path

    def mask(self, name: str) -> Path:
        """A mask that passed every check, 0 and 255."""
        return self.root / "masks" / f"{name}.png"

    def doubtful(self, name: str) -> Path:
        """A mask that didn't: apart, so that nobody takes it for one."""
        return self.root / "doubtful" / f"{name}.png"

    def overlay(self, name: str) -> Path:
        """The mask on the film, for people."""
        return self.root / "overlays" / f"{name}.png"

    def clusters(self, name: str) -> Path:
        """The clusters' numbers, in colors."""
        return self.root / "clusters" / f"{name}.png"

    @property
    def table(self) -> Path:
        """One row a film."""
        return self.root / "segmentations.csv"

    @property
    def record(self) -> Path:
        """Written last: what the last command did here."""
        return self.root / "segmentations.json"


@dataclass(frozen=True)
class AnswersFolder:
    """The answers of a run for an archive."""

    root: Path

    @property
    def films(self) -> Path:
        """The archive's films, in order."""
        return self.root / "films.parquet"

    @property
    def plan(self) -> Path:
        """Written once the films are listed: whose answers they are, and how the films are cut into parts."""
        return self.root / "plan.json"

    @property
    def parts(self) -> Path:
        """Where the answers lie."""
        return self.root / "parts"

    def part(self, number: int) -> Path:
        """The answers for one partition, one row a film."""
        return self.parts / f"part-{number:06d}.parquet"

    @property
    def record(self) -> Path:
        """Written last: all films are answered."""
        return self.root / "answers.json"


@dataclass(frozen=True)
class Workspace:
    """The folder in which the steps meet."""

    root: Path

    @classmethod
    def find(cls, option: Path | None = None) -> "Workspace":
        """The workspace that `option` names, else $CXR_WORKSPACE, else ./workspace. It need not exist yet."""
        return cls(option or Path(os.environ.get(ENVIRONMENT_VARIABLE) or "workspace"))

    @property
    def class_indices(self) -> Path:
        """The classes of the prepared dataset."""
        return self.root / "class_indices.json"

    @property
    def dataset(self) -> DatasetFolder:
        """Where `prepare` writes."""
        return DatasetFolder(self.root / "dataset")

    @property
    def models(self) -> Path:
        """Where the runs lie."""
        return self.root / "models"

    @property
    def phantoms(self) -> Path:
        """Where the demo renders its films."""
        return self.root / "phantoms"

    @property
    def heatmaps(self) -> Path:
        """Where heat maps go that are given no other place."""
        return self.root / "heatmaps"

    @property
    def cache(self) -> Path:
        """Arrays that training computes once; may be deleted at any time between trainings."""
        return self.root / "cache"

    @property
    def reading(self) -> Path:
        """What a cluster has read of the films of a dataset that is being made; gone when it is whole."""
        return self.root / "reading"

    def segmentations(self, method: str) -> SegmentationFolder:
        """Where the lungs go that `method` found."""
        return SegmentationFolder(self.root / "segmentations" / method)

    def prepared(self) -> DatasetFolder:
        """The dataset, when it is whole.

        Raises:
            WorkspaceError: nothing was prepared here.
        """
        if not self.dataset.record.is_file():
            raise WorkspaceError(
                f"Expected a prepared dataset in {self.dataset.root}. Received: no {self.dataset.record.name} there.",
                hint=_PREPARE_HINT,
            )
        return self.dataset

    def new_run(self, name: str) -> RunFolder:
        """The place of the run called `name`, made or not.

        Raises:
            WorkspaceError: `name` is no name for a folder.
        """
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*", name):
            raise WorkspaceError(
                f"Expected a run's name of letters, digits, '.', '_', '+' and '-'. Received: {name!r}.",
                hint="For example: --name mobilenetv2-seed1",
            )
        return RunFolder(self.models / name)

    def runs(self) -> list[RunFolder]:
        """The whole runs, oldest first."""
        whole = [RunFolder(path.parent) for path in self.models.glob("[!.]*/run.json")]
        return sorted(whole, key=lambda run: (run.record.stat().st_mtime, run.name))

    def run(self, name: str | None = None) -> RunFolder:
        """The run called `name`, or the latest.

        Raises:
            NoRunError: there is none.
        """
        runs = self.runs()
        if not runs:
            found = "an empty folder" if self.models.is_dir() else "no such folder"
            raise NoRunError(f"Expected a trained run in {self.models}. Received: {found}.", hint=_TRAIN_HINT)
        if name is None:
            return runs[-1]
        for run in runs:
            if run.name == name:
                return run
        raise NoRunError(
            f"Expected the name of a trained run in {self.models}. Received: {name!r}.",
            hint="Trained runs: " + ", ".join(sorted(run.name for run in runs)),
        )

    def evaluation(self, run: str, dataset: str) -> EvaluationFolder:
        """Where the report of `run` on `dataset` (a part, or the name of another set) goes."""
        return EvaluationFolder(self.root / "evaluations" / run / dataset)

    @property
    def comparison(self) -> ComparisonFolder:
        """Where the comparison of the runs goes."""
        return ComparisonFolder(self.root / "comparison")
