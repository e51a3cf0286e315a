"""What speaks against a report's figures, in sentences."""

from cxr_cli.evaluation.record import ReportRecord, SeenFilms
from cxr_cli.workspace.folders import PARTS

# Over five folds with 15 to 19 negatives to choose on, sensitivity had a standard deviation of 0.24.
_FEW = 30


def doubts(report: ReportRecord) -> list[str]:
    """The doubts that a report itself shows; none where it shows none, which is no proof."""
    found = []
    part_of_training = report.split in PARTS[:-1] and report.external is None
    if part_of_training:
        found.append(f"The {report.split} films had a part in the training: these figures are no test.")
    if report.seen and not report.seen.dropped and _count(report.seen):
        found.append(
            f"Warning: {report.run} was trained or validated on {_count(report.seen)} of these {report.films} films "
            f"or their kin ({seen_in_words(report.seen)}): the figures may be too good. Leave those out: --drop-seen"
        )
    elif report.seen is None and not report.same_dataset and not part_of_training:
        found.append(
            f"Warning: {report.run} keeps no record of its training films, and these may be among them. Train it again "
            "for an honest figure."
            if report.external
            else f"Warning: {report.run} was trained on another dataset or split than the one it was tested on; these "
            f"{report.split} films may have been among its training films. Train again for an honest figure."
        )
    if not report.positives or not report.negatives:
        there, told = (report.negative, "specificity") if report.negatives else (report.positive, "sensitivity")
        found.append(f"All films are {there}: they tell the {told} and nothing else.")
    area = report.intervals["roc_auc"]
    if area and area.low <= 0.5:
        found.append(
            f"Not shown to be better than chance: the AUC's interval, {area.low:.3f} to {area.high:.3f}, includes 0.5."
        )
    point = report.operating_point
    if point and not point.rule.startswith("threshold") and min(point.positives, point.negatives) < _FEW:
        found.append(
            f"The operating point was chosen on {point.positives} {report.positive} and {point.negatives} "
            f"{report.negative} validation films: on so few, sensitivity and specificity move with the draw."
        )
    cells = report.confusion_matrix
    if cells["true_positive"] + cells["false_positive"] in (0, report.films) and report.positives and report.negatives:
        found.append("The run gives every film the same answer: at this threshold it tells nothing apart.")
    return found


def seen_in_words(seen: SeenFilms) -> str:
    """How many films, and how each is known."""
    counts = {"the very film": seen.films, "a near-twin": seen.twins, "another film of the patient": seen.patients}
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def _count(seen: SeenFilms) -> int:
    return seen.films + seen.twins + seen.patients
