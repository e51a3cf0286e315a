"""The record of an audit."""

from cxr_cli.films.in_words import count_in_words
from cxr_cli.metrics.intervals import Interval
from cxr_cli.workspace.records import Record, RecordPart


class AuditValue(RecordPart, frozen=True, kw_only=True):
    """The films with one value of a column."""

    value: str
    negatives: int
    positives: int


class ShortcutCheck(RecordPart, frozen=True, kw_only=True):
    """How well something that is not the disease separates the classes; an AUC of 0.5 is chance."""

    name: str  # "source", "image size", "age missing", "outer border" …
    kind: str  # "column" of the manifest or the files, "missing" values of one, or "probe": a classifier on
    # features, or "network": one on the features of a frozen network
    level: str  # "alarm", "warning", "noted" (beyond chance, but no reason to warn) or "ok"
    films: int  # with a known value
    patients: int
    auc: float | None  # out of fold, by patient; None where all films are alike in it, or patients are too few
    interval: Interval | None
    p: float | None  # of a result as good by chance, corrected for the number of checks (Holm)
    cramers_v: float | None  # between values and classes, of all films; None without values
    values: list[AuditValue]  # the most frequent first; none of a probe or network

    @property
    def title(self) -> str:
        """Its name with what did the check, where that is a classifier: two of them may look at the same thing."""
        return f"{self.name} (forest)" if self.kind == "probe" else self.name  # a network is in the name already


class AuditFinding(RecordPart, frozen=True, kw_only=True):
    """One problem of the dataset: something to fix, or to know."""

    level: str  # "alarm" or "warning"
    about: str  # a check's name, "parts", "labels", "patients" …
    found: str  # in one sentence, like the next three
    numbers: str
    why: str
    next: str  # commands stand between backticks


class AuditRecord(Record, frozen=True, kw_only=True):
    """`audit.json`: shortcuts that separate a dataset's classes without the disease, and leaks between its parts."""

    VERSION = 3
    MADE_BY = "cxr audit"

    dataset_fingerprint: str
    seed: int
    positive: str
    negative: str
    films: dict[str, int]  # label -> films
    patients: int
    films_without_patient: int | None = None  # of them, that name no patient; None from before this was recorded
    level: str  # of the most serious finding; "ok" without any
    verdict: str  # in one sentence
    alarms: int
    warnings: int
    findings: list[AuditFinding]  # alarms first
    checks: list[ShortcutCheck]  # the same
    notes: list[str]  # what else to know, in sentences

    def counted(self) -> str:
        """How many films of how many patients there are, in words."""
        return count_in_words(sum(self.films.values()), self.patients, self.films_without_patient)
