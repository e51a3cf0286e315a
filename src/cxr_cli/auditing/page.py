"""`audit.html`: an audit to read, with its pictures."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxr_cli.auditing.areas import BORDER, CORNERS, DETAIL, WITHOUT_LUNGS
from cxr_cli.auditing.checks import ALARM_AUC, TOO_GOOD_AUC, WARNING_AUC, ShortcutChecks, alarm_auc
from cxr_cli.auditing.files import FileProperties
from cxr_cli.auditing.film_features import MOST_FILMS, FilmFeatures
from cxr_cli.auditing.in_words import BY_P
from cxr_cli.auditing.pictures import difference_chart, heat_on, mean_film, size_chart, thumbnail
from cxr_cli.auditing.record import AuditRecord, AuditValue, ShortcutCheck
from cxr_cli.dataset.classes import Classes
from cxr_cli.dataset.duplicates import DuplicateRow
from cxr_cli.dataset.manifest import Film
from cxr_cli.films.in_words import patient_count
from cxr_cli.numbers import p_value
from cxr_cli.pages.render import write_page

_SHOWN_VALUES = 10
_SHOWN_KINDS = 4  # of source and class together
_SHOWN_FILMS = 6
_SHOWN_PAIRS = 6


@dataclass(frozen=True)
class AuditMaterial:
    """What an audit's page is made from, besides its checks."""

    root: Path  # that the films' paths start from
    films: Sequence[Film]
    files: list[FileProperties]  # in the films' order, as are the features
    features: Sequence[FilmFeatures]
    copies: Sequence[DuplicateRow]
    classes: Classes
    seed: int  # of the films that are shown


def draw_films(material: AuditMaterial) -> dict[str, Any]:
    """Make the pictures of a page that need no checks, by their names in the page's template."""
    labels = [material.classes.negative, material.classes.positive]
    positives = np.array([film.label == material.classes.positive for film in material.films])
    small = np.stack([film.small for film in material.features])
    return {
        "sizes": size_chart(material.files, positives, labels),
        "difference": difference_chart(small, positives, labels),
        "kinds": _examples(material),
        "pairs": _pairs(material),
    }


def write_audit_page(
    path: Path, record: AuditRecord, material: AuditMaterial, checks: ShortcutChecks, drawn: dict[str, Any]
) -> None:
    """Write the page.

    Args:
        path: of the page.
        record: the audit.
        material: what it is about.
        checks: what it found.
        drawn: what `draw_films` made of the material.

    Raises:
        WorkspaceError: it can't be written.
    """
    columns = [check for check in record.checks if check.kind == "column" and len(check.values) > 1]
    write_page(
        path,
        "audit.html",
        record=record,
        patients=patient_count(len(material.films), record.patients, record.films_without_patient),
        alarm_auc=ALARM_AUC,
        alarms={check.name: alarm_auc(check.name) for check in record.checks},
        warning_auc=WARNING_AUC,
        too_good_auc=TOO_GOOD_AUC,
        most_films=MOST_FILMS,
        p_value=p_value,
        by_p=BY_P,
        columns=[{"check": check, "values": _shown(check.values), "lone": _lone(check)} for check in columns],
        missing=_missing(record),
        means=_means(record, material, checks),
        **drawn,
    )


def _shown(values: Sequence[AuditValue]) -> list[AuditValue]:
    """The most frequent values, and the others in one row."""
    first, others = list(values[:_SHOWN_VALUES]), values[_SHOWN_VALUES:]
    if others:
        first.append(
            AuditValue(
                value=f"{len(others)} others",
                negatives=sum(value.negatives for value in others),
                positives=sum(value.positives for value in others),
            )
        )
    return first


def _lone(check: ShortcutCheck) -> int:
    """Films whose value has only one class."""
    return sum(value.negatives + value.positives for value in check.values if not (value.negatives and value.positives))


def _missing(record: AuditRecord) -> list[dict[str, Any]]:
    rows = []
    for check in record.checks:
        if check.kind == "missing":
            counts = {value.value: value for value in check.values}
            lacking = counts.get("missing")
            rows.append(
                {
                    "check": check,
                    "name": check.name.removesuffix(" missing"),
                    "negatives": (lacking.negatives if lacking else 0) / record.films[record.negative],
                    "positives": (lacking.positives if lacking else 0) / record.films[record.positive],
                }
            )
    return rows


def _means(record: AuditRecord, material: AuditMaterial, checks: ShortcutChecks) -> list[dict[str, Any]]:
    positives = np.array([film.label == record.positive for film in material.films])
    small = np.stack([film.small for film in material.features])
    shown = [
        {"picture": mean_film(small[positives == side]), "caption": f"Mean of all {count} {label} films"}
        for side, (label, count) in zip((False, True), record.films.items(), strict=True)
    ]
    for place in (BORDER, CORNERS, DETAIL, WITHOUT_LUNGS):
        importances = checks.importances.get(place.name)
        if importances is not None:
            heat = heat_on(mean_film(small), place, importances)
            shown.append({"picture": heat, "caption": f"What the classifier on the {place.name} used"})
    return shown


def _examples(material: AuditMaterial) -> list[dict[str, Any]]:
    """Films of each source and class, the largest kinds first."""
    random = np.random.default_rng(material.seed)
    sizes = Counter((film.source, film.label) for film in material.films)
    kinds = []
    for (source, label), count in sizes.most_common(_SHOWN_KINDS):
        members = [film for film in material.films if (film.source, film.label) == (source, label)]
        chosen = random.choice(count, size=min(_SHOWN_FILMS, count), replace=False)
        kinds.append(
            {"source": source, "label": label, "films": [_film(material, members[place]) for place in sorted(chosen)]}
            | {"count": count}
        )
    return kinds


def _film(material: AuditMaterial, film: Film) -> dict[str, Any]:
    words = [Path(film.path).name, film.view, film.finding if film.finding != film.label else ""]
    return {"picture": thumbnail(material.root / film.path), "caption": " · ".join(filter(None, words))}


def _pairs(material: AuditMaterial) -> list[list[dict[str, Any]]]:
    """Copies with two labels, or in two parts."""
    wrong = [copy for copy in material.copies if copy.label_1 != copy.label_2 or copy.split_1 != copy.split_2]
    return [
        [
            {"picture": thumbnail(material.root / path), "caption": f"{Path(path).name} · {label} · {split}"}
            for path, label, split in (
                (copy.path_1, copy.label_1, copy.split_1),
                (copy.path_2, copy.label_2, copy.split_2),
            )
        ]
        for copy in wrong[:_SHOWN_PAIRS]
    ]
