"""What the workspace knows against a run, read in a moment: for all that shows predictions of it.

The records are read in part, by structs that skip all other fields, so that a prediction doesn't wait for the modules
that the whole records need.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from cxr_cli.doubts import Doubt, Weight, alarm, loudest_first, warning
from cxr_cli.evaluation.external_in_words import another_class, external_doubt
from cxr_cli.metrics.chance import Standing, run_standing_in_words, standing
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


@dataclass(frozen=True)
class _Known:
    """A run, and what is known of it as it is now."""

    run: RunFolder
    record: _Run
    test: _Test | None  # the last one on its own test films, also of earlier weights

    @property
    def auc(self) -> float | None:
        """On its own test films, as it is now."""
        return self.test.metrics.get("roc_auc") if self.test and self.test.is_of(self.record) else None


def run_doubts(workspace: Workspace, *runs: RunFolder, beside: str = "") -> list[Doubt]:
    """Find what speaks against the predictions of a run, or of several, in the records of the workspace.

    It is a run's last test (there is none; not shown to be better than chance; worse than chance), its external tests
    (failed) and the audits of its dataset and of its model (alarms). Nothing is computed, and a record that is damaged
    or not of the run as it is now counts as missing.

    Args:
        workspace: with the runs' evaluations and audits.
        runs: their folders; the bundled model has its own model card, and so isn't blamed for a missing test.
        beside: an evaluation whose own doubts are shown already, by its name (`test`, or that of films from
            elsewhere). Defaults to none.

    Returns:
        The loudest first; each sentence names its run, and can stand alone below a prediction.
    """
    known = [
        _Known(run, record, _read(workspace.evaluation(run.name, "test").record, _Test))
        for run in runs
        if (record := _read(run.record, _Run))
    ]
    return loudest_first(
        [
            *(doubt for one in known if beside != "test" for doubt in _of_test(one)),
            *(doubt for one in known for doubt in _of_external_tests(workspace, one, beside)),
            *_of_data_audit(workspace, known),
            *(doubt for one in known for doubt in _of_model_audit(workspace, one)),
        ]
    )


def _of_test(one: _Known) -> Iterator[Doubt]:
    name, command = one.run.name, f"cxr evaluate {one.run.name}"
    if one.auc is not None and one.test:
        around = one.test.intervals.get("roc_auc")
        if standing(around) is not Standing.BETTER:
            yield alarm(run_standing_in_words(name, "test", around))
    elif one.test and not one.test.is_of(one.record):
        yield warning(f"{name} was trained again since its test.", f"Test it again: {command}")
    elif not one.test and not one.run.version:
        yield warning(f"{name} has not been tested: nobody knows how often it is right.", f"Test it: {command}")


def _of_external_tests(workspace: Workspace, one: _Known, beside: str) -> Iterator[Doubt]:
    for path in sorted(workspace.evaluation(one.run.name, "test").root.parent.glob("[!.]*/report.json")):
        test = None if path.parent.name in ("test", beside) else _read(path, _Test)
        if not test or not test.external or not test.is_of(one.record):
            continue
        if another_class(test.external.positive, test.positive):  # no test of what the run was trained to find
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
        )
        if doubt:
            yield doubt


def _of_data_audit(workspace: Workspace, known: Sequence[_Known]) -> Iterator[Doubt]:
    """One doubt for all runs that were trained on the audited films."""
    audit = _read(workspace.audit.record, _Audit)
    trained = [one for one in known if audit and audit.dataset_fingerprint == one.record.dataset_fingerprint]
    if not audit or not audit.alarms or not trained:
        return
    names, beside = " and ".join(one.run.name for one in trained), ""
    if len(trained) > 2:
        names = "these runs"
    if len(trained) == 1 and trained[0].auc is not None:
        beside = f" {names} itself has an AUC of {trained[0].auc:.3f} on its test films."
    were = "was" if len(trained) == 1 else "were"
    yield _sounded(f"The audit of the films that {names} {were} trained on", audit.alarms, workspace.audit.page, beside)


def _of_model_audit(workspace: Workspace, one: _Known) -> Iterator[Doubt]:
    folder = workspace.model_audit(one.run.name)
    audit = _read(folder.record, _Audit)
    if audit and audit.alarms and audit.weights_sha256 == one.record.weights_sha256:
        yield _sounded(f"The audit of the model {one.run.name}", audit.alarms, folder.page)


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


def in_short(found: str, numbers: str) -> str:
    """What an audit found with its AUC alone, where it has one: the page has the rest."""
    auc = re.match(r"AUC \d\.\d+( \([^)]+\))?", numbers)
    return f"{found.rstrip('.')}, {auc[0]}." if auc else f"{found} {numbers}"


def _sounded(subject: str, alarms: list[_Finding], page: Path, beside: str = "") -> Doubt:
    first = in_short(alarms[0].found, alarms[0].numbers)
    return alarm(audit_alarm(subject, first, beside=beside, more=len(alarms) - 1), f"Read it: {page}")


def _read(path: Path, kind: type[S]) -> S | None:
    """A part of a record; None where the file is missing or damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
