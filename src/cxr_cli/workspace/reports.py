"""The records of what runs and datasets are worth."""

from typing import Any

from cxr_cli.workspace.records import FunnelStep, Interval, OperatingPoint, Part, Record


class SeenFilms(Part, frozen=True, kw_only=True):
    """Films of a test that the run was trained or validated on, each counted once, by the nearest kin."""

    films: int  # the very films, by their files' content
    twins: int  # near-twins of such films: saved anew, resized, cropped or inverted
    patients: int  # other films of their patients
    dropped: bool  # they were left out of the figures


class CalibrationFigures(Part, frozen=True, kw_only=True):
    """How far the probabilities can be taken at their word: log_loss, brier and ece, each best at 0."""

    temperature: float | None  # the run's; None where it has none, and both are the same
    raw: dict[str, float]
    calibrated: dict[str, float]


class PredictiveValues(Part, frozen=True, kw_only=True):
    """What an answer is worth where a stated share of the people have the disease."""

    prevalence: float
    positive: float | None  # predictive value: the share of positive answers that are right
    negative: float | None
    positive_interval: Interval | None
    negative_interval: Interval | None


class SubgroupRow(Part, frozen=True, kw_only=True):
    """A run's figures on the films of one kind, of those it was tested on."""

    column: str  # view, sex, age, source or finding
    value: str  # "unknown" where it isn't known
    films: int
    patients: int
    positives: int
    negatives: int
    too_few: bool  # below ten films of a class: no AUC, and sensitivity or specificity only where its class has enough
    metrics: dict[str, float | None]
    intervals: dict[str, Interval | None]


class Gap(Part, frozen=True, kw_only=True):
    """How much better or worse a run does on films from elsewhere."""

    internal: float
    internal_interval: Interval | None
    external: float
    external_interval: Interval | None
    gap: float  # external - internal
    interval: Interval | None


class External(Part, frozen=True, kw_only=True):
    """Where films from elsewhere came from, and how the run's figures on them compare with its own test's."""

    metadata: list[str]
    folders: str | None
    positive: str  # the finding, or class folder, that makes a film positive
    funnel: list[FunnelStep]
    internal: str | None  # when the run's own test was made; None where there is none to compare with
    gaps: dict[str, Gap]


class ReportRecord(Record, frozen=True, kw_only=True):
    """`report.json`: how a run did on films it was not trained on."""

    VERSION = 2
    MADE_BY = "cxr evaluate"

    run: str
    arch: str
    split: str  # train, val or test; or the name of films from elsewhere
    positive: str
    negative: str
    threshold: float  # of the calibrated P(positive)
    operating_point: OperatingPoint | None  # how the run came to the threshold
    films: int
    patients: int
    positives: int  # films
    negatives: int
    metrics: dict[str, float | None]  # of the calibrated probabilities, at the threshold
    intervals: dict[str, Interval | None]
    interval_method: str
    calibration: CalibrationFigures
    predictive_values: PredictiveValues | None  # where a prevalence was stated
    confusion_matrix: dict[str, int]  # true_positive, false_positive, false_negative, true_negative
    classification_report: dict[str, dict[str, float]]
    subgroups: list[SubgroupRow]
    same_dataset: bool  # the run was trained on this very split
    seen: SeenFilms | None  # None where it isn't known
    external: External | None  # of films from elsewhere


class CrossvalFold(Part, frozen=True, kw_only=True):
    """One fold: a training, and its test on films that it did not see."""

    name: str  # its number from 1, or the value that was left out
    films: dict[str, dict[str, int]]  # part -> label -> films
    patients: dict[str, int]  # part -> patients (groups)
    without_part: int  # films neither trained on nor tested: their patients have films of the value left out too
    epochs: int
    best_epoch: int
    temperature: float | None  # both from this fold's validation films
    threshold: float
    metrics: dict[str, float | None]  # of its test films
    intervals: dict[str, Interval | None]
    seconds: float  # of the training


class SkippedFold(Part, frozen=True, kw_only=True):
    """A value that was not left out, so that its films were not tested."""

    name: str
    films: int
    reason: str


class AcrossFolds(Part, frozen=True, kw_only=True):
    """One figure over the folds in which it is defined."""

    folds: int
    mean: float
    sd: float | None  # of the folds' figures (n - 1); None for one fold
    interval: Interval | None  # of the mean, over the patients tested; that of the training is not in it


class CrossvalRecord(Record, frozen=True, kw_only=True):
    """`crossval.json`: what a recipe is worth, each film answered by a model that saw no film of its group."""

    VERSION = 1
    MADE_BY = "cxr crossval --folds 5"

    arch: str
    options: dict[str, Any]  # of each fold's training
    left_out: str | None  # the column whose values were left out, one a fold; None for folds that were drawn
    seed: int  # of the folds
    dataset_fingerprint: str
    positive: str
    negative: str
    films: int  # answered, as are the rest
    patients: int
    positives: int
    negatives: int
    folds: list[CrossvalFold]
    skipped: list[SkippedFold]
    across_folds: dict[str, AcrossFolds]  # by the metric's name
    metrics: dict[str, float | None]  # of all answers together, each at its own fold's threshold
    intervals: dict[str, Interval | None]
    interval_method: str
    confusion_matrix: dict[str, int]  # true_positive, false_positive, false_negative, true_negative
    subgroups: list[SubgroupRow]
    notes: list[str]  # what else to know of it, in sentences
