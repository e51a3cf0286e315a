"""`run.json`, the record of a trained run."""

from typing import Any

import msgspec
import numpy as np

from cxr_cli.dataset.classes import Classes
from cxr_cli.lungs.framing import Framing, framing_of_segment
from cxr_cli.metrics.calibration import Calibration, slope_of_temperature
from cxr_cli.metrics.operating_points import NEVER, OperatingPoint
from cxr_cli.progress import EpochRow
from cxr_cli.workspace.layout import TRAIN_COMMAND
from cxr_cli.workspace.records import Record, RecordPart
from cxr_cli.workspace.tables import CsvTable

HISTORY = CsvTable(EpochRow, made_by=TRAIN_COMMAND)  # history.csv


class ExportCheck(RecordPart, frozen=True, kw_only=True):
    """How far the outputs of `model.tflite` are from those of the Keras model."""

    films: int
    max_probability_difference: float
    max_cam_difference: float  # except in one film in twenty, where rounding may turn a hidden unit on or off


class Boosting(RecordPart, frozen=True, kw_only=True):
    """The boosted trees that predict from a network's features."""

    trees: int
    features: int
    val_loss: float


class Profile(RecordPart, frozen=True, kw_only=True):
    """Where the time of a training run goes, in seconds; each part was timed alone."""

    reading: float  # once: decoding and resizing the films, or reading them from the cache
    frozen_layers: float  # once: computing the outputs of the frozen layers, or reading them from the cache
    batches: float  # per epoch, like the fields below: augmenting films, or reading the outputs of the frozen layers
    forward: float
    backward: float  # with the optimizer's step
    validation: float
    epoch: float  # median of the epochs after the first one; batches are made in parallel
    steps: int


class Reproduction(RecordPart, frozen=True, kw_only=True):
    """How closely a run reproduces an earlier one that was trained with the same options."""

    of: str  # the earlier run, as the user named it
    changed: list[str]  # what the user changed; then it is no reproduction
    versions: list[str]  # of packages that differ
    same_weights: bool | None  # bit for bit; None if the earlier record has no hash of them
    max_probability_difference: (
        float | None
    )  # of validation films, uncalibrated; None if the earlier predictions were not kept
    films: int  # on which it was measured


class RunRecord(Record, frozen=True, kw_only=True):
    """`run.json`: what was trained, on which dataset, how, and how well it does on validation."""

    VERSION = 4
    OLDEST = 1
    MADE_BY = TRAIN_COMMAND

    arch: str
    options: dict[str, Any]
    weights: dict[str, str]  # where the backbone came from, with its sha256
    input_size: int
    parameters: int
    trainable_parameters: int
    class_indices: dict[str, int]
    threshold: float  # calibrated P(positive) at or above which a film is called positive; that of the operating point
    dataset_fingerprint: str
    films: dict[str, dict[str, int]]  # part -> label -> films
    # Of train and val, that name no patient; None in a run from before this was recorded.
    films_without_patient: int | None = None
    epochs: int
    best_epoch: int  # 0: the head start, before any epoch
    stopped_by: str  # "epochs", "early stopping" or "interrupt"
    validation: dict[str, float | None]
    export: ExportCheck
    seconds: dict[str, float]
    boosting: Boosting | None = None
    framing: Framing | None = None  # what is done to a film first; None for whole films
    profile: Profile | None = None
    calibration: Calibration | None = None  # None in a run from before calibration was recorded
    operating_point: OperatingPoint | None = None
    feed: str | None = None  # its input: films, or the outputs of the frozen layers
    weights_sha256: str | None = None  # of the trained network, and of its boosted trees
    reproduction: Reproduction | None = None  # only of a run that was trained with --from
    # Of its other files, by name; empty in a run from before this was recorded.
    sha256: dict[str, str] = msgspec.field(default_factory=dict)

    @classmethod
    def upgrade(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Read `segment` of version 1 as a framing, and the temperature of version 3 as a slope."""
        fields = framing_of_segment(fields)
        calibration = fields.get("calibration")
        if isinstance(calibration, dict):
            fields = fields | {"calibration": slope_of_temperature(calibration)}
        return fields

    def __post_init__(self) -> None:
        """Make sure that the figures can be used."""
        Classes.from_indices(self.class_indices)
        if not (self.input_size > 0 and 0 <= self.threshold <= NEVER):
            raise ValueError(f"an input of {self.input_size} pixels and a threshold of {self.threshold}")

    def calibrated(self, raw: np.ndarray) -> np.ndarray:
        """Calibrate P(positive) of the network, or its trees, (N,) float, where the run has a calibration."""
        return self.calibration.apply(raw) if self.calibration else raw

    @property
    def classes(self) -> Classes:
        """The two classes."""
        return Classes.from_indices(self.class_indices)
