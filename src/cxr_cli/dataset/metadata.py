"""Read metadata files in the ieee8023 schema: films with a label, and a reason for every row that is left out."""

import re
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from pathlib import Path

from cxr_cli.dataset.image_files import NO_IMAGE, OUTSIDE, ImageFile, ImageFinder, Mentions
from cxr_cli.dataset.selection import Candidate, Exclusion, Selection
from cxr_cli.dataset.table import Table, folded, names_in, read_table
from cxr_cli.errors import MetadataError
from cxr_cli.films.inside import Inside
from cxr_cli.nearest import nearest_first, no_folder, path_meant

DEFAULT_VIEWS = ("PA", "AP", "AP Supine")
DEFAULT_POSITIVE = "COVID-19"
_LONGEST_NAME = 100  # characters of a class, which becomes a folder
NO_FINDING_YET = {"", "todo", "unknown"}


def label_names(positive: str) -> tuple[str, str]:
    """The names of the negative and the positive class for a finding: ``COVID-19`` -> (``non_covid``, ``covid``)."""
    name = "covid" if folded(positive) in _COVID else re.sub(r"[^a-z0-9]+", "_", positive.casefold()).strip("_")
    if not 0 < len(name) <= _LONGEST_NAME:
        raise MetadataError(
            f"Expected the name of a finding. Received: {positive!r}.",
            hint="For example: --positive Pneumonia",
        )
    return f"non_{name}", name


def names_finding(finding: str, positive: str) -> bool:
    """Whether any token of `finding` names `positive`; case and hyphens don't matter.

    A finding is a list (``COVID-19, ARDS``) or a path (``Pneumonia/Viral/COVID-19``) of tokens. A token names whatever
    is among its words (``Mycoplasma Bacterial Pneumonia`` names Pneumonia), unless it denies it (``no pneumonia``).
    """
    accepted = {" covid19 ", " covid 19 "} if folded(positive) in _COVID else {f" {_words(positive)} "}
    tokens = [_words(name) for name in names_in(finding)]
    return any(name in f" {token} " for token in tokens if not _DENIES.match(token) for name in accepted) or (
        folded(positive) in _COVID and "covid" in tokens
    )


def check_positive(selection: Selection, positive: str) -> None:
    """Make sure that a film has the finding that is positive.

    Raises:
        MetadataError: none has it; names the findings that there are, those with the most similar name first.
    """
    if any(film.label == selection.positive for film in selection.kept):
        return
    counts = _findings_of(selection, positive)
    example = shlex.quote(next((name for name in counts if not _means_healthy(name)), "Pneumonia"))
    raise MetadataError(
        f"Expected films with the finding {positive}. Received: {len(selection.kept)} films with "
        f"{findings_in_words(selection, positive)}.",
        hint=f"Say which is positive, for example: --positive {example}",
    )


def _means_healthy(finding: str) -> bool:
    words = _words(finding)
    return words in _HEALTHY or bool(_DENIES.match(words))


def findings_in_words(selection: Selection, wanted: str) -> str:
    """The findings of the films with their counts, those with a name similar to `wanted` first."""
    counts = _findings_of(selection, wanted)
    listed = ", ".join(f"{name} ({count})" for name, count in islice(counts.items(), _SHOWN))
    further = f" and {len(counts) - _SHOWN} others" if len(counts) > _SHOWN else ""
    return listed + further or "no finding"


def _findings_of(selection: Selection, wanted: str) -> dict[str, int]:
    counts = Counter(name for film in selection.kept for name in {*filter(None, names_in(film.finding))})
    names = nearest_first(wanted, sorted(counts, key=lambda name: (-counts[name], name)))
    return {name: counts[name] for name in names}


def select_films(
    metadata: Sequence[Path],
    *,
    images: Path | None = None,
    views: Sequence[str] = DEFAULT_VIEWS,
    positive: str = DEFAULT_POSITIVE,
) -> Selection:
    """Read metadata files and keep the rows that are frontal X-rays with a known finding and an image file.

    Args:
        metadata: CSV files, in any dialect of spreadsheets; a row's columns are known by name, whatever the case and
            spacing. `filename` and `finding` are needed; without `modality` or `view` that rule is skipped.
        images: where the image files are. Defaults to each metadata file's own folder, under the row's `folder`. No
            file is read that is not in it, or in the folder of one of the metadata files, wherever names and links
            lead.
        views: the views kept.
        positive: the finding that makes a film positive.

    Returns:
        The rows kept and left out, with the funnel.

    Raises:
        MetadataError: a file can't be read, lacks a needed column, or no row is left.
    """
    negative, name = label_names(positive)
    if images and not images.is_dir():
        raise MetadataError(
            f"Expected a folder of images. Received: {no_folder(images)}.",
            hint=path_meant(images, "Name it: --images DIR"),
        )
    tables = [read_table(path) for path in metadata]
    selection = Selection(negative=negative, positive=name, notes=[note for table in tables for note in table.notes])
    for column in ("patientid", "view", "modality"):
        if any(column not in table.columns for table in tables):
            selection.missing_columns.append(column)
    _apply_rules(selection, tables, images=images, views=views, positive=positive)
    if not selection.kept:
        steps = "; ".join(f"{step.rule}: {step.left} left" for step in selection.funnel)
        raise MetadataError(
            f"Expected frontal X-rays with a finding and an image file. Received: {selection.rows} rows, of which none "
            f"is left ({steps}). {' '.join(selection.notes)}".rstrip(),
            hint=_views_there(selection)
            or "Say where the images are with --images DIR, or which views to keep with --views",
        )
    return selection


def _views_there(selection: Selection) -> str:
    """Which views the files have, if none of them was to be kept."""
    views = Counter(row.view for row in selection.excluded if row.reason.startswith("view is "))
    if not views or views.total() < len(selection.excluded) or not all(views):
        return ""
    names = sorted(views, key=lambda view: (-views[view], view))
    listed = ", ".join(f"{view} ({views[view]})" for view in names)
    return f"The views there are {listed}; say which to keep: --views {shlex.quote(names[0])}"


def _apply_rules(
    selection: Selection, tables: Sequence[Table], *, images: Path | None, views: Sequence[str], positive: str
) -> None:
    """Keep the rows that pass every rule, and count each other row under the first rule that it fails."""
    wanted_views = {folded(view) for view in views}
    inside = Inside([images] if images else [table.path.parent for table in tables])
    find = {table.path: ImageFinder(images or table.path.parent, inside) for table in tables}
    mentions = Mentions()
    rules: list[tuple[str, Callable[[_Row], str]]] = [
        ("modality is X-ray", lambda row: row.unless("modality", {"xray", "cr", "dx", "rf"}, "modality")),
        (f"view is {_listed(views)}", lambda row: row.unless("view", wanted_views, "view")),
        ("finding is known", lambda row: row.without_finding()),
        ("image file exists", lambda row: row.without_image(find[row.metadata])),
        ("image file is listed once", lambda row: mentions.seen_before(row.image, row.where, row.label)),
    ]
    rejected: list[list[Exclusion]] = [[] for _ in rules]
    named = cache(partial(names_finding, positive=positive))
    for table in tables:
        source = table.path.parent.resolve().name
        for number, values in enumerate(table.rows, start=1):
            selection.rows += 1
            row = _Row(table.path, number, values)
            row.label = selection.positive if named(row.get("finding")) else selection.negative
            for (_, reason_of), out in zip(rules, rejected, strict=True):
                if reason := reason_of(row):
                    out.append(row.excluded(reason))
                    break
            else:
                selection.kept.append(row.candidate(source))
    if mentions.contradicted:
        reasons = [mentions.contradicted.get(f"row {film.row} of {film.metadata}", "") for film in selection.kept]
        rejected[-1] += [film.excluded(why) for film, why in zip(selection.kept, reasons, strict=True) if why]
        selection.kept = [film for film, why in zip(selection.kept, reasons, strict=True) if not why]
    for (rule, _), out in zip(rules, rejected, strict=True):
        selection.reject(rule, out)
    selection.notes += _notes(rejected[-2], mentions)


def _notes(without_image: Sequence[Exclusion], mentions: Mentions) -> list[str]:
    """What the funnel's numbers don't tell, in sentences."""
    notes = []
    outside = [row for row in without_image if row.reason == OUTSIDE]
    if outside:
        notes.append(
            f"Rows that name an image outside the given folder, left out: {len(outside)} (for example row "
            f"{outside[0].row} of {outside[0].metadata}). Give the folder of the images to use them."
        )
    if mentions.contradicted:
        notes.append(
            f"Image files that have both classes in the metadata, left out: {len(mentions.contradicted)} (for example "
            f"that of {next(iter(mentions.contradicted))})."
        )
    return notes


_SHOWN = 8  # findings that an error lists
_COVID = {"covid19", "covid"}
_HEALTHY = {"no finding", "no findings", "normal", "healthy", "control"}
_DENIES = re.compile(r"(no|non|not|without|negative)\b(?! finding)")


@dataclass(slots=True)
class _Row:
    metadata: Path
    number: int
    values: dict[str, str]
    label: str = ""
    image: ImageFile = NO_IMAGE

    @property
    def where(self) -> str:
        return f"row {self.number} of {self.metadata}"

    def get(self, column: str) -> str:
        value = self.values.get(column, "")
        # A value that many rows have is kept in memory once.
        return value if column == "filename" else sys.intern(value)

    def unless(self, column: str, wanted: set[str], what: str) -> str:
        """Why the row is left out: its `column` is none of `wanted`. A file without the column passes."""
        if column not in self.values or folded(self.values[column]) in wanted:
            return ""
        return f"{what} is {self.values[column] or 'empty'}"

    def without_finding(self) -> str:
        finding = self.get("finding")
        return f"finding is {finding or 'empty'}" if finding.casefold() in NO_FINDING_YET else ""

    def without_image(self, find: ImageFinder) -> str:
        """Why the row has no image file that can be read; finds it otherwise."""
        self.image = find(self.get("folder"), self.get("filename"))
        return self.image.problem

    def candidate(self, source: str) -> Candidate:
        return Candidate(
            image=Path(self.image.path),
            source=source,
            metadata=str(self.metadata),
            row=self.number,
            filename=self.get("filename"),
            label=self.label,
            finding=self.get("finding"),
            patient=self.get("patientid"),
            view=self.get("view"),
            modality=self.get("modality"),
            sex=self.get("sex"),
            age=self.get("age"),
            location=self.get("location"),
        )

    def excluded(self, reason: str) -> Exclusion:
        return Exclusion(
            metadata=str(self.metadata),
            row=self.number,
            filename=self.get("filename"),
            patient=self.get("patientid"),
            finding=self.get("finding"),
            view=self.get("view"),
            modality=self.get("modality"),
            reason=sys.intern(reason),
        )


def _words(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.casefold()))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
