"""`lungs.json`, the record of a trained run that finds lungs, and the tables beside it."""

from dataclasses import dataclass
from typing import Any

import msgspec

from cxr_cli.progress import LungEpochRow
from cxr_cli.recipe.record import Reproduction
from cxr_cli.workspace.records import Record, RecordPart
from cxr_cli.workspace.tables import CsvTable

LUNG_TRAIN_COMMAND = "cxr train --arch lung-unet --masks data/masks/lungs"


@dataclass(frozen=True)
class LungScoreRow:
    """How well the mask of a validation film agrees with the drawn one: a row of `validation.csv`."""

    image: str  # the film's path, from the dataset's folder
    source: str
    group: str
    dice: float
    iou: float


LUNG_HISTORY = CsvTable(LungEpochRow, made_by=LUNG_TRAIN_COMMAND)  # history.csv
LUNG_VALIDATION = CsvTable(LungScoreRow, made_by=LUNG_TRAIN_COMMAND)  # validation.csv


class LungExportCheck(RecordPart, frozen=True, kw_only=True):
    """How far the masks of `model.tflite` are from those of the Keras model."""

    films: int
    max_difference: float  # of the probability at any point
    least_dice: float  # of any film's mask with that of the Keras model


class LungRunRecord(Record, frozen=True, kw_only=True):
    """`lungs.json`: what was trained, on which films and masks, how, and how well it does on validation."""

    VERSION = 2
    OLDEST = 1
    MADE_BY = LUNG_TRAIN_COMMAND

    arch: str
    options: dict[str, Any]
    weights: dict[str, str]  # where the encoder came from, with its sha256
    input_size: int
    parameters: int
    trainable_parameters: int
    dataset_fingerprint: str
    masks_sha256: str  # of the masks that were used, at the network's size
    films: dict[str, dict[str, int]]  # part -> source -> films with a mask
    without_mask: dict[str, int]  # part -> films
    epochs: int
    best_epoch: int
    stopped_by: str  # "epochs" or "interrupt"
    validation: dict[str, float]  # loss, dice and iou, each a mean over films
    dice_by_source: dict[str, float]  # of validation films
    export: LungExportCheck
    seconds: dict[str, float]
    weights_sha256: str
    reproduction: Reproduction | None = None  # only of a run that was trained with --from
    # Of its other files, by name; empty in a run from before this was recorded.
    sha256: dict[str, str] = msgspec.field(default_factory=dict)
