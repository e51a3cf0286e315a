"""The folders of the workspace, and every file in them, each path written once."""

from dataclasses import dataclass
from pathlib import Path

PARTS = ("train", "val", "test")


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
    def duplicates(self) -> Path:
        """One row a pair of films that show the same."""
        return self.root / "duplicates.csv"

    @property
    def small(self) -> Path:
        """A small picture of each film, in the manifest's order: (N, 96, 96) uint8; copies are known by it."""
        return self.root / "small.npy"

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
    def validation(self) -> Path:
        """One row a validation film, with P(positive) as the network gives it."""
        return self.root / "validation.csv"

    @property
    def seen(self) -> Path:
        """One row a film that it was trained or validated on."""
        return self.root / "seen.csv"

    @property
    def curves_picture(self) -> Path:
        """The history, drawn."""
        return self.root / "curves.png"

    @property
    def model_card(self) -> Path:
        """What the run is and isn't for; written with its report."""
        return self.root / "MODEL_CARD.md"

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
        """The ROC curve, drawn; of films of both classes."""
        return self.root / "roc_curve.png"

    @property
    def reliability_picture(self) -> Path:
        """How often an answer of some probability is right, drawn; of films of both classes."""
        return self.root / "reliability.png"

    @property
    def record(self) -> Path:
        """Written last: the report is whole."""
        return self.root / "report.json"


@dataclass(frozen=True)
class AuditFolder:
    """What is known of a dataset's shortcuts and leaks."""

    root: Path

    @property
    def page(self) -> Path:
        """To read in a browser, and to print."""
        return self.root / "audit.html"

    @property
    def record(self) -> Path:
        """Written last: the audit is whole."""
        return self.root / "audit.json"


@dataclass(frozen=True)
class ReportFolder:
    """All that is known of a run, in one document."""

    root: Path

    @property
    def page(self) -> Path:
        """To read in a browser, and to print."""
        return self.root / "report.html"

    @property
    def markdown(self) -> Path:
        """To paste from."""
        return self.root / "report.md"

    @property
    def numbers(self) -> Path:
        """The same, every number in full."""
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
    def pairs(self) -> Path:
        """One row for the best run with each other, on the films that both answered."""
        return self.root / "pairs.csv"

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
class GalleryFolder:
    """The heat maps of films; `name` is a film's file name, its suffix included."""

    root: Path

    def picture(self, name: str) -> Path:
        """The film with heat."""
        return self.root / "films" / f"{name}.png"

    def map(self, name: str) -> Path:
        """The map alone."""
        return self.root / "maps" / f"{name}.npy"

    @property
    def page(self) -> Path:
        """All of them, to look at."""
        return self.root / "gallery.html"

    @property
    def table(self) -> Path:
        """One row a film."""
        return self.root / "grades.csv"

    @property
    def record(self) -> Path:
        """Written last: what the last command did here."""
        return self.root / "grades.json"


@dataclass(frozen=True)
class PredictionsFolder:
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
