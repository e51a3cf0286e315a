"""Answers for films whose truth is known in; the report on them, with its table and pictures, out."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from cxr_cli.dataset.manifest import Film
from cxr_cli.evaluation.record import CalibrationFigures, PredictiveValues, ReportRecord, SeenFilms
from cxr_cli.metrics.calibration import measure_calibration
from cxr_cli.metrics.intervals import METHOD, Interval, predictive_intervals, predictive_values
from cxr_cli.metrics.measure import classification_report, measure, measure_intervals
from cxr_cli.metrics.plots import draw_confusion, draw_reliability, draw_roc
from cxr_cli.metrics.sample import call_positive, count_confusion
from cxr_cli.metrics.subgroups import SubgroupRow, age_band, subgroups
from cxr_cli.prediction.predictor import Predictor
from cxr_cli.workspace.files import write_table
from cxr_cli.workspace.folders import EvaluationFolder
from cxr_cli.workspace.records import stamp, write_record


@dataclass(frozen=True)
class Answers:
    """A run's answers for films whose truth is known."""

    films: Sequence[Film]
    positives: np.ndarray  # (N,) bool, the truth
    raw: np.ndarray  # (N,) float64, P(positive) as the model gives it
    probabilities: np.ndarray  # (N,) float64, calibrated, where the run is
    seen: Sequence[str]  # how the run knows each film from its training; empty where it doesn't

    @property
    def groups(self) -> np.ndarray:
        """(N,) the patient, or group of duplicates, of each film."""
        return np.array([film.group for film in self.films])


def make_report(
    predictor: Predictor,
    found: Answers,
    *,
    split: str,
    same_dataset: bool,
    seen: SeenFilms | None,
    prevalence: float | None = None,
) -> ReportRecord:
    """What the answers are worth, at the run's own threshold: nothing is fitted here.

    Args:
        predictor: whose answers they are.
        found: the answers.
        split: the part of the dataset, or the name of films from elsewhere.
        same_dataset: the run was trained on this very split.
        seen: how many of the films it was trained or validated on. None where it isn't known.
        prevalence: in (0, 1), for predictive values. Defaults to none.
    """
    record, threshold = predictor.record, predictor.record.threshold
    positives, probabilities, groups = found.positives, found.probabilities, found.groups
    called = call_positive(probabilities, threshold=threshold)
    metrics = measure(positives, probabilities, threshold=threshold)
    intervals = measure_intervals(positives, probabilities, groups, threshold=threshold)
    return ReportRecord(
        schema_version=ReportRecord.VERSION,
        **stamp(),
        run=predictor.run.name,
        arch=record.arch,
        split=split,
        positive=predictor.positive,
        negative=predictor.negative,
        threshold=threshold,
        operating_point=record.operating_point,
        films=len(found.films),
        patients=len(set(groups)),
        positives=int(positives.sum()),
        negatives=int((~positives).sum()),
        metrics=metrics,
        intervals=intervals,
        interval_method=METHOD,
        calibration=CalibrationFigures(
            temperature=record.calibration.temperature if record.calibration else None,
            raw=measure_calibration(positives, found.raw),
            calibrated=measure_calibration(positives, probabilities),
        ),
        predictive_values=_predictive_values(metrics, intervals, prevalence) if prevalence else None,
        confusion_matrix=asdict(count_confusion(positives, called)),
        classification_report=classification_report(
            positives, called, negative=predictor.negative, positive=predictor.positive
        ),
        subgroups=_subgroups(found, threshold),
        same_dataset=same_dataset,
        seen=seen,
        external=None,
    )


def _subgroups(found: Answers, threshold: float) -> list[SubgroupRow]:
    columns = {
        "view": [film.view for film in found.films],
        "sex": [film.sex for film in found.films],
        "age": [age_band(film.age) for film in found.films],
        "source": [film.source for film in found.films],
        "finding": [film.finding for film in found.films],
    }
    return subgroups(columns, found.positives, found.probabilities, found.groups, threshold=threshold)


def _predictive_values(
    metrics: dict[str, float | None], intervals: dict[str, Interval | None], prevalence: float
) -> PredictiveValues:
    sensitivity, specificity = metrics["sensitivity"], metrics["specificity"]
    of_sensitivity, of_specificity = intervals["sensitivity"], intervals["specificity"]
    if sensitivity is None or specificity is None:  # films of one class tell only one of the two
        return PredictiveValues(
            prevalence=prevalence, positive=None, negative=None, positive_interval=None, negative_interval=None
        )
    positive, negative = predictive_values(sensitivity, specificity, prevalence=prevalence)
    both: tuple[Interval | None, Interval | None] = (None, None)
    if of_sensitivity and of_specificity:
        both = predictive_intervals(of_sensitivity, of_specificity, prevalence=prevalence)
    # Where no film is called one of the two, that answer's worth is not known.
    return PredictiveValues(
        prevalence=prevalence,
        positive=None if np.isnan(positive) else positive,
        negative=None if np.isnan(negative) else negative,
        positive_interval=None if np.isnan(positive) else both[0],
        negative_interval=None if np.isnan(negative) else both[1],
    )


def write_report(folder: EvaluationFolder, report: ReportRecord, found: Answers) -> None:
    """Write the films' answers, the pictures and, last, the report."""
    called = call_positive(found.probabilities, threshold=report.threshold)
    names = np.array([report.negative, report.positive])
    rows = [
        {
            "image": film.path,
            "original": film.original,
            "patient": film.patient,
            "truth": names[int(truth)],
            "class": names[int(answer)],
            "correct": bool(answer == truth),
            "probability": f"{probability:.9g}",
            "raw_probability": f"{raw:.9g}",
            "group": film.group,
            "source": film.source,
            "view": film.view,
            "sex": film.sex,
            "age": film.age,
            "finding": film.finding,
            "seen": seen,
        }
        for film, truth, answer, probability, raw, seen in zip(
            found.films, found.positives, called, found.probabilities, found.raw, found.seen, strict=True
        )
    ]
    write_table(folder.predictions, list(rows[0]), rows)
    title = f"{report.run} on {report.split}: {report.films} films of {report.patients} patients"
    draw_confusion(
        folder.confusion_picture,
        count_confusion(found.positives, called),
        negative=report.negative,
        positive=report.positive,
        title=title,
    )
    if report.positives and report.negatives:
        draw_roc(
            folder.roc_picture,
            found.positives,
            found.probabilities,
            threshold=report.threshold,
            positive=report.positive,
            title=title,
        )
        draw_reliability(
            folder.reliability_picture,
            found.positives,
            found.probabilities,
            raw=found.raw if report.calibration.temperature else None,
            positive=report.positive,
            title=title,
        )
    write_record(folder.record, report)
