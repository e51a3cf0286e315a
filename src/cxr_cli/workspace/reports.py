"""The records of what runs and datasets are worth."""

from cxr_cli.workspace.records import Record


class ReportRecord(Record, frozen=True, kw_only=True):
    """`report.json`: how a run did on films it was not trained on."""

    VERSION = 1
    MADE_BY = "cxr evaluate"

    run: str
    arch: str
    split: str
    positive: str
    negative: str
    threshold: float
    films: int
    patients: int
    metrics: dict[str, float | None]
    confusion_matrix: dict[str, int]  # true_positive, false_positive, false_negative, true_negative
    classification_report: dict[str, dict[str, float]]
    same_dataset: bool  # the run was trained on this very split
