"""What limits the figures of an evaluation, as doubts."""

from collections.abc import Iterator

from cxr_cli.doubts import Doubt, alarm, loudest_first, remark, warning
from cxr_cli.evaluation.calibration_in_words import calibration_caveats
from cxr_cli.evaluation.external_in_words import another_class, class_doubt, external_doubt
from cxr_cli.evaluation.record import EvaluationRecord, SeenFilms
from cxr_cli.evaluation.sets_in_words import missed_promises
from cxr_cli.films.in_words import TOO_NARROW, narrow_in_words, unnamed_in_words
from cxr_cli.metrics.chance import Standing, standing, standing_in_words
from cxr_cli.workspace.folders import PARTS

# Over five folds with 15 to 19 negatives to choose on, sensitivity had a standard deviation of 0.24.
_FEW = 30


def caveats(evaluation: EvaluationRecord) -> list[Doubt]:
    """The doubts that follow from an evaluation, the loudest first."""
    return loudest_first(_caveats(evaluation))


def _caveats(evaluation: EvaluationRecord) -> Iterator[Doubt]:
    split = evaluation.split
    of_training = split in PARTS[:-1] and evaluation.external is None
    if of_training:
        yield alarm(f"The {split} films were used in training: these figures don't test the run.")
    yield from _seen(evaluation, of_training=of_training)
    if evaluation.external and another_class(evaluation.external.positive, evaluation.positive):
        yield class_doubt(evaluation.external.positive, evaluation.positive)
    if not of_training:
        yield from _unknown_patients(evaluation)
    if not evaluation.positives or not evaluation.negatives:
        label, metric = (
            (evaluation.truth.negative, "specificity")
            if evaluation.negatives
            else (evaluation.truth.positive, "sensitivity")
        )
        yield remark(f"All films are {label}: only the {metric} can be measured.")
    elif evaluation.external:
        yield from filter(None, [external_failure(evaluation)])
    elif standing(area := evaluation.intervals["roc_auc"]) is not Standing.BETTER:
        yield alarm(standing_in_words(area))
    point = evaluation.operating_point
    if point and not point.rule.startswith("threshold") and min(point.positives, point.negatives) < _FEW:
        yield warning(
            f"The operating point was chosen on {point.positives} {evaluation.positive} and {point.negatives} "
            f"{evaluation.negative} validation films: with so few films, sensitivity and specificity depend on the "
            "split."
        )
    if _predicts_one_class(evaluation):
        yield warning(
            "The run predicts the same class for every film: at this threshold it doesn't separate the classes."
        )
    yield from calibration_caveats(evaluation)
    yield from map(warning, missed_promises(evaluation))


def external_failure(evaluation: EvaluationRecord) -> Doubt | None:
    """What the AUC on films from elsewhere says against the run; None where it says nothing, or can't be measured."""
    external, auc = evaluation.external, evaluation.metrics["roc_auc"]
    if external is None or auc is None:
        return None
    gap = external.gaps.get("roc_auc")
    return external_doubt(
        evaluation.split,
        auc=auc,
        interval=evaluation.intervals["roc_auc"],
        internal=gap.internal if gap else None,
        gap=gap.gap if gap else None,
        gap_interval=gap.interval if gap else None,
        finding=external.positive if another_class(external.positive, evaluation.positive) else "",
    )


def _seen(evaluation: EvaluationRecord, *, of_training: bool) -> Iterator[Doubt]:
    """Films that the run was trained on, or may have been."""
    run, split = evaluation.run, evaluation.split
    if evaluation.seen and not evaluation.seen.dropped and evaluation.seen.count:
        yield alarm(
            f"{run} was trained or validated on {evaluation.seen.count} of these {evaluation.films} films or their "
            f"copies or patients ({seen_in_words(evaluation.seen)}): the figures may be too good.",
            "Leave those films out: --drop-seen",
        )
    elif evaluation.seen is None and not evaluation.same_dataset and not of_training:
        yield alarm(
            f"{run} keeps no record of its training films, and these may be among them."
            if evaluation.external
            else f"{run} was trained on another dataset or split than the one it was tested on; these {split} films "
            "may have been among its training films.",
            "Train it again for an honest figure.",
        )


def _unknown_patients(evaluation: EvaluationRecord) -> Iterator[Doubt]:
    """What follows where films name no patient, of those that were tested or of those that the run was trained on."""
    tested, trained = evaluation.films_without_patient, evaluation.trained_without_patient
    if evaluation.external is None and tested:
        yield warning(
            f"{unnamed_in_words(evaluation.films, tested)}: a patient may be both in training and in test, which would "
            f"make the figures too good. Each of these films counts as a patient of its own. {TOO_NARROW}"
        )
    elif evaluation.external is None and trained:
        yield warning(
            f"Of the films of training and validation, {trained:,} name no patient: their patients may be in test too, "
            "which would make the figures too good."
        )
    elif tested:
        yield remark(narrow_in_words(evaluation.films, tested))


def seen_in_words(seen: SeenFilms) -> str:
    """How many films the run has seen, and how it knows them, in words."""
    counts = {
        "the same film": seen.films,
        "a copy": seen.copies,
        "perhaps a copy": seen.maybe_copies,
        "another film of the patient": seen.patients,
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def _predicts_one_class(evaluation: EvaluationRecord) -> bool:
    cells = evaluation.confusion_matrix
    called_positive = cells["true_positive"] + cells["false_positive"]
    return called_positive in (0, evaluation.films) and bool(evaluation.positives and evaluation.negatives)
