"""Read a folder of DICOM files: films with a label and a pseudonym, and a reason for every file that is left out."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path

from cxr_cli.dataset.findings import Findings, Matched, read_findings
from cxr_cli.dataset.headers import OTHER, FilmHeader, read_header
from cxr_cli.dataset.metadata import DEFAULT_POSITIVE, DEFAULT_VIEWS, NO_FINDING_YET, label_names, names_finding
from cxr_cli.dataset.pseudonyms import Pseudonyms
from cxr_cli.dataset.selection import Candidate, Exclusion, Selection
from cxr_cli.dataset.table import folded
from cxr_cli.errors import FolderError, MetadataError
from cxr_cli.films.find import walk_files
from cxr_cli.films.inside import report_outside
from cxr_cli.nearest import no_folder, path_meant
from cxr_cli.progress import track
from cxr_cli.threads import in_threads

_SOURCE = "dicom"  # of all films: the folder's own name may be a person's
_XRAY = {"CR", "DX", "RF"}
_SIDES = {"L": "left", "R": "right"}


def select_from_dicom(
    folder: Path,
    findings: Path,
    *,
    pseudonyms: Pseudonyms,
    views: Sequence[str] = DEFAULT_VIEWS,
    positive: str = DEFAULT_POSITIVE,
    skip: Path | None = None,
) -> Selection:
    """Read the headers of all files below a folder, and keep the frontal chest X-rays with a known finding.

    What is returned names nobody: patients, films and institutions have pseudonyms, and no file name, date, UID or
    accession number is in it, except the paths of the films that are kept, which must not be written either.

    Args:
        folder: DICOM files, with or without suffix, in any sub-folders.
        findings: a CSV file with the finding of each film; see `read_findings`.
        pseudonyms: of the workspace.
        views: the views kept.
        positive: the finding that makes a film positive.
        skip: a folder to ignore.

    Returns:
        The films kept, by patient and in the order in which they were taken, and the files left out, with the funnel.

    Raises:
        FolderError: there is no such folder, or it can't be read.
        MetadataError: the findings can't be read, or no film is left.
    """
    negative, name = label_names(positive)
    if not folder.is_dir():
        raise FolderError(
            f"Expected a folder of DICOM files. Received: {no_folder(folder)}.",
            hint=path_meant(folder, "Name it: --dicom DIR"),
        )
    table = read_findings(findings)
    links: list[str] = []
    paths = [Path(path) for path in walk_files(folder, outside=links, skip=skip)]
    report_outside(folder, links)
    films = list(track(in_threads(read_header, paths, batch=8), "Reading headers", total=len(paths)))
    selection = Selection(negative=negative, positive=name, rows=len(films))
    kept, matched = _apply_rules(selection, films, table, folder=folder, views=views, pseudonyms=pseudonyms)
    selection.notes = _notes(films, table, matched, kept)
    if not kept:
        steps = "; ".join(f"{step.rule}: {step.left} left" for step in selection.funnel)
        raise MetadataError(
            f"Expected frontal chest X-rays with a finding in {folder}. Received: {selection.rows} files, of which "
            f"none is left ({steps}). {' '.join([selection.notes[0], *selection.unread[:1]])}",
            hint="Say which views to keep with --views; or check the column of the findings that names the films",
        )
    named = cache(partial(names_finding, positive=positive))
    kept.sort(key=lambda one: (pseudonyms.of("patient", one[0].patient), one[0].moment))
    selection.kept = [
        _candidate(film, finding, name if named(finding) else negative, pseudonyms) for film, finding in kept
    ]
    return selection


def _apply_rules(
    selection: Selection,
    films: Sequence[FilmHeader],
    table: Findings,
    *,
    folder: Path,
    views: Sequence[str],
    pseudonyms: Pseudonyms,
) -> tuple[list[tuple[FilmHeader, str]], Matched]:
    """The films that pass every rule, with their findings; each other file counts under the first rule it fails."""
    matched = table.match(films, folder)
    known = map(_finding, matched.findings, matched.repeated)
    finding_of = {film.path: finding for film, finding in zip(films, known, strict=True)}
    wanted = {folded(view) for view in views}
    largest: dict[str, FilmHeader] = {}  # by UID: of several copies, one may be cut short
    for film in films:
        if film.uid and film.size > largest.get(film.uid, FilmHeader(film.path, size=-1)).size:
            largest[film.uid] = film

    rules: list[tuple[str, Callable[[FilmHeader], str]]] = [
        ("is a DICOM image", lambda film: film.problem),
        ("is no copy of another", lambda film: "a copy of another file" * (largest.get(film.uid, film) is not film)),
        ("modality is CR, DX, RF", lambda film: _unless(film.modality in _XRAY, "modality", film.modality)),
        ("is for presentation", lambda film: "raw data, for processing" * film.raw),
        ("has one frame", lambda film: f"{film.frames} frames" if film.frames > 1 else ""),
        (
            "body part is chest, or not said",
            lambda film: _unless(film.body_part in {"", "chest"}, "body part", film.body_part),
        ),
        ("shows both sides", _one_side),
        (f"view is {', '.join(views)}", lambda film: _unless(folded(film.view) in wanted, "view", film.view)),
        ("has no burned-in text", lambda film: "text is burned in" if film.burned_in == "YES" else ""),
        ("finding is known", lambda film: finding_of[film.path][1]),
    ]
    rejected: list[list[Exclusion]] = [[] for _ in rules]
    kept = []
    for film in films:
        for (_, reason_of), out in zip(rules, rejected, strict=True):
            if reason := reason_of(film):
                excluded = _exclusion(film, finding_of[film.path][0], reason, pseudonyms)
                out.append(excluded)
                if film.unreadable:
                    selection.failed[excluded.filename] = reason
                    selection.unread.append(f"Expected a DICOM film in {film.path}. Received: {reason}.")
                break
        else:
            kept.append((film, finding_of[film.path][0]))
    for (rule, _), out in zip(rules, rejected, strict=True):
        selection.reject(rule, out)
    return kept, matched


def _finding(findings: Sequence[str], repeated: bool) -> tuple[str, str]:
    """The finding of a film, and why it has none."""
    if len(findings) > 1:
        return "", "the findings contradict each other"
    if not findings:
        return "", "its file name is there more than once" if repeated else "no row in the findings"
    (finding,) = findings
    return finding, f"finding is {finding or 'empty'}" if finding.casefold() in NO_FINDING_YET else ""


def _one_side(film: FilmHeader) -> str:
    """Why a film is not of the chest. Where the body part says so, the side is ignored: many sites fill it in wrong."""
    return f"only the {_SIDES[film.side]} side" if film.side in _SIDES and not film.body_part else ""


def _unless(accepted: bool, what: str, value: str) -> str:
    return "" if accepted else f"{what} is {'another one' if value == OTHER else value or 'not said'}"


def _file_name(film: FilmHeader, pseudonyms: Pseudonyms) -> str:
    """The name of the film's copy: its own file name, and those of its folders, may be names of people."""
    return f"{pseudonyms.of('film', film.uid or str(film.path))}.png"


def _candidate(film: FilmHeader, finding: str, label: str, pseudonyms: Pseudonyms) -> Candidate:
    return Candidate(
        image=film.path,
        private=True,
        source=_SOURCE,
        filename=_file_name(film, pseudonyms),
        label=label,
        finding=finding,
        patient=pseudonyms.of("patient", film.patient),
        view=film.view,
        modality=film.modality,
        sex=film.sex,
        age=film.age,
        location=pseudonyms.of("institution", film.institution),
    )


def _exclusion(film: FilmHeader, finding: str, reason: str, pseudonyms: Pseudonyms) -> Exclusion:
    return _candidate(film, finding, "", pseudonyms).excluded(reason)


def _notes(
    films: Sequence[FilmHeader], table: Findings, matched: Matched, kept: Sequence[tuple[FilmHeader, str]]
) -> list[str]:
    """How findings were matched, and what the headers don't say, in sentences."""
    without = sum(not (film.problem or findings) for film, findings in zip(films, matched.findings, strict=True))
    notes = [
        f"The findings are matched by {table.by}. Rows that fit no film: {matched.unused} of {table.rows.total()}. "
        f"Films without a row: {without}.",
        *table.notes,
    ]
    silent = {
        "which part of the body they show": sum(not film.body_part for film, _ in kept),
        "whether text is burned in. Look at them before you share them": sum(not film.burned_in for film, _ in kept),
    }
    return notes + [f"{count} of {len(kept)} films don't say {what}." for what, count in silent.items() if count]
