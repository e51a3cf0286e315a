"""`dataset.json`, the record of a prepared dataset."""

from typing import Any

import msgspec

from cxr_cli.dataset.classes import Classes
from cxr_cli.errors import WorkspaceError
from cxr_cli.films.in_words import patient_count
from cxr_cli.lungs.framing import Framing, framing_of_segment
from cxr_cli.workspace.folders import PARTS
from cxr_cli.workspace.layout import PREPARE_COMMAND, Workspace
from cxr_cli.workspace.records import Record, RecordPart, read_record, require


class FunnelStep(RecordPart, frozen=True, kw_only=True):
    """One rule of `prepare`."""

    rule: str
    removed: int
    left: int
    patients: int | None = None  # named by the films that are left; None where no film names its patient


class Leak(RecordPart, frozen=True, kw_only=True):
    """What two parts of a given split have in common."""

    earlier: str
    later: str
    films: int  # of the later part, with their patient or a copy in the earlier part
    patients: int  # of these films
    copies: int  # of them, exact copies of a film of the earlier part
    near_copies: int = 0  # of them, altered films of the earlier part


class Duplicates(RecordPart, frozen=True, kw_only=True):
    """Films that a dataset has more than once, counted in pairs; `duplicates.csv` lists them."""

    exact: int  # the same file
    near: int  # the same film, altered
    other_class: int  # pairs with two labels, one of which is wrong
    other_patient: int  # pairs whose films are listed under two patients
    other_source: int
    other_part: int  # none, unless parts were given
    contradictions: list[tuple[str, str]] = msgspec.field(
        default_factory=list
    )  # of the pairs with two labels the first ten, by the manifest's paths


class DatasetRecord(Record, frozen=True, kw_only=True):
    """`dataset.json`: how the dataset came to be."""

    VERSION = 4
    OLDEST = 1
    MADE_BY = PREPARE_COMMAND

    options: dict[str, Any]
    rows: int
    patients_listed: int | None = None  # named in these rows or files; None where no film names its patient
    funnel: list[FunnelStep]
    findings: dict[str, dict[str, int]]  # label -> finding -> films
    films: dict[str, dict[str, int]]  # part -> label -> films
    patients: dict[str, int]  # part -> groups: patients, and films that name none
    films_without_patient: int
    class_indices: dict[str, int]
    fingerprint: str  # of every film's content, label and part
    given_parts: list[str] = msgspec.field(
        default_factory=list
    )  # parts that the class folders came with, kept as they are
    leaks: list[Leak] = msgspec.field(default_factory=list)  # between given parts; empty if cxr made the split
    duplicates: Duplicates | None = None  # None in a dataset from before duplicates were looked for
    notes: list[str] = msgspec.field(default_factory=list)  # what else to know about the dataset, in sentences
    framing: Framing | None = None  # what is done to a film first; None for whole films
    failed: dict[str, str] = msgspec.field(default_factory=dict)  # image -> why it could not be read

    @classmethod
    def upgrade(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Read `segment` of version 1 as a framing."""
        return framing_of_segment(fields)

    def __post_init__(self) -> None:
        """Make sure that there are two classes, and that the films of each part are counted by them."""
        Classes.from_indices(self.class_indices)
        require(PARTS, self.films, self.patients)
        for films in self.films.values():
            require(self.class_indices, films)

    @property
    def classes(self) -> Classes:
        """The two classes."""
        return Classes.from_indices(self.class_indices)

    @property
    def patients_from(self) -> str:
        """Where the patients of the films are known from, in words; empty where no film names its patient."""
        if self.films_without_patient >= sum(sum(films.values()) for films in self.films.values()):
            return ""
        if self.options.get("folders"):
            return "file names"
        return "DICOM headers, as pseudonyms" if self.options.get("dicom") else "metadata"

    def patients_in(self, part: str) -> str:
        """How many patients a part has, in words."""
        films = sum(self.films[part].values())
        some = None if self.films_without_patient else 0
        return patient_count(films, self.patients[part], some if self.patients_from else films)

    @property
    def patients_apart(self) -> bool:
        """Whether it is known that no patient, and no copy of a film, is in two parts."""
        return not self.films_without_patient and not self.leaks


def check_unchanged(workspace: Workspace, made: DatasetRecord) -> None:
    """Make sure that no other command prepared another dataset after `made` was read.

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
