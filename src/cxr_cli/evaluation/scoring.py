"""Predictions for films whose truth is known in; an evaluation, with its table and pictures, out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from cxr_cli.dataset.manifest import Film
from cxr_cli.errors import WorkspaceError
from cxr_cli.evaluation.curves import draw_all_curves, measure_abstaining, measure_decision
from cxr_cli.evaluation.predicted import PREDICTIONS, PredictedFilms
from cxr_cli.evaluation.probabilities import measure_probabilities
from cxr_cli.evaluation.record import Abstentions, EvaluationRecord, PredictiveValues, SeenFilms
from cxr_cli.metrics.conformal import DEFAULT_ALPHA, SetFigures, measure_sets
from cxr_cli.metrics.intervals import METHOD, Estimate, Interval, predictive_intervals, predictive_values
from cxr_cli.metrics.measure import classification_report, measure, measure_intervals
from cxr_cli.metrics.partial_auc import partial_auc
from cxr_cli.metrics.sample import count_confusion
from cxr_cli.metrics.sample_size import auc_sample_size
from cxr_cli.metrics.subgroups import SubgroupRow, age_band, subgroups
from cxr_cli.prediction.predictor import Predictor
from cxr_cli.progress import note
from cxr_cli.recipe.sets import open_sets
from cxr_cli.workspace.folders import EvaluationFolder
from cxr_cli.workspace.records import stamp, write_record


def score(
    predictor: Predictor,
    predicted: PredictedFilms,
    *,
    split: str,
    same_dataset: bool,
    dataset_fingerprint: str | None,
    seen: SeenFilms | None,
    prevalence: float | None = None,
    alpha: float = DEFAULT_ALPHA,
    max_fpr: float | None = None,
) -> EvaluationRecord:
    """Measure a run's predictions at its own threshold and calibration: nothing is fitted to these films.

    Args:
        predictor: the run.
        predicted: its predictions.
        split: the part of the dataset, or the name of films from elsewhere.
        same_dataset: the run was trained on this very split.
        dataset_fingerprint: of the prepared dataset. None for films from elsewhere.
        seen: how many of the films the run was trained or validated on. None where that is not known.
        prevalence: in (0, 1), for predictive values, and to shift probabilities to. Defaults to none.
        alpha: in (0, 1), of the prediction sets. Defaults to 0.1.
        max_fpr: in (0, 1), the largest 1 - specificity of a partial AUC. Defaults to none.
    """
    record = predictor.record
    positives, probabilities = predicted.positives, predicted.probabilities
    metrics = measure(positives, probabilities, threshold=record.threshold)
    intervals = measure_intervals(positives, probabilities, predicted.groups, threshold=record.threshold)
    return EvaluationRecord(
        schema_version=EvaluationRecord.VERSION,
        **stamp(),
        run=predictor.run.name,
        run_created=record.created,
        weights_sha256=record.weights_sha256,
        dataset_fingerprint=dataset_fingerprint,
        arch=record.arch,
        split=split,
        positive=predictor.positive,
        negative=predictor.negative,
        threshold=record.threshold,
        operating_point=record.operating_point,
        films=len(predicted.films),
        patients=len(set(predicted.groups)),
        films_without_patient=sum(not film.patient for film in predicted.films),
        trained_without_patient=record.films_without_patient,
        positives=int(positives.sum()),
        negatives=int((~positives).sum()),
        metrics=metrics,
        intervals=intervals,
        interval_method=METHOD,
        calibration=measure_probabilities(record, predicted, intervals, prevalence=prevalence),
        predictive_values=_predictive_values(metrics, intervals, prevalence) if prevalence else None,
        confusion_matrix=asdict(count_confusion(positives, predicted.called)),
        classification_report=classification_report(
            positives, predicted.called, negative=predictor.negative, positive=predictor.positive
        ),
        sample_size=auc_sample_size(positives, probabilities, predicted.groups),
        subgroups=by_subgroup(predicted),
        same_dataset=same_dataset,
        abstentions=_abstentions(predicted, threshold=record.threshold),
        seen=seen,
        external=None,
        decision=measure_decision(record, predicted, prevalence=prevalence),
        risk_coverage=measure_abstaining(predicted),
        partial_auc=partial_auc(positives, predicted.raw, predicted.groups, max_fpr=max_fpr)
        if max_fpr and positives.any() and not positives.all()
        else None,
        sets=_sets(predictor, predicted, alpha),
    )


def _sets(predictor: Predictor, predicted: PredictedFilms, alpha: float) -> SetFigures | None:
    try:
        rule = open_sets(predictor.run, alpha).rule
    except WorkspaceError as problem:
        note(f"No prediction sets: they need the run's predictions for its validation films. {problem.message}")
        return None
    return measure_sets(rule, predicted.positives, predicted.raw, predicted.groups)


def _abstentions(predicted: PredictedFilms, *, threshold: float) -> Abstentions:
    given = np.array([not doubt for doubt in predicted.doubts], dtype=bool)
    metrics: dict[str, float | None] = {}
    if given.any() and not given.all():
        metrics = measure(predicted.positives[given], predicted.probabilities[given], threshold=threshold)
    return Abstentions(
        films=int((~given).sum()),
        reasons=dict(Counter(filter(None, predicted.doubts)).most_common()),
        positives=int((predicted.positives & ~given).sum()),
        metrics_without=metrics,
    )


def by_subgroup(predicted: PredictedFilms) -> list[SubgroupRow]:
    """The metrics by view, sex, age band, source and finding, each film at the threshold of its run."""
    return subgroups(
        subgroup_columns(predicted.films),
        predicted.positives,
        predicted.probabilities,
        predicted.groups,
        threshold=predicted.thresholds,
    )


def subgroup_columns(films: Sequence[Film]) -> dict[str, list[str]]:
    """The values that subgroups are made of, one per film: view, sex, age band, source and finding."""
    return {
        "view": [film.view for film in films],
        "sex": [film.sex for film in films],
        "age": [age_band(film.age) for film in films],
        "source": [film.source for film in films],
        "finding": [film.finding for film in films],
    }


def _predictive_values(
    metrics: dict[str, float | None], intervals: dict[str, Interval | None], prevalence: float
) -> PredictiveValues:
    sensitivity, specificity = metrics["sensitivity"], metrics["specificity"]
    of_sensitivity, of_specificity = intervals["sensitivity"], intervals["specificity"]
    if sensitivity is None or specificity is None:  # with films of one class only one of the two is known
        return PredictiveValues(
            prevalence=prevalence, positive=None, negative=None, positive_interval=None, negative_interval=None
        )
    positive, negative = predictive_values(sensitivity, specificity, prevalence=prevalence)
    both: tuple[Interval | None, Interval | None] = (None, None)
    if of_sensitivity and of_specificity:
        both = predictive_intervals(
            Estimate(sensitivity, of_sensitivity), Estimate(specificity, of_specificity), prevalence=prevalence
        )
    # Where no film is called one of the two, its predictive value is not known.
    return PredictiveValues(
        prevalence=prevalence,
        positive=None if np.isnan(positive) else positive,
        negative=None if np.isnan(negative) else negative,
        positive_interval=None if np.isnan(positive) else both[0],
        negative_interval=None if np.isnan(negative) else both[1],
    )


def write_evaluation(folder: EvaluationFolder, record: EvaluationRecord, predicted: PredictedFilms) -> None:
    """Write the predictions, the pictures and, last, the record."""
    PREDICTIONS.write(folder.predictions, predicted.rows(negative=record.negative, positive=record.positive))
    draw_all_curves(folder, record, predicted)
    write_record(folder.record, record)
