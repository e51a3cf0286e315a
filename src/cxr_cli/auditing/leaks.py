"""Patients and copies of films that are in two parts of the split or in both classes."""

from collections.abc import Sequence

from cxr_cli.auditing.record import AuditFinding
from cxr_cli.dataset.duplicates import DuplicateRow
from cxr_cli.dataset.manifest import Film
from cxr_cli.dataset.record import DatasetRecord, Leak

_NAMED = 3
_SPLIT_AGAIN = "Let cxr make the split: put all films of a class into one folder, then `cxr prepare --folders DIR`"


def find_faults(record: DatasetRecord, films: Sequence[Film], copies: Sequence[DuplicateRow]) -> list[AuditFinding]:
    """What is wrong with the parts, the labels and the patients; alarms come first."""
    faults = [_leak(leak, films, sum(record.films[leak.later].values())) for leak in record.leaks]
    contradictions = [copy for copy in copies if copy.label_1 != copy.label_2]
    if contradictions:
        faults.append(_contradiction(contradictions))
    if record.films_without_patient:
        faults.append(_nameless(record.films_without_patient, len(films)))
    return faults


def _leak(leak: Leak, films: Sequence[Film], total: int) -> AuditFinding:
    parts = {part: {film.group for film in films if film.split == part} for part in (leak.earlier, leak.later)}
    shared = parts[leak.earlier] & parts[leak.later]
    names = [film.path.rsplit("/", 1)[-1] for film in films if film.split == leak.later and film.group in shared]
    copies = {"exact copies": leak.copies, "near copies": leak.near_copies}
    kinds = [f"{count} {kind} of {leak.earlier} films" for kind, count in copies.items() if count]
    return AuditFinding(
        level="alarm",
        about="parts",
        found=f"{leak.earlier} and {leak.later} share patients or films.",
        numbers=f"{leak.films} of {total} {leak.later} films, of {leak.patients} patients, are in {leak.earlier} too"
        + (f", {' and '.join(kinds)} among them" if kinds else "")
        + f": {some(names)}.",
        why=f"A model has seen them in {leak.earlier}, so figures on {leak.later} will be too good.",
        next=_SPLIT_AGAIN,
    )


def _contradiction(copies: Sequence[DuplicateRow]) -> AuditFinding:
    apart = sum(copy.split_1 != copy.split_2 for copy in copies)
    return AuditFinding(
        level="alarm",
        about="labels",
        found="Copies of one film are in both classes.",
        numbers=(f"{len(copies)} pairs" if len(copies) > 1 else "1 pair")
        + (f", {apart} of them in two parts" if apart else "")
        + f": {some([_names(copy) for copy in copies])}.",
        why="One of the two labels is wrong, and no model can be right on both.",
        next="Look at the pairs in dataset/duplicates.csv, correct or remove the wrong ones, and prepare again",
    )


def _nameless(films: int, total: int) -> AuditFinding:
    return AuditFinding(
        level="warning",
        about="patients",
        found=f"{'No film names its patient' if films == total else 'Some films name no patient'}.",
        numbers=f"{films} of {total} films count as one patient each.",
        why="A patient with several such films may be in two parts, and intervals are narrower than they should be.",
        next="If file names contain the patient: `cxr prepare --folders DIR --patient-pattern REGEX`",
    )


def _names(copy: DuplicateRow) -> str:
    """Both files, without their folders."""
    return " and ".join(path.rsplit("/", 1)[-1] for path in (copy.path_1, copy.path_2))


def some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
