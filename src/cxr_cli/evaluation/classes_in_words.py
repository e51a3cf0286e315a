"""How many films, of how many patients, an evaluation has of each class, in words."""

import contextlib
from collections.abc import Sequence

from cxr_cli.errors import WorkspaceError
from cxr_cli.evaluation.predicted import EvaluatedFilm, read_predictions
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.films.in_words import patient_count
from cxr_cli.workspace.folders import EvaluationFolder


def classes_of_folder(evaluation: EvaluationRecord, folder: EvaluationFolder) -> str:
    """`classes_in_words` with the patients of the predictions beside the record, where these can be read."""
    rows: Sequence[EvaluatedFilm] = ()
    with contextlib.suppress(WorkspaceError):
        rows = read_predictions(folder, evaluation)
    return classes_in_words(evaluation, rows)


def classes_in_words(evaluation: EvaluationRecord, rows: Sequence[EvaluatedFilm] = ()) -> str:
    """Say what the films are, to follow how many there are: ``3 covid films of 2 patients and 3 non_covid films of 3``.

    Args:
        evaluation: the record.
        rows: its predictions. Defaults to none: the patients of each class are not said.
    """
    truth = evaluation.truth
    sides = [
        (truth.positive, evaluation.positives, evaluation.positive),
        (truth.negative, evaluation.negatives, evaluation.negative),
    ]
    for name, films, _ in sides:
        if films == evaluation.films:
            return f"all {name}"
    if not any(row.patient for row in rows):
        return " and ".join(f"{films:,} {name}" for name, films, _ in sides)
    patients = {label: {row.group for row in rows if row.truth == label} for _, _, label in sides}
    counts = [
        patient_count(films, len(patients[label]), sum(row.truth == label and not row.patient for row in rows))
        for _, films, label in sides
    ]
    (positive, positives, _), (negative, negatives, _) = sides
    said = f"{positives:,} {positive} films of {counts[0]} patients and {negatives:,} {negative} films of {counts[1]}"
    both = len(set.intersection(*patients.values()) & {row.group for row in rows if row.patient})
    return f"{said} ({both:,} {'patient has' if both == 1 else 'patients have'} both)" if both else said
