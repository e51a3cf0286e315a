"""What the workspace knows against a run, read in a moment: for all that shows predictions of it.

The records are read in part, by structs that skip all other fields, so that a prediction doesn't wait for the modules
that the whole records need.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from cxr_cli.doubts import Doubt, Weight, alarm, loudest_first, warning
from cxr_cli.evaluation.external_in_words import another_class, external_doubt
from cxr_cli.metrics.chance import Standing, standing, standing_in_words
from cxr_cli.metrics.intervals import Interval
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import Workspace

S = TypeVar("S", bound=msgspec.Struct)


class _Run(msgspec.Struct):
    created: str
    dataset_fingerprint: str
    weights_sha256: str | None = None


class _Gap(msgspec.Struct):
    internal: float | None
    gap: float | None
    interval: Interval | None


class _External(msgspec.Struct):
    positive: str
    gaps: dict[str, _Gap]


class _Test(msgspec.Struct):
    run_created: str
    weights_sha256: str | None
    split: str
    positive: str
    metrics: dict[str, float | None]
    intervals: dict[str, Interval | None]
    external: _External | None = None

    def is_of(self, run: _Run) -> bool:
        """Whether the run still has the weights that were tested."""
        if run.weights_sha256 is None:
            return self.run_created == run.created
        return self.weights_sha256 == run.weights_sha256


class _Finding(msgspec.Struct):
    level: str
    found: str
    numbers: str


class _Audit(msgspec.Struct):
    dataset_fingerprint: str
    findings: list[_Finding]
    weights_sha256: str | None = None  # of a model's audit

    @property
    def alarms(self) -> list[_Finding]:
        return [finding for finding in self.findings if finding.level == Weight.ALARM]


def run_doubts(workspace: Workspace, run: RunFolder) -> list[Doubt]:
    """Find what speaks against a run's predictions, in the records of the workspace.

    It is the run's last test (there is none; not shown to be better than chance; worse than chance), its external tests
    (failed) and the audits of its dataset and of its model (alarms). Nothing is computed, and a record that is damaged
    or not of the run as it is now counts as missing.

    Args:
        workspace: with the run's evaluations and audits.
        run: its folder; the bundled model has its own model card, and so isn't blamed for a missing test.

    Returns:
        The loudest first; each sentence names the run, and can stand alone below its predictions.
    """
    record = _read(run.record, _Run)
    if record is None:
        return []
    test = _read(workspace.evaluation(run.name, "test").record, _Test)
    current = test if test and test.is_of(record) else None
    return loudest_first(
        [
            *_of_test(run, test, current),
            *_of_external_tests(workspace, run, record),
            *_of_audits(workspace, run, record, current),
        ]
    )


def _of_test(run: RunFolder, test: _Test | None, current: _Test | None) -> Iterator[Doubt]:
    command = f"cxr evaluate {run.name}"
    if current and current.metrics.get("roc_auc") is not None:
        around = current.intervals.get("roc_auc")
        if standing(around) is not Standing.BETTER:
            words = standing_in_words(around)
            yield alarm(f"On its test films, {run.name} is {words[0].lower()}{words[1:]}")
    elif test and not current:
        yield warning(f"{run.name} was trained again since its test.", f"Test it again: {command}")
    elif not test and not run.version:
        yield warning(f"{run.name} has not been tested: nobody knows how often it is right.", f"Test it: {command}")


def _of_external_tests(workspace: Workspace, run: RunFolder, record: _Run) -> Iterator[Doubt]:
    for path in sorted(workspace.evaluation(run.name, "test").root.parent.glob("[!.]*/report.json")):
        test = _read(path, _Test) if path.parent.name != "test" else None
        if not test or not test.external or not test.is_of(record):
            continue
        auc, gap = test.metrics.get("roc_auc"), test.external.gaps.get("roc_auc")
        if auc is None:  # of films of one class
            continue
        doubt = external_doubt(
            test.split,
            auc=auc,
            interval=test.intervals.get("roc_auc"),
            internal=gap.internal if gap else None,
            gap=gap.gap if gap else None,
            gap_interval=gap.interval if gap else None,
            finding=test.external.positive if another_class(test.external.positive, test.positive) else "",
        )
        if doubt:
            yield doubt


def _of_audits(workspace: Workspace, run: RunFolder, record: _Run, test: _Test | None) -> Iterator[Doubt]:
    audit = _read(workspace.audit.record, _Audit)
    if audit and audit.alarms and audit.dataset_fingerprint == record.dataset_fingerprint:
        auc = test.metrics.get("roc_auc") if test else None
        beside = "" if auc is None else f" {run.name} itself has an AUC of {auc:.3f} on its test films."
        subject = f"The audit of the films that {run.name} was trained on"
        yield _sounded(subject, audit.alarms, workspace.audit.page, beside)
    folder = workspace.model_audit(run.name)
    of_model = _read(folder.record, _Audit)
    if of_model and of_model.alarms and of_model.weights_sha256 == record.weights_sha256:
        yield _sounded(f"The audit of the model {run.name}", of_model.alarms, folder.page)


def audit_alarm(subject: str, first: str, *, beside: str = "", more: int = 0) -> str:
    """Say that an audit sounded an alarm: the first one in full, and how many more there are.

    Args:
        subject: the audit, as the sentence begins.
        first: the first alarm with its numbers, in sentences.
        beside: what to compare them with, a sentence that begins with a space. Defaults to nothing.
        more: how many other alarms there are. Defaults to 0.
    """
    others = f" There {'is 1 more alarm' if more == 1 else f'are {more} more alarms'}." if more else ""
    return f"{subject} sounded an alarm: {first[0].lower()}{first[1:]}{beside}{others}"


def _sounded(subject: str, alarms: list[_Finding], page: Path, beside: str = "") -> Doubt:
    first = f"{alarms[0].found} {alarms[0].numbers}"
    return alarm(audit_alarm(subject, first, beside=beside, more=len(alarms) - 1), f"Read it: {page}")


def _read(path: Path, kind: type[S]) -> S | None:
    """A part of a record; None where the file is missing or damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
