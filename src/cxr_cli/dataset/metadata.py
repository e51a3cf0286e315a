"""Metadata files in the ieee8023 schema: rows in; films with a label, and a reason for every row left out."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr_cli.dataset.selection import Candidate, Exclusion, Selection
from cxr_cli.dataset.table import folded, read_table
from cxr_cli.errors import MetadataError

DEFAULT_VIEWS = ("PA", "AP", "AP Supine")
DEFAULT_POSITIVE = "COVID-19"
_NO_FINDING_YET = {"", "todo", "unknown"}


def label_names(positive: str) -> tuple[str, str]:
    """The names of the negative and the positive class for a finding: ``COVID-19`` -> (``non_covid``, ``covid``)."""
    name = "covid" if folded(positive) in _COVID else re.sub(r"[^a-z0-9]+", "_", positive.casefold()).strip("_")
    if not name:
        raise MetadataError(
            f"Expected the name of a finding. Received: --positive {positive!r}.",
            hint="For example: --positive Pneumonia",
        )
    return f"non_{name}", name


def names_finding(finding: str, positive: str) -> bool:
    """Whether any token of `finding` names `positive`, whatever the case and hyphens.

    A finding is a list (``COVID-19, ARDS``) or a path (``Pneumonia/Viral/COVID-19``) of tokens. A token names what is
    among its words (``Mycoplasma Bacterial Pneumonia`` names Pneumonia), unless it denies it (``no pneumonia``).
    """
    accepted = {" covid19 ", " covid 19 "} if folded(positive) in _COVID else {f" {_words(positive)} "}
    tokens = [_words(token) for token in re.split(r"[,/;|]", finding)]
    return any(name in f" {token} " for token in tokens if not _DENIES.match(token) for name in accepted) or (
        folded(positive) in _COVID and "covid" in tokens
    )


def select_films(
    metadata: Sequence[Path],
    *,
    images: Path | None = None,
    views: Sequence[str] = DEFAULT_VIEWS,
    positive: str = DEFAULT_POSITIVE,
) -> Selection:
    """Read metadata files and keep the rows that are frontal X-rays with a known finding and an image file.

    Args:
        metadata: CSV files; UTF-8 (with or without BOM) or Latin-1; a row's columns are known by name, whatever the
            case and spacing. `filename` and `finding` are needed; without `modality` or `view` that rule is skipped.
        images: where the image files are. Defaults to each metadata file's own folder, under the row's `folder`.
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
            f"Expected a folder of images. Received: --images {images}: no such folder.", hint="Name it: --images DIR"
        )
    selection = Selection(negative=negative, positive=name)
    tables = [(path, read_table(path)) for path in metadata]
    selection.rows = sum(len(table) for _, table in tables)
    rows = [
        _Row(metadata=path, number=number, values=values)
        for path, table in tables
        for number, values in enumerate(table.to_dict("records"), start=1)
    ]
    for column in ("patientid", "view", "modality"):
        if any(column not in table.columns for _, table in tables):
            selection.missing_columns.append(column)
    wanted_views = {folded(view) for view in views}
    rules: list[tuple[str, Callable[[_Row], str]]] = [
        ("modality is X-ray", lambda row: row.unless("modality", {"xray", "cr", "dx", "rf"}, "modality")),
        (f"view is {_listed(views)}", lambda row: row.unless("view", wanted_views, "view")),
        ("finding is known", lambda row: row.without_finding()),
        ("image file is there", lambda row: row.without_image(images)),
    ]
    for rule, reason_of in rules:
        verdicts = [(row, reason_of(row)) for row in rows]
        selection.reject(rule, [row.excluded(reason) for row, reason in verdicts if reason])
        rows = [row for row, reason in verdicts if not reason]
    rows = _first_mentions(rows, images, selection)
    if not rows:
        steps = "; ".join(f"{step.rule}: {step.left} left" for step in selection.funnel)
        raise MetadataError(
            f"Expected frontal X-rays with a finding and an image file. Received: {selection.rows} rows, of which none "
            f"is left ({steps}).",
            hint="Say where the images are with --images DIR, or which views to keep with --views",
        )
    for row in rows:
        finding = row.get("finding")
        selection.kept.append(
            Candidate(
                image=row.image(images)[0],
                source=row.metadata.parent.resolve().name,
                metadata=str(row.metadata),
                row=row.number,
                filename=row.get("filename"),
                label=name if names_finding(finding, positive) else negative,
                finding=finding,
                patient=row.get("patientid"),
                view=row.get("view"),
                modality=row.get("modality"),
                sex=row.get("sex"),
                age=row.get("age"),
            )
        )
    return selection


_COVID = {"covid19", "covid"}
_DENIES = re.compile(r"(no|non|not|without|negative)\b(?! finding)")


@dataclass(frozen=True)
class _Row:
    metadata: Path
    number: int
    values: dict[str, str]

    def get(self, column: str) -> str:
        return self.values.get(column, "")

    def unless(self, column: str, wanted: set[str], what: str) -> str:
        """The reason to leave the row out unless `column` is one of `wanted`; a file without the column passes."""
        if column not in self.values or folded(self.values[column]) in wanted:
            return ""
        return f"{what} is {self.values[column] or 'empty'}"

    def without_finding(self) -> str:
        finding = self.get("finding")
        return f"finding is {finding or 'empty'}" if finding.casefold() in _NO_FINDING_YET else ""

    def without_image(self, images: Path | None) -> str:
        return "" if self.image(images) else "no image file"

    def image(self, images: Path | None) -> list[Path]:
        """The image file, where there is one."""
        name = self.get("filename").replace("\\", "/")
        folder = self.get("folder").replace("\\", "/")
        if not name:
            return []
        home = images or self.metadata.parent
        places = [home / folder / name, home / name, home / "images" / name]
        return [place for place in places if _is_file(place)][:1]

    def excluded(self, reason: str) -> Exclusion:
        return Exclusion(
            metadata=str(self.metadata),
            row=self.number,
            filename=self.get("filename"),
            patient=self.get("patientid"),
            finding=self.get("finding"),
            view=self.get("view"),
            modality=self.get("modality"),
            reason=reason,
        )


def _words(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.casefold()))


def _first_mentions(rows: list[_Row], images: Path | None, selection: Selection) -> list[_Row]:
    first: dict[Path, _Row] = {}
    again = []
    for row in rows:
        image = row.image(images)[0].resolve()
        earlier = first.setdefault(image, row)
        if earlier is not row:
            again.append(row.excluded(f"same image file as row {earlier.number} of {earlier.metadata}"))
    selection.reject("image file is listed once", again)
    return list(first.values())


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system: a quote that was never closed, for example
        return False


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
