"""`report.json`, the record of an evaluation."""

from typing import Any

import msgspec

from cxr_cli.dataset.classes import Classes
from cxr_cli.dataset.record import FunnelStep
from cxr_cli.evaluation.external_in_words import another_class
from cxr_cli.films.in_words import count_in_words
from cxr_cli.metrics.calibration import CALIBRATION_FIGURES, slope_of_temperature
from cxr_cli.metrics.conformal import SetFigures
from cxr_cli.metrics.decision_curve import DecisionPoint
from cxr_cli.metrics.intervals import Interval
from cxr_cli.metrics.operating_points import OperatingPoint
from cxr_cli.metrics.partial_auc import PartialAuc
from cxr_cli.metrics.risk_coverage import RiskCoverage
from cxr_cli.metrics.sample import CONFUSION
from cxr_cli.metrics.sample_size import SampleSize
from cxr_cli.metrics.subgroups import SubgroupRow
from cxr_cli.metrics.table import METRICS, with_all_metrics
from cxr_cli.workspace.records import Record, RecordPart, require


class SeenFilms(RecordPart, frozen=True, kw_only=True):
    """Test films that the run has seen in training or validation, each counted once: see `SeenIndex`."""

    films: int  # the same films, by the content of their files
    copies: int  # of such films, altered: saved again, cropped, mirrored and so on
    maybe_copies: int  # possible copies, known by their hashes only
    patients: int  # other films of their patients
    dropped: bool  # whether they were left out of the figures

    @property
    def count(self) -> int:
        """How many there are of all kinds."""
        return self.films + self.copies + self.maybe_copies + self.patients


class Abstentions(RecordPart, frozen=True, kw_only=True):
    """Films that would get no class from `cxr predict`. All other figures count them as predicted."""

    films: int
    reasons: dict[str, int]
    positives: int  # of these films
    metrics_without: dict[str, float | None]  # of all other films; empty if there are no abstentions, or no others


class CalibrationAtPrevalence(RecordPart, frozen=True, kw_only=True):
    """How well probabilities that are shifted to a prevalence are calibrated, on films weighted to that prevalence."""

    prevalence: float
    figures: dict[str, float | None]  # by the names of `CALIBRATION_FIGURES`
    intervals: dict[str, Interval | None]


class CalibrationFigures(RecordPart, frozen=True, kw_only=True):
    """How well the probabilities are calibrated, by the names of `CALIBRATION_FIGURES`."""

    slope: float | None  # of the run, see `Calibration`; None where it has none, and both are the same
    intercept: float | None
    raw: dict[str, float | None]
    calibrated: dict[str, float | None]
    # The gaps have none; an evaluation of before version 7 has none at all.
    raw_intervals: dict[str, Interval | None] = msgspec.field(default_factory=dict)
    calibrated_intervals: dict[str, Interval | None] = msgspec.field(default_factory=dict)
    at_best: dict[str, float] = msgspec.field(default_factory=dict)  # of ece, e50 and e90: see `gaps_at_best`
    at_prevalence: CalibrationAtPrevalence | None = None  # where a prevalence was stated, and the run can be shifted


class PredictiveValues(RecordPart, frozen=True, kw_only=True):
    """The predictive values where a stated share of people has the disease."""

    prevalence: float
    positive: float | None  # the share of films called positive that are
    negative: float | None
    positive_interval: Interval | None
    negative_interval: Interval | None


class Decision(RecordPart, frozen=True, kw_only=True):
    """The decision curve."""

    prevalence: float  # of the people that it is about
    stated: bool  # by the user, and the probabilities were shifted to it; otherwise the share of positive films
    points: list[DecisionPoint]


class Gap(RecordPart, frozen=True, kw_only=True):
    """How much better or worse a run does on films from elsewhere."""

    internal: float | None  # None where it isn't defined, like all of these
    internal_interval: Interval | None
    external: float | None
    external_interval: Interval | None
    gap: float | None  # external - internal
    interval: Interval | None


class External(RecordPart, frozen=True, kw_only=True):
    """Where films from elsewhere came from, and how the run's metrics on them compare with those of its own test."""

    metadata: list[str]
    folders: str | None
    positive: str  # the finding, or class folder, that makes a film positive
    funnel: list[FunnelStep]
    internal: str | None  # when the run's own test was made; None where there is none to compare with
    gaps: dict[str, Gap]  # by metric; none without an internal test

    def __post_init__(self) -> None:
        """Make sure that the gaps are of metrics."""
        require(self.gaps, METRICS)

    failed: dict[str, str] = msgspec.field(default_factory=dict)  # image -> why it could not be read


class EvaluationRecord(Record, frozen=True, kw_only=True):
    """`report.json`: a run's metrics on films whose truth is known."""

    VERSION = 7
    OLDEST = 5
    MADE_BY = "cxr evaluate"

    run: str
    run_created: str  # when it was trained
    weights_sha256: str | None  # of the run; None for one of an early version
    dataset_fingerprint: str | None  # of the prepared dataset; None for films from elsewhere
    arch: str
    split: str  # train, val or test; or the name of films from elsewhere
    positive: str
    negative: str
    threshold: float  # of the calibrated P(positive)
    operating_point: OperatingPoint | None  # how the threshold was chosen
    films: int
    patients: int  # groups: patients, and films that name none
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
    abstentions: Abstentions
    seen: SeenFilms | None  # None where that is not known
    external: External | None  # of films from elsewhere
    # That name no patient, of these films, and of those that the run was trained and validated on; None where that is
    # not known, or from before it was recorded.
    films_without_patient: int | None = None
    trained_without_patient: int | None = None
    # Of the AUC's interval; None where the AUC has none, or from before this was recorded.
    sample_size: SampleSize | None = None
    decision: Decision | None = None  # None without films of both classes, or from before it was recorded, as below
    risk_coverage: RiskCoverage | None = None
    partial_auc: PartialAuc | None = None  # where a largest 1 - specificity was stated
    sets: SetFigures | None  # prediction sets; None where the run keeps no predictions for its validation films

    @classmethod
    def upgrade(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Read the temperature of version 6 as a slope; what was not measured then is not known."""
        fields = with_all_metrics(fields)
        calibration = fields.get("calibration")
        if not isinstance(calibration, dict):
            return fields
        calibration = slope_of_temperature(calibration)
        for side in ("raw", "calibrated"):
            if isinstance(calibration.get(side), dict):
                calibration[side] = dict.fromkeys(CALIBRATION_FIGURES) | calibration[side]
        return fields | {"calibration": calibration}

    def __post_init__(self) -> None:
        """Make sure that every figure is there, also those that were added since."""
        require(METRICS, self.metrics, self.intervals)
        require(CONFUSION, self.confusion_matrix)
        require(CALIBRATION_FIGURES, self.calibration.raw, self.calibration.calibrated)

    @property
    def truth(self) -> Classes:
        """What the films are: the run's classes, unless films from elsewhere are positive by another finding."""
        if self.external and another_class(self.external.positive, self.positive):
            return Classes(negative=f"not {self.external.positive}", positive=self.external.positive)
        return Classes(negative=self.negative, positive=self.positive)

    def counted(self, kind: str = "films") -> str:
        """How many films of how many patients there are, in words."""
        return count_in_words(self.films, self.patients, self.films_without_patient, kind=kind)
