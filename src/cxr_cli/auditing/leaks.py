"""Patients and copies of films that are in two parts of the split or in both classes."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from cxr_cli.auditing.record import AuditFinding
from cxr_cli.dataset.manifest import Film
from cxr_cli.dataset.record import DatasetRecord, Leak
from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.folders import DatasetFolder

_NAMED = 3
_SPLIT_AGAIN = "Let cxr make the split: put all films of a class into one folder, then `cxr prepare --folders DIR`"


@dataclass(frozen=True)
class Copy:
    """Two films that show the same."""

    paths: tuple[str, str]  # from the dataset's folder
    labels: tuple[str, str]
    splits: tuple[str, str]
    kind: str  # "exact", or how they differ

    @property
    def names(self) -> str:
        """Both files, without their folders."""
        return " and ".join(path.rsplit("/", 1)[-1] for path in self.paths)


def read_copies(dataset: DatasetFolder) -> list[Copy]:
    """The copies that `prepare` found.

    Raises:
        WorkspaceError: the table is missing or damaged.
    """
    try:
        with dataset.duplicates.open(encoding="utf-8", newline="") as stream:
            return [
                Copy(
                    paths=(row["path_1"], row["path_2"]),
                    labels=(row["label_1"], row["label_2"]),
                    splits=(row["split_1"], row["split_2"]),
                    kind=row["kind"],
                )
                for row in csv.DictReader(stream)
            ]
    except (OSError, csv.Error, UnicodeDecodeError, KeyError) as error:
        raise WorkspaceError(
            f"Expected a table of copies in {dataset.duplicates}. Received: {error}.",
            hint=f"Make it again: {DatasetRecord.MADE_BY}",
        ) from error


def find_faults(record: DatasetRecord, films: Sequence[Film], copies: Sequence[Copy]) -> list[AuditFinding]:
    """What is wrong with the parts, the labels and the patients; alarms come first."""
    found = [_leak(leak, films, sum(record.films[leak.later].values())) for leak in record.leaks]
    contradictions = [copy for copy in copies if len(set(copy.labels)) > 1]
    if contradictions:
        found.append(_contradiction(contradictions))
    if record.films_without_patient:
        found.append(_nameless(record.films_without_patient, len(films)))
    return found


def _leak(leak: Leak, films: Sequence[Film], total: int) -> AuditFinding:
    parts = {part: {film.group for film in films if film.split == part} for part in (leak.earlier, leak.later)}
    shared = parts[leak.earlier] & parts[leak.later]
    names = [film.path.rsplit("/", 1)[-1] for film in films if film.split == leak.later and film.group in shared]
    copies = {"exact copies": leak.copies, "near copies": leak.near_copies}
    told = [f"{count} {kind} of {leak.earlier} films" for kind, count in copies.items() if count]
    return AuditFinding(
        level="alarm",
        about="parts",
        found=f"{leak.earlier} and {leak.later} share patients or films.",
        numbers=f"{leak.films} of {total} {leak.later} films, of {leak.patients} patients, are in {leak.earlier} too"
        + (f", {' and '.join(told)} among them" if told else "")
        + f": {some(names)}.",
        why=f"A model has seen them in {leak.earlier}, so figures on {leak.later} will be too good.",
        next=_SPLIT_AGAIN,
    )


def _contradiction(copies: Sequence[Copy]) -> AuditFinding:
    apart = sum(len(set(copy.splits)) > 1 for copy in copies)
    return AuditFinding(
        level="alarm",
        about="labels",
        found="Copies of one film are in both classes.",
        numbers=(f"{len(copies)} pairs" if len(copies) > 1 else "1 pair")
        + (f", {apart} of them in two parts" if apart else "")
        + f": {some([copy.names for copy in copies])}.",
        why="One of the two labels is wrong, and no model can be right on both.",
        next="Look at the pairs in dataset/duplicates.csv, correct or remove the wrong ones, and prepare again",
    )


def _nameless(films: int, total: int) -> AuditFinding:
    return AuditFinding(
        level="warning",
        about="patients",
        found="Films name no patient.",
        numbers=f"Each of {films} films, of {total}, counts as a patient of its own.",
        why="A patient with several films may be in two parts, and intervals are narrower than they should be.",
        next="If file names contain the patient: `cxr prepare --folders DIR --patient-pattern REGEX`",
    )


def some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
