"""The curves of an evaluation: net benefit, what abstaining is worth, precision and recall, and a part of the ROC."""

import numpy as np

from cxr_cli.evaluation.in_words import useful_range
from cxr_cli.evaluation.predicted import PredictedFilms
from cxr_cli.evaluation.record import Decision, EvaluationRecord
from cxr_cli.explanation.ranking import margin
from cxr_cli.metrics.chart_films import ChartFilms
from cxr_cli.metrics.curve_plots import draw_decision_curve, draw_precision_recall, draw_risk_coverage
from cxr_cli.metrics.decision_curve import decision_curve
from cxr_cli.metrics.forest_plot import draw_forest
from cxr_cli.metrics.plots import draw_confusion, draw_reliability, draw_roc, draw_scores
from cxr_cli.metrics.risk_coverage import RiskCoverage, risk_coverage
from cxr_cli.recipe.prevalence import shifted_to, why_no_shift
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.folders import EvaluationFolder


def measure_decision(run: RunRecord, predicted: PredictedFilms, *, prevalence: float | None) -> Decision | None:
    """The decision curve, of people with the stated prevalence where the probabilities can be shifted to it.

    Args:
        run: its record.
        predicted: its predictions.
        prevalence: in (0, 1). None for the share of positive films.

    Returns:
        None without films of both classes.
    """
    positives, probabilities = predicted.positives, predicted.probabilities
    if positives.all() or not positives.any():
        return None
    if prevalence and not why_no_shift(run):
        probabilities = np.asarray(shifted_to(run, prevalence).calibrated(predicted.raw))
    else:
        prevalence = None
    points = decision_curve(positives, probabilities, predicted.groups, prevalence=prevalence)
    return Decision(prevalence=prevalence or float(positives.mean()), stated=prevalence is not None, points=points)


def measure_abstaining(predicted: PredictedFilms) -> RiskCoverage:
    """The risk-coverage curve by distance from the threshold, with what `cxr predict` abstains from."""
    given = np.array([not doubt for doubt in predicted.doubts], dtype=bool)
    right = predicted.called == predicted.positives
    return risk_coverage(right, confidence_of(predicted), given, predicted.groups)


def confidence_of(predicted: PredictedFilms) -> np.ndarray:
    """(N,) how far each film is from its threshold, as a share of how far it can be: in [0, 1]."""
    pairs = zip(predicted.probabilities, predicted.thresholds, strict=True)
    return np.array([margin(float(probability), float(threshold)) for probability, threshold in pairs])


def draw_all_curves(folder: EvaluationFolder, record: EvaluationRecord, predicted: PredictedFilms) -> None:
    """Draw the charts of an evaluation; only one where the films are of one class."""
    title = f"{record.run} on {record.split}: {record.counted()}"
    films = ChartFilms(
        positives=predicted.positives,
        probabilities=predicted.probabilities,
        groups=predicted.groups,
        threshold=record.threshold,
        negative=record.negative,
        positive=record.positive,
        counted=record.counted(),
        title=title,
        others=(record.truth.negative, record.truth.positive),
    )
    draw_confusion(folder.confusion_picture, films)
    draw_forest(folder.subgroups_picture, record.subgroups, record.metrics, record.intervals, films=films)
    if not (record.positives and record.negatives):
        return
    draw_roc(folder.roc_picture, films)
    draw_scores(folder.scores_picture, films)
    draw_reliability(folder.reliability_picture, films, raw=predicted.raw if record.calibration.slope else None)
    draw_precision_recall(folder.precision_recall_picture, films)
    if record.decision:
        draw_decision_curve(
            folder.decision_picture,
            record.decision.points,
            positive=record.positive,
            title=f"{title}\nprevalence {record.decision.prevalence:.3g}",
            finding=useful_range(record.decision),
        )
    if record.risk_coverage:
        wrong = predicted.called != predicted.positives
        draw_risk_coverage(folder.risk_picture, wrong, confidence_of(predicted), record.risk_coverage, title=title)
