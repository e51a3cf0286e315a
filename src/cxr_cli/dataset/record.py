"""`dataset.json`, the record of a prepared dataset."""

from typing import Any

import msgspec

from cxr_cli.dataset.classes import Classes
from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.layout import PREPARE_COMMAND, Workspace
from cxr_cli.workspace.records import Record, RecordPart, read_record


class FunnelStep(RecordPart, frozen=True, kw_only=True):
    """One rule of `prepare`."""

    rule: str
    removed: int
    left: int


class Leak(RecordPart, frozen=True, kw_only=True):
    """What two parts of a split that was given have in common."""

    earlier: str
    later: str
    films: int  # of the later part, whose patient or copy is in the earlier part too
    patients: int  # that they are of
    copies: int  # of them, exact copies of a film of the earlier part
    near_copies: int = 0  # of them, films of the earlier part saved anew, resized, cropped or inverted


class Duplicates(RecordPart, frozen=True, kw_only=True):
    """Films that a dataset has more than once, in pairs; `duplicates.csv` names them."""

    exact: int  # the same file
    near: int  # the same film saved anew, resized, cropped or inverted
    other_class: int  # of all, pairs with two labels: one of them is wrong
    other_patient: int  # pairs whose films are said to be of two patients
    other_source: int
    other_part: int  # none, unless parts were given
    contradictions: list[tuple[str, str]] = msgspec.field(
        default_factory=list
    )  # of the pairs with two labels the first ten, by the manifest's paths


class DatasetRecord(Record, frozen=True, kw_only=True):
    """`dataset.json`: how the dataset came to be."""

    VERSION = 1
    MADE_BY = PREPARE_COMMAND

    options: dict[str, Any]
    rows: int
    funnel: list[FunnelStep]
    findings: dict[str, dict[str, int]]  # label -> finding -> films
    films: dict[str, dict[str, int]]  # part -> label -> films
    patients: dict[str, int]  # part -> patients
    films_without_patient: int
    class_indices: dict[str, int]
    fingerprint: str  # of every film's content, label and part
    given_parts: list[str] = msgspec.field(default_factory=list)  # that the class folders came with, kept as they are
    leaks: list[Leak] = msgspec.field(default_factory=list)  # between given parts; none where the split is cut here
    duplicates: Duplicates | None = None  # none in a dataset of before they were looked for
    notes: list[str] = msgspec.field(default_factory=list)  # what else to know of the dataset, in sentences
    segment: str | None = None  # the method by which its films show the lungs alone

    @property
    def classes(self) -> Classes:
        """The two classes."""
        return Classes.from_indices(self.class_indices)


def check_unchanged(workspace: Workspace, made: DatasetRecord) -> None:
    """Make sure that no other command prepared another dataset since `made` was read.

    Raises:
        WorkspaceError: another one was, or it is missing or damaged.
    """
    now = read_record(workspace.prepared().record, DatasetRecord)
    if now.fingerprint != made.fingerprint:
        raise WorkspaceError(
            f"Expected the dataset {workspace.dataset.root} to stay as it was while its films were read. "
            "Received: another one, prepared meanwhile.",
            hint="Run the same command again",
        )
