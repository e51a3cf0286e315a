"""`crossval.json`, the record of a cross-validation."""

from typing import Any

import msgspec

from cxr_cli.films.in_words import count_in_words
from cxr_cli.metrics.calibration import slope_of_temperature
from cxr_cli.metrics.intervals import Interval
from cxr_cli.metrics.over_folds import RECIPE_METHOD, AcrossFolds, over_folds
from cxr_cli.metrics.table import METRICS, metrics_in
from cxr_cli.workspace.records import Record, RecordPart, require

_WITHOUT_SUBGROUPS = (
    "Without subgroups: an earlier version pooled them. The same cxr crossval makes them, from its folds."
)


class CrossvalFold(RecordPart, frozen=True, kw_only=True):
    """One fold: a training run, and its test on films that it did not see."""

    name: str  # its number from 1, or the value that was left out
    repeat: int = 1  # in which the fold was drawn, from 1
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
    metrics: dict[str, float | None]  # of its model, on its test films
    intervals: dict[str, Interval | None]  # the same; by `fold_interval_method`
    seconds: float  # of training


class SkippedFold(RecordPart, frozen=True, kw_only=True):
    """A value that was not left out, so that its films were not tested."""

    name: str
    films: int
    reason: str


class CrossvalSubgroup(RecordPart, frozen=True, kw_only=True):
    """The recipe's metrics on those films that belong to one subgroup."""

    column: str  # view, sex, age, source or finding
    value: str  # "unknown" where the metadata have none
    films: int
    patients: int
    positives: int
    negatives: int
    too_few: bool  # fewer than ten patients of a class; a metric that needs such a class has no mean
    across_folds: dict[str, AcrossFolds]  # by the metric's name; a fold counts by its films of the subgroup

    def __post_init__(self) -> None:
        """Make sure that every metric of subgroups is there."""
        require([metric.name for metric in metrics_in("subgroups")], self.across_folds)


class CrossvalRecord(Record, frozen=True, kw_only=True):
    """`crossval.json`: the metrics of a recipe, each film predicted by models that saw no film of its group."""

    VERSION = 4
    OLDEST = 3
    MADE_BY = "cxr crossval --folds 5"

    arch: str
    options: dict[str, Any]  # of the training of each fold; each further repeat has the next seed
    left_out: str | None  # the column whose values were left out, one per fold; None for random folds
    repeats: int  # how many times the films were divided into folds
    seed: int  # of the folds of the first repeat; that of each further one is one more
    dataset_fingerprint: str
    positive: str
    negative: str
    films: int  # that were predicted in each repeat, like the next three
    patients: int
    films_without_patient: int | None = None  # of them, that name no patient; None from before this was recorded
    positives: int
    negatives: int
    folds: list[CrossvalFold]  # those of all repeats
    skipped: list[SkippedFold]
    across_folds: dict[str, AcrossFolds]  # by the metric's name
    interval_of: str  # what the intervals of `across_folds` and `subgroups` are of, in words
    interval_method: str  # of these intervals
    fold_interval_method: str  # of the intervals of each fold
    confusion_matrix: dict[str, int]  # true_positive, false_positive, false_negative, true_negative, of all repeats
    subgroups: list[CrossvalSubgroup]
    notes: list[str]  # what else to know, in sentences

    @property
    def in_repeat(self) -> int:
        """The number of folds in one repeat."""
        return len(self.folds) // self.repeats

    @classmethod
    def upgrade(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Compute the recipe's figures from the folds: version 3 pooled the predictions of different models."""
        found = msgspec.convert(fields, _Version3)
        kept = {name: value for name, value in fields.items() if name not in ("metrics", "intervals")}
        return kept | {
            "folds": [slope_of_temperature(fold) for fold in fields["folds"]],
            "repeats": 1,
            "across_folds": {
                name: msgspec.to_builtins(
                    over_folds(
                        [fold.metrics.get(name) for fold in found.folds], folds=len(found.folds), limits=metric.limits
                    )
                )
                for name, metric in METRICS.items()
            },
            "interval_of": what_intervals_are_of(found.left_out),
            "interval_method": RECIPE_METHOD,
            "fold_interval_method": found.interval_method,
            "subgroups": [],
            "notes": [*found.notes, _WITHOUT_SUBGROUPS],
        }

    def __post_init__(self) -> None:
        """Make sure that every metric is there, also those that were added since."""
        require(METRICS, self.across_folds)
        if self.repeats < 1 or not self.folds:
            raise ValueError(f"{len(self.folds)} folds in {self.repeats} repeats")

    def counted(self) -> str:
        """How many films of how many patients there are, in words."""
        return count_in_words(self.films, self.patients, self.films_without_patient)

    @property
    def unseen(self) -> str:
        """What no model has seen of a film that it predicts, in words."""
        return "the film or a copy of it" if self.films_without_patient else "any film of its patient"


def what_intervals_are_of(left_out: str | None) -> str:
    """What the intervals over folds are of, in words.

    Args:
        left_out: the column whose values were left out. None for random folds.
    """
    if left_out:
        return (
            f"the recipe on a {left_out} that it was not trained on (its mean over such values, as far as those here "
            "represent others), not one model"
        )
    return (
        "the recipe on patients like these (its mean over all draws of films and folds, trained on as many films as in "
        "one fold), not one model"
    )


class _Version3Fold(msgspec.Struct):
    metrics: dict[str, float | None]

    def __post_init__(self) -> None:
        for name, metric in METRICS.items():
            value, (low, high) = self.metrics.get(name), metric.limits
            if value is not None and not low <= value <= high:
                raise ValueError(f"a {metric.title} of {value}")


class _Version3(msgspec.Struct):
    folds: list[_Version3Fold]
    left_out: str | None
    notes: list[str]
    interval_method: str
