"""What an evaluation measured of prediction sets, in sentences."""

from cxr_cli.dataset.classes import Classes
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.films.in_words import patient_count
from cxr_cli.metrics.conformal import Coverage, SetFigures
from cxr_cli.recipe.sets import level_of, shortage

NOT_MEASURED = "Not measured: the run keeps no predictions for its validation films."


def coverages(evaluation: EvaluationRecord, sets: SetFigures) -> dict[str, Coverage]:
    """How often the sets of each class's films have it, the negative class first."""
    return {evaluation.negative: sets.negative, evaluation.positive: sets.positive}


def patients_with_sets(evaluation: EvaluationRecord, own: Coverage) -> str:
    """How many patients of one class have sets, as far as it is known."""
    without = evaluation.films_without_patient
    if without:
        without = own.films if without >= evaluation.films else None
    return patient_count(own.films, own.patients, without)


def describe_sets(evaluation: EvaluationRecord, sets: SetFigures) -> list[str]:
    """How large the sets are, what they were calibrated on, and where that was too little."""
    rule, classes = sets.rule, Classes(negative=evaluation.negative, positive=evaluation.positive)
    sizes = {"one class": sets.one, "both": sets.both, "neither": sets.neither}
    shares = ", ".join(f"{name} {count:,} ({count / evaluation.films:.0%})" for name, count in sizes.items())
    sentences = [
        f"Classes in a set: {shares}; {sets.mean_size:.2f} on average.",
        f"Calibrated on validation films of {rule.negative.patients:,} {evaluation.negative} and "
        f"{rule.positive.patients:,} {evaluation.positive} patients"
        f"{' (a film of an unknown patient counts as one)' if evaluation.trained_without_patient else ''}; "
        f"{level_of(rule.alpha)} holds for films like those.",
    ]
    few = shortage(rule, classes)
    return [*sentences, few] if few else sentences


def missed_promises(evaluation: EvaluationRecord) -> list[str]:
    """Say for which class the sets have it less often than was asked for."""
    sets = evaluation.sets
    if not sets:
        return []
    asked = 1 - sets.rule.alpha
    return [
        f"The prediction sets hold {label} for {own.share:.0%} of the {truth} patients, not for "
        f"{level_of(sets.rule.alpha)}: these films are unlike the validation films, or there were too few of those."
        for (label, own), truth in zip(coverages(evaluation, sets).items(), evaluation.truth, strict=True)
        if own.share is not None and own.interval and own.interval.high < asked
    ]
