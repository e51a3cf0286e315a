"""`run.json`, the record of a trained run."""

from typing import Any

from cxr_cli.dataset.classes import Classes
from cxr_cli.metrics.calibration import Calibration
from cxr_cli.metrics.operating_points import OperatingPoint
from cxr_cli.progress import EpochRow
from cxr_cli.workspace.layout import TRAIN_COMMAND
from cxr_cli.workspace.records import Record, RecordPart
from cxr_cli.workspace.tables import CsvTable

HISTORY = CsvTable(EpochRow, made_by=TRAIN_COMMAND)  # history.csv


class ExportCheck(RecordPart, frozen=True, kw_only=True):
    """How far `model.tflite` is from the Keras model."""

    films: int
    max_probability_difference: float
    max_cam_difference: float  # but for one film in twenty, where a hidden unit may be at 0 but for rounding


class Boosting(RecordPart, frozen=True, kw_only=True):
    """The trees that answer from a network's features."""

    trees: int
    features: int
    val_loss: float


class Profile(RecordPart, frozen=True, kw_only=True):
    """Where the time of a training goes, in seconds; each part was timed alone."""

    reading: float  # once: the films decoded and resized, or found in the cache
    frozen_layers: float  # once: what the frozen layers make of the films, or found in the cache
    batches: float  # an epoch, as are the rest: films augmented, or what the frozen layers made of them read
    forward: float
    backward: float  # and the weights' step
    validation: float
    epoch: float  # the median of the training's but for the first, where there are more; batches are made meanwhile
    steps: int


class Reproduction(RecordPart, frozen=True, kw_only=True):
    """How near a run came to one that was trained before with the same options."""

    of: str  # the other, as the user named it
    changed: list[str]  # what was other by the user's wish: then it is no reproduction
    versions: list[str]  # of packages, that were other
    same_weights: bool | None  # bit for bit; None where the other's record has no hash of them
    max_probability_difference: float | None  # of validation films, as the network gives it; None without the other's
    films: int  # that this was measured on


class RunRecord(Record, frozen=True, kw_only=True):
    """`run.json`: what was trained, on what, how, and how well it did on validation."""

    VERSION = 1
    MADE_BY = TRAIN_COMMAND

    arch: str
    options: dict[str, Any]
    weights: dict[str, str]  # where the backbone came from, with its sha256
    input_size: int
    parameters: int
    trainable_parameters: int
    class_indices: dict[str, int]
    threshold: float  # calibrated P(positive) from which an answer is positive; the operating point's
    dataset_fingerprint: str
    films: dict[str, dict[str, int]]  # part -> label -> films
    epochs: int
    best_epoch: int  # 0 is the head's start, before any epoch
    stopped_by: str  # "epochs", "early stopping" or "interrupt"
    validation: dict[str, float | None]
    export: ExportCheck
    seconds: dict[str, float]
    boosting: Boosting | None = None
    segment: str | None = None  # the method by which it is shown the lungs alone
    profile: Profile | None = None
    calibration: Calibration | None = None  # none in a run of before there was any
    operating_point: OperatingPoint | None = None
    feed: str | None = None  # what it was fed with: films, or what the frozen layers make of them
    weights_sha256: str | None = None  # of the trained network, and of the trees that answer from it
    reproduction: Reproduction | None = None  # of a run that was trained with --from

    @property
    def classes(self) -> Classes:
        """The two classes."""
        return Classes.from_indices(self.class_indices)
