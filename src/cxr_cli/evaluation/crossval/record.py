"""`crossval.json`, the record of a cross-validation."""

from typing import Any

from cxr_cli.metrics.calibration import slope_of_temperature
from cxr_cli.metrics.intervals import Interval
from cxr_cli.metrics.subgroups import SubgroupRow
from cxr_cli.metrics.table import METRICS
from cxr_cli.workspace.records import Record, RecordPart, require


class CrossvalFold(RecordPart, frozen=True, kw_only=True):
    """One fold: a training run, and its test on films that it did not see."""

    name: str  # its number from 1, or the value that was left out
    films: dict[str, dict[str, int]]  # part -> label -> films
    patients: dict[str, int]  # part -> patients (groups)
    without_part: (
        int  # films neither trained on nor tested, because their patients also have films of the value left out
    )
    epochs: int
    best_epoch: int
    # From this fold's validation films, like the threshold; see `Calibration`.
    slope: float | None
    intercept: float | None
    threshold: float
    metrics: dict[str, float | None]  # of its test films
    intervals: dict[str, Interval | None]
    seconds: float  # of training


class SkippedFold(RecordPart, frozen=True, kw_only=True):
    """A value that was not left out, so that its films were not tested."""

    name: str
    films: int
    reason: str


class AcrossFolds(RecordPart, frozen=True, kw_only=True):
    """One metric over the folds in which it is defined."""

    folds: int
    mean: float
    sd: float | None  # of the folds' values (n - 1); None for one fold
    interval: Interval | None  # of the mean, over the patients tested; it does not cover the variation of training


class CrossvalRecord(Record, frozen=True, kw_only=True):
    """`crossval.json`: the metrics of a recipe, each film predicted by a model that saw no film of its group."""

    VERSION = 4
    OLDEST = 3
    MADE_BY = "cxr crossval --folds 5"

    arch: str
    options: dict[str, Any]  # of the training of each fold
    left_out: str | None  # the column whose values were left out, one per fold; None for random folds
    seed: int  # of the folds
    dataset_fingerprint: str
    positive: str
    negative: str
    films: int  # that were predicted, like the next three
    patients: int
    positives: int
    negatives: int
    folds: list[CrossvalFold]
    skipped: list[SkippedFold]
    across_folds: dict[str, AcrossFolds]  # by the metric's name
    metrics: dict[str, float | None]  # of all predictions pooled, each at its own fold's threshold
    intervals: dict[str, Interval | None]
    interval_method: str
    confusion_matrix: dict[str, int]  # true_positive, false_positive, false_negative, true_negative
    subgroups: list[SubgroupRow]
    notes: list[str]  # what else to know, in sentences

    @classmethod
    def upgrade(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Read the temperature of a fold of version 3 as a slope."""
        folds = fields.get("folds")
        if not isinstance(folds, list):
            return fields
        return fields | {"folds": [slope_of_temperature(fold) if isinstance(fold, dict) else fold for fold in folds]}

    def __post_init__(self) -> None:
        """Make sure that every metric is there, also those that were added since."""
        require(METRICS, self.metrics, self.intervals)
