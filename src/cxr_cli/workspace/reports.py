"""The records of what runs and datasets are worth."""

from typing import Any

from cxr_cli.progress import EpochRow
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

    internal: float | None  # None, as all of them, where it isn't defined
    internal_interval: Interval | None
    external: float | None
    external_interval: Interval | None
    gap: float | None  # external - internal
    interval: Interval | None


class External(Part, frozen=True, kw_only=True):
    """Where films from elsewhere came from, and how the run's figures on them compare with its own test's."""

    metadata: list[str]
    folders: str | None
    positive: str  # the finding, or class folder, that makes a film positive
    funnel: list[FunnelStep]
    internal: str | None  # when the run's own test was made; None where there is none to compare with
    gaps: dict[str, Gap]  # by metric; none without an internal test


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


class GradedFilm(Part, frozen=True, kw_only=True):
    """A film's heat map, and what it is worth; a figure is None where it isn't asked for, or there is no mask."""

    image: str
    picture: str  # from the gallery's folder, as is `map`
    map: str | None
    group: str  # the patient; the image where none is known
    truth: str | None
    answer: str
    correct: bool | None
    confidence: float  # of the answer
    target: str  # the class whose evidence is shown; empty for a method that knows no classes
    blank: bool  # nothing speaks for it
    lung_energy: float | None = None  # share of the heat that is in the lungs
    lung_area: float | None = None  # share of the film that is lungs
    lung_ratio: float | None = None
    lung_energy_others: float | None = None  # what the maps of other patients would have there
    lung_gain: float | None = None  # lung_energy - lung_energy_others
    lung_hit: bool | None = None  # the hottest point is in the lungs
    lesion_hit: bool | None = None  # the hottest point is in a lesion
    lesion_area: float | None = None  # share of the film that is lesion
    lesion_hit_near: bool | None = None  # in it, or near it
    lesion_area_near: float | None = None
    deletion: float | None = None  # areas under the curves
    random_deletion: float | None = None
    deletion_gain: float | None = None  # random_deletion - deletion
    insertion: float | None = None
    random_insertion: float | None = None
    insertion_gain: float | None = None  # insertion - random_insertion


class Grade(Part, frozen=True, kw_only=True):
    """One figure over the films that have it."""

    films: int
    groups: int
    value: float
    interval: Interval | None
    chance: float  # what a map that knows nothing would have


class RandomizedDepth(Part, frozen=True, kw_only=True):
    """How alike the heat maps are once part of the weights are random; means over films and draws."""

    weights: str  # that are random
    share: float  # of all weights
    spearman: dict[str, float | None]  # by method; None where no film's is defined
    spearman_absolute: dict[str, float | None]
    ssim: dict[str, float | None]  # of what is drawn


class Randomization(Part, frozen=True, kw_only=True):
    """The weight randomisation check of Adebayo et al. 2018, from the head downward."""

    films: int
    draws: int  # of all weights, over which the means are too
    seed: int
    depths: list[RandomizedDepth]
    passed: dict[str, bool]  # by method
    verdicts: dict[str, str]  # by method, in words


class GradesRecord(Record, frozen=True, kw_only=True):
    """`grades.json`: the heat maps of some films, and what they are worth."""

    VERSION = 1
    MADE_BY = "cxr gradcam FOLDER"

    run: str
    explained: str  # whose heat maps they are: the run's, or of a part of it
    method: str
    target: str | None  # the class whose evidence is shown; None for each film's answer
    split: str | None  # of the prepared dataset; None for films that were named
    seed: int
    order: str  # of the films, in words
    lungs: str | None  # the folder of masks
    lesions: str | None
    films: list[GradedFilm]  # in that order
    failed: list[str]  # images without a heat map
    wrong: int | None  # answers; None where no truth is known
    blank: int
    grades: dict[str, Grade]
    randomization: Randomization | None
    notes: list[str]


class CheckpointRecord(Record, frozen=True, kw_only=True):
    """The first entry of a checkpoint: what is trained, and how far it is."""

    VERSION = 1
    MADE_BY = "cxr train"

    run: str
    options: dict[str, Any]
    dataset_fingerprint: str
    weights: dict[str, str]  # where the backbone came from, with its sha256
    feed: str  # what the training is fed with
    original: str | None  # what it is to reproduce: a run's name, or a path
    history: list[EpochRow]
    phase_is_over: bool  # that of the last epoch


class AuditValue(Part, frozen=True, kw_only=True):
    """Films that have one value of a column."""

    value: str
    negatives: int
    positives: int


class AuditLook(Part, frozen=True, kw_only=True):
    """How well something that is not the disease tells the classes apart; 0.5 is chance."""

    name: str  # "source", "image size", "age missing", "outer border" …
    kind: str  # "column" of the manifest or the files, "missing" values of one, or "probe": a classifier on features
    level: str  # "alarm", "warning" or "ok"
    films: int  # of which it is known
    patients: int
    auc: float | None  # of films out of fold, by patient; None where there is nothing to tell by, or too few patients
    interval: Interval | None
    p: float | None  # that chance alone does as well, corrected for the number of looks (Holm)
    cramers_v: float | None  # between values and classes, of all films; None for a probe
    values: list[AuditValue]  # the most frequent first; none of a probe


class AuditFinding(Part, frozen=True, kw_only=True):
    """One thing to mend, or to know."""

    level: str  # "alarm" or "warning"
    about: str  # a look's name, "parts", "labels", "patients" …
    found: str  # in one sentence, as are the rest
    numbers: str
    why: str
    next: str  # commands stand between backticks


class AuditRecord(Record, frozen=True, kw_only=True):
    """`audit.json`: what tells a dataset's classes apart without the disease, and what leaks between its parts."""

    VERSION = 1
    MADE_BY = "cxr audit"

    dataset_fingerprint: str
    seed: int
    positive: str
    negative: str
    films: dict[str, int]  # label -> films
    patients: int
    level: str  # the loudest finding's; "ok" without any
    verdict: str  # in one sentence
    alarms: int
    warnings: int
    findings: list[AuditFinding]  # the loudest first
    looks: list[AuditLook]  # the same
    notes: list[str]  # what else to know of it, in sentences
