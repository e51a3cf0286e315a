"""What speaks against a report's figures, in sentences."""

from cxr_cli.workspace.reports import ReportRecord


def doubts(report: ReportRecord) -> list[str]:
    """The doubts that a report itself shows; none where it shows none, which is no proof."""
    found = []
    if not report.same_dataset:
        found.append(
            f"Warning: {report.run} was trained on another dataset or split than the one it was tested on; these "
            f"{report.split} films may have been among its training films. Train again for an honest figure."
        )
    if report.split != "test":
        found.append(f"The {report.split} films had a part in the training: these figures are no test.")
    cells = report.confusion_matrix
    if cells["true_positive"] + cells["false_positive"] in (0, report.films):
        found.append("The run gives every film the same answer: at this threshold it tells nothing apart.")
    return found
