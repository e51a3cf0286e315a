"""The folders of the workspace and the files in them. Every path is written once, here or in `layout`."""

from dataclasses import dataclass
from pathlib import Path

PARTS = ("train", "val", "test")
ENVIRONMENT_VARIABLE = "CXR_WORKSPACE"  # names the workspace
BUNDLED = "bundled"  # the name of the model that ships with the package


@dataclass(frozen=True)
class DatasetFolder:
    """A prepared dataset, or the folder in which one is being made."""

    root: Path

    @property
    def manifest(self) -> Path:
        """One row per film."""
        return self.root / "manifest.csv"

    @property
    def excluded(self) -> Path:
        """One row for each row of metadata or file that was left out, with the reason."""
        return self.root / "excluded.csv"

    @property
    def duplicates(self) -> Path:
        """One row for each pair of films that show the same."""
        return self.root / "duplicates.csv"

    @property
    def small(self) -> Path:
        """Each film at 96 × 96 pixels, in the manifest's order: (N, 96, 96) uint8. Copies are recognized by it."""
        return self.root / "small.npy"

    @property
    def segmentation(self) -> Path:
        """One row per film of a dataset that shows the lungs alone: whether they were found."""
        return self.root / "segmentation.csv"

    @property
    def record(self) -> Path:
        """Written last: the dataset is complete."""
        return self.root / "dataset.json"

    @property
    def distribution_picture(self) -> Path:
        """A chart of the number of films of each class in each part."""
        return self.root / "overview" / "class_distribution.png"

    @property
    def samples_picture(self) -> Path:
        """A grid of films of each class."""
        return self.root / "overview" / "samples.png"

    @staticmethod
    def film(part: str, label: str, name: str) -> str:
        """A film's path relative to the dataset's folder, as in the manifest."""
        return f"split/{part}/{label}/{name}"

    @staticmethod
    def whole(name: str) -> str:
        """The path of the whole film behind a framed one whose original is not a plain image, from the same folder."""
        return f"whole/{name}"


@dataclass(frozen=True)
class RunFolder:
    """A trained run, or the folder in which one is being made."""

    root: Path

    @property
    def name(self) -> str:
        """The run's name."""
        return BUNDLED if self.version else self.root.name

    @property
    def version(self) -> str:
        """The version of a model that ships with the package; empty for a run of a workspace."""
        file = self.version_file
        return file.read_text(encoding="utf-8").strip() if file.is_file() else ""

    @property
    def version_file(self) -> Path:
        """Only in a model that ships with the package: its version."""
        return self.root / "VERSION"

    @property
    def name_and_version(self) -> str:
        """The run's name, with its version if it ships with the package."""
        return f"{self.name} {self.version}".rstrip()

    @property
    def title(self) -> str:
        """What a sentence calls it."""
        return f"the bundled model {self.version}" if self.version else f"the run {self.name}"

    @property
    def keras_model(self) -> Path:
        """The model as Keras reads it."""
        return self.root / "model.keras"

    @property
    def litert_model(self) -> Path:
        """The model that predicts, without TensorFlow."""
        return self.root / "model.tflite"

    @property
    def booster(self) -> Path:
        """XGBoost's trees, if the run has them."""
        return self.root / "xgboost.json"

    @property
    def exports(self) -> Path:
        """The model in other formats; removed when the run is trained again."""
        return self.root / "export"

    @property
    def class_indices(self) -> Path:
        """The classes of this run."""
        return self.root / "class_indices.json"

    @property
    def history(self) -> Path:
        """One row per epoch."""
        return self.root / "history.csv"

    @property
    def validation(self) -> Path:
        """One row per validation film, with P(positive) as the network gives it."""
        return self.root / "validation.csv"

    @property
    def seen(self) -> Path:
        """One row per film that the run was trained or validated on."""
        return self.root / "seen.csv"

    @property
    def seen_vectors(self) -> Path:
        """What these films look like, to recognize copies by; missing from a run of an early version."""
        return self.root / "seen_vectors.npy"

    @property
    def fingerprints(self) -> Path:
        """What a model that ships with the package was trained on, and so a run that began with its weights."""
        return self.root / "fingerprints.npy"

    @property
    def reference(self) -> Path:
        """What the features of the training films look like; missing from a run of an early version."""
        return self.root / "reference.npz"

    @property
    def read_files(self) -> tuple[Path, ...]:
        """What commands read, but for the records. A run need not have all of them."""
        return (
            *(self.keras_model, self.litert_model, self.booster, self.class_indices, self.reference),
            *(self.history, self.validation, self.seen, self.seen_vectors, self.fingerprints),
        )

    @property
    def curves_picture(self) -> Path:
        """A chart of the history."""
        return self.root / "curves.png"

    @property
    def model_card(self) -> Path:
        """The model card: what the run is and isn't for. Written with its report."""
        return self.root / "MODEL_CARD.md"

    @property
    def record(self) -> Path:
        """Written last: the run is complete."""
        return self.root / "run.json"

    @property
    def lung_record(self) -> Path:
        """In place of `record` in a run that finds lungs. Written last: the run is complete."""
        return self.root / "lungs.json"


@dataclass(frozen=True)
class EvaluationFolder:
    """An evaluation of a run on one part of a dataset."""

    root: Path

    @property
    def predictions(self) -> Path:
        """One row per film."""
        return self.root / "predictions.csv"

    @property
    def excluded(self) -> Path:
        """Of films from elsewhere, one row per film that was left out, and why."""
        return self.root / "excluded.csv"

    @property
    def confusion_picture(self) -> Path:
        """A chart of the confusion matrix."""
        return self.root / "confusion_matrix.png"

    @property
    def roc_picture(self) -> Path:
        """A chart of the ROC curve, if there are films of both classes."""
        return self.root / "roc_curve.png"

    @property
    def precision_recall_picture(self) -> Path:
        """A chart of precision and recall, if there are films of both classes."""
        return self.root / "precision_recall.png"

    @property
    def decision_picture(self) -> Path:
        """A decision curve, if there are films of both classes."""
        return self.root / "decision_curve.png"

    @property
    def risk_picture(self) -> Path:
        """A risk-coverage curve, if there are films of both classes."""
        return self.root / "risk_coverage.png"

    @property
    def scores_picture(self) -> Path:
        """A chart of P(positive) by true class, if there are films of both classes."""
        return self.root / "scores.png"

    @property
    def subgroups_picture(self) -> Path:
        """A forest plot of the subgroups."""
        return self.root / "subgroups.png"

    @property
    def reliability_picture(self) -> Path:
        """A reliability diagram, if there are films of both classes."""
        return self.root / "reliability.png"

    @property
    def record(self) -> Path:
        """Written last: the evaluation is complete."""
        return self.root / "report.json"


@dataclass(frozen=True)
class AuditFolder:
    """An audit of a dataset, its shortcuts and leaks; or of a model."""

    root: Path

    @property
    def page(self) -> Path:
        """The page, to read in a browser and to print."""
        return self.root / "audit.html"

    @property
    def record(self) -> Path:
        """Written last: the audit is complete."""
        return self.root / "audit.json"


@dataclass(frozen=True)
class ReportFolder:
    """The report on a run, in three formats."""

    root: Path

    @property
    def page(self) -> Path:
        """The page, to read in a browser and to print: 4 MB with 77 test films, 7 MB with 1,000.

        It lists the first 1,000 test films, the wrong ones first, and shows the first 100 beside their heat maps.
        """
        return self.root / "report.html"

    @property
    def markdown(self) -> Path:
        """The report as Markdown, to paste from."""
        return self.root / "report.md"

    @property
    def numbers(self) -> Path:
        """The report as JSON, with every number in full."""
        return self.root / "report.json"

    @property
    def methods(self) -> Path:
        """The methods section of a paper, as Markdown."""
        return self.root / "methods.md"

    @property
    def flow_picture(self) -> Path:
        """The flow of films from the metadata to the test."""
        return self.root / "flow.png"


@dataclass(frozen=True)
class ComparisonFolder:
    """A comparison of runs."""

    root: Path

    @property
    def csv(self) -> Path:
        """One row per run, with all digits."""
        return self.root / "comparison.csv"

    @property
    def pairs(self) -> Path:
        """One row for each run that is compared with the best one, on the films that both predicted."""
        return self.root / "pairs.csv"

    @property
    def markdown(self) -> Path:
        """The table as Markdown."""
        return self.root / "comparison.md"

    @property
    def picture(self) -> Path:
        """The table as a chart."""
        return self.root / "comparison.png"


@dataclass(frozen=True)
class SegmentationFolder:
    """Lung masks of films. `name` is a film's file name with its suffix."""

    root: Path

    def mask(self, name: str) -> Path:
        """A mask that passed every check, of 0 and 255."""
        return self.root / "masks" / f"{name}.png"

    def doubtful(self, name: str) -> Path:
        """A mask that failed a check; in another folder, so that it isn't used by mistake."""
        return self.root / "doubtful" / f"{name}.png"

    def overlay(self, name: str) -> Path:
        """A picture of the mask on the film."""
        return self.root / "overlays" / f"{name}.png"

    def clusters(self, name: str) -> Path:
        """A picture of the clusters, each in its color."""
        return self.root / "clusters" / f"{name}.png"

    @property
    def table(self) -> Path:
        """One row per film."""
        return self.root / "segmentations.csv"

    @property
    def record(self) -> Path:
        """Written last: what the latest command did here."""
        return self.root / "segmentations.json"


@dataclass(frozen=True)
class GalleryFolder:
    """A gallery of heat maps. `name` is a film's file name with its suffix."""

    root: Path

    def picture(self, name: str) -> Path:
        """A picture of the heat map on the film."""
        return self.root / "films" / f"{name}.png"

    def map(self, name: str) -> Path:
        """The heat map as an array."""
        return self.root / "maps" / f"{name}.npy"

    @property
    def page(self) -> Path:
        """The gallery, to read in a browser."""
        return self.root / "gallery.html"

    @property
    def table(self) -> Path:
        """One row per film."""
        return self.root / "grades.csv"

    @property
    def record(self) -> Path:
        """Written last: what the latest command did here."""
        return self.root / "grades.json"


@dataclass(frozen=True)
class PredictionsFolder:
    """The predictions of a run for an archive."""

    root: Path

    @property
    def films(self) -> Path:
        """The films of the archive, in order."""
        return self.root / "films.parquet"

    @property
    def plan(self) -> Path:
        """Written once the films are listed: which run predicts, and how the films are divided into parts."""
        return self.root / "plan.json"

    @property
    def parts(self) -> Path:
        """The folder of the parts."""
        return self.root / "parts"

    def part(self, number: int) -> Path:
        """The predictions for one partition, one row per film."""
        return self.parts / f"part-{number:06d}.parquet"

    @property
    def record(self) -> Path:
        """Written last: all films are predicted."""
        return self.root / "answers.json"
