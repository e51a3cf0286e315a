"""How many patients an evaluation has, and how many a narrower interval needs, in a sentence."""

from cxr_cli.evaluation.record import EvaluationRecord


def size_in_words(evaluation: EvaluationRecord) -> str:
    """How wide the AUC's interval is, and the number of patients for a narrower one; empty where it has none."""
    size = evaluation.sample_size
    if not size:
        return ""
    truth = evaluation.truth
    label, other = truth.label(size.positive), truth.label(not size.positive)
    people = "patient" if size.patients == 1 else "patients"
    most = "" if evaluation.films_without_patient == 0 else "at most "  # each film that names none counts as one
    words = f"With {most}{size.patients:,} {label} {people}, the AUC's interval is about ±{size.half_width:.2f}"
    if size.needed is None:
        few = (
            "; these films say too little about how many patients a narrower one needs"
            if size.half_width > size.goal
            else ""
        )
        return f"{words}{few}."
    return (
        f"{words}; for ±{size.goal:g} you need about {rounded(size.needed):,}, and {other} patients in the same ratio "
        "as here."
    )


def rounded(count: int) -> int:
    """A number of patients with two digits: more would promise too much."""
    return int(float(f"{count:.2g}"))
