"""`dataset.json`: what a dataset is made of, and what to know about it."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from cxr_cli.dataset.classes import Classes
from cxr_cli.dataset.duplicates import DuplicatePair, count_duplicates
from cxr_cli.dataset.manifest import Film, dataset_fingerprint, films_by_part
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.dataset.selection import Selection
from cxr_cli.dataset.split import find_leaks
from cxr_cli.lungs.framing import Framing
from cxr_cli.workspace.folders import PARTS
from cxr_cli.workspace.records import stamp

_DOMINANT, _FEW = 1 / 3, 5  # share of a class's films in a part, and films, that a patient may have without a note


def describe(
    selection: Selection,
    films: Sequence[Film],
    options: dict[str, object],
    duplicates: Sequence[DuplicatePair],
    *,
    framing: Framing | None,
    whole: Sequence[Film],
) -> DatasetRecord:
    """The record of a dataset.

    Args:
        selection: what was read, and left out.
        films: what was kept, each with its part.
        options: the options of `prepare`.
        duplicates: pairs of copies among them.
        framing: what was done to the films. None for whole films.
        whole: the films of such a dataset whose lungs were not found.
    """
    # Never from the folders' order: alphabetical order would make "covid" 0, and every prediction its opposite.
    classes = Classes(negative=selection.negative, positive=selection.positive)
    findings: dict[str, Counter[str]] = {label: Counter() for label in classes}
    groups: dict[str, set[str]] = defaultdict(set)
    for film in films:
        findings[film.label][film.finding] += 1
        groups[film.split].add(film.group)
    return DatasetRecord(
        schema_version=DatasetRecord.VERSION,
        **stamp(),
        options=options,
        rows=selection.rows,
        patients_listed=selection.patients_listed,
        funnel=selection.funnel,
        findings={label: dict(counts.most_common()) for label, counts in findings.items()},
        films=films_by_part(films, classes),
        patients={part: len(groups[part]) for part in PARTS},
        films_without_patient=sum(not film.patient for film in films),
        class_indices=classes.indices,
        fingerprint=dataset_fingerprint(films, framing),
        given_parts=selection.given_parts,
        leaks=find_leaks(
            [film.split for film in films],
            [film.group for film in films],
            [film.sha256 for film in films],
            [(pair.first, pair.second) for pair in duplicates],
        ),
        duplicates=count_duplicates(films, duplicates),
        notes=[
            *selection.notes,
            *dominated_parts(films),
            *patients_of_both(films),
            *_whole_films(films, whole),
        ],
        framing=framing,
        failed=selection.failed,
    )


def dominated_parts(films: Sequence[Film]) -> list[str]:
    """The parts in which one patient has a large share of the films of a class."""
    of_part = Counter((film.split, film.label) for film in films)
    of_patient = Counter((film.split, film.label, film.group) for film in films)
    most = {(part, label): count for (part, label, _), count in reversed(of_patient.most_common())}
    return [
        f"One patient has {most[place]} of the {count} {place[1]} films in {place[0]}: figures on them depend "
        "on that patient."
        for place, count in sorted(of_part.items(), key=lambda item: (PARTS.index(item[0][0]), item[0][1]))
        if most[place] > max(_DOMINANT * count, _FEW)
    ]


def patients_of_both(films: Sequence[Film]) -> list[str]:
    """How many patients have films of both classes, in a sentence; none where there is no such patient."""
    labels: dict[str, set[str]] = defaultdict(set)
    for film in films:
        if film.patient:
            labels[film.group].add(film.label)
    both = sum(len(own) > 1 for own in labels.values())
    if not both:
        return []
    who = "1 patient has" if both == 1 else f"{both:,} patients have"
    return [f"{who} films of both classes and {'counts' if both == 1 else 'count'} once in each."]


def _whole_films(films: Sequence[Film], whole: Sequence[Film]) -> list[str]:
    """How many films stayed whole, by class: a difference in this alone can separate the classes."""
    if not whole:
        return []
    of, failed = Counter(film.label for film in films), Counter(film.label for film in whole)
    shares = ", ".join(f"{failed[label]} of {of[label]} {label}" for label in sorted(of))
    return [f"The lungs of {shares} films were not found, and these films were left whole (segmentation.csv)."]
