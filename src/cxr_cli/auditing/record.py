"""The record of an audit."""

from cxr_cli.metrics.intervals import Interval
from cxr_cli.workspace.records import Record, RecordPart


class AuditValue(RecordPart, frozen=True, kw_only=True):
    """Films that have one value of a column."""

    value: str
    negatives: int
    positives: int


class AuditLook(RecordPart, frozen=True, kw_only=True):
    """How well something that is not the disease tells the classes apart; 0.5 is chance."""

    name: str  # "source", "image size", "age missing", "outer border" …
    kind: str  # "column" of the manifest or the files, "missing" values of one, or "probe": a classifier on features
    level: str  # "alarm", "warning" or "ok"
    films: int  # of which it is known
    patients: int
    auc: float | None  # of films out of fold, by patient; None where there is nothing to tell by, or too few patients
    interval: Interval | None
    p: float | None  # that chance alone does as well, corrected for the number of looks (Holm)
    cramers_v: float | None  # between values and classes, of all films; None for a probe
    values: list[AuditValue]  # the most frequent first; none of a probe


class AuditFinding(RecordPart, frozen=True, kw_only=True):
    """One thing to mend, or to know."""

    level: str  # "alarm" or "warning"
    about: str  # a look's name, "parts", "labels", "patients" …
    found: str  # in one sentence, as are the rest
    numbers: str
    why: str
    next: str  # commands stand between backticks


class AuditRecord(Record, frozen=True, kw_only=True):
    """`audit.json`: what tells a dataset's classes apart without the disease, and what leaks between its parts."""

    VERSION = 1
    MADE_BY = "cxr audit"

    dataset_fingerprint: str
    seed: int
    positive: str
    negative: str
    films: dict[str, int]  # label -> films
    patients: int
    level: str  # the loudest finding's; "ok" without any
    verdict: str  # in one sentence
    alarms: int
    warnings: int
    findings: list[AuditFinding]  # the loudest first
    looks: list[AuditLook]  # the same
    notes: list[str]  # what else to know of it, in sentences
