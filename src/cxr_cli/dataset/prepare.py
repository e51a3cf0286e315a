"""Metadata or class folders in; a split dataset with its manifest, pictures and record out."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path

import numpy as np

from cxr_cli.dataset.classes import write_classes
from cxr_cli.dataset.describe import describe
from cxr_cli.dataset.duplicates import Twin, find_twins, small_pictures, write_twins
from cxr_cli.dataset.folders import select_from_folders
from cxr_cli.dataset.manifest import Film, write_manifest
from cxr_cli.dataset.metadata import DEFAULT_POSITIVE, DEFAULT_VIEWS, select_films
from cxr_cli.dataset.overview import draw_distribution, draw_samples
from cxr_cli.dataset.placing import copy_films, write_masked
from cxr_cli.dataset.reading import ReadFilms, read_here
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.dataset.selection import Candidate, Exclusion, Selection
from cxr_cli.dataset.split import DEFAULT_SHARES, complete_split, group_films
from cxr_cli.errors import MetadataError, SplitError, WorkspaceError
from cxr_cli.films.phash import phashes, spectra
from cxr_cli.workspace.files import lock, staged_folder, write_table
from cxr_cli.workspace.folders import PARTS, DatasetFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import write_record

_EXCLUDED = [column.name for column in fields(Exclusion)]


@dataclass(frozen=True)
class Prepared:
    """What `prepare` made."""

    dataset: DatasetFolder
    record: DatasetRecord
    missing_columns: list[str]  # of the metadata; the rule or grouping that needs them was skipped


def prepare(
    workspace: Workspace,
    metadata: Sequence[Path],
    *,
    images: Path | None = None,
    views: Sequence[str] = DEFAULT_VIEWS,
    positive: str = DEFAULT_POSITIVE,
    shares: Sequence[float] = DEFAULT_SHARES,
    seed: int = 0,
    link: bool = False,
    segment: str | None = None,
    read: ReadFilms = read_here,
) -> Prepared:
    """Make the workspace's dataset from metadata; an earlier one is replaced once this one is whole.

    Args:
        workspace: where to.
        metadata: CSV files in the ieee8023 schema.
        images: where the image files are. Defaults to each metadata file's folder.
        views: the views kept.
        positive: the finding that makes a film positive; the positive class is always 1.
        shares: of train, val and test.
        seed: draws the split and the samples shown.
        link: hard links in place of copies. The metadata's image files are never changed.
        segment: a name of `SEGMENTATION_METHODS`: write films in which all but the lungs is black. Defaults to none.
        read: reads the films' files. Defaults to the threads of this machine.

    Raises:
        MetadataError: no film is left, or the metadata can't be read.
        SplitError: the films can't be split with both classes in each part.
        WorkspaceError: the workspace is in use or can't be written to.
    """
    for path in [*metadata, *([images] if images else [])]:
        _refuse_inside(workspace, path, "metadata and images")
    selection = select_films(metadata, images=images, views=views, positive=positive)
    options: dict[str, object] = {
        "metadata": [str(path) for path in metadata],
        "images": str(images) if images else None,
        "views": list(views),
        "folders": None,
        "patient_pattern": None,
        "positive": positive,
    }
    return _make(workspace, selection, options, shares=shares, seed=seed, link=link, segment=segment, read=read)


def prepare_folders(
    workspace: Workspace,
    folder: Path,
    *,
    positive: str | None = None,
    patient_pattern: str | None = None,
    shares: Sequence[float] | None = None,
    seed: int = 0,
    link: bool = False,
    segment: str | None = None,
    read: ReadFilms = read_here,
) -> Prepared:
    """Make the workspace's dataset from class folders; an earlier one is replaced once this one is whole.

    Args:
        workspace: where to. Where it lies in `folder`, it is not looked into.
        folder: of the class folders, or of train, val and test with class folders in each: see `select_from_folders`.
            A part that is given is kept as it is; a missing val or test is cut from train.
        positive: the class folder that is positive. Defaults to the one that is named for COVID.
        patient_pattern: a regular expression that finds the patient in file names. Defaults to none.
        shares: of train, val and test; of those that are cut, the ratios count. Defaults to 70, 15 and 15.
        seed: draws what is cut, and the samples shown.
        link: hard links in place of copies. The files in `folder` are never changed.
        segment: a name of `SEGMENTATION_METHODS`: write films in which all but the lungs is black. Defaults to none.
        read: reads the films' files. Defaults to the threads of this machine.

    Raises:
        FolderError: the folders can't be understood.
        SplitError: the films can't be split with both classes in each part, or shares of a split that is given.
        WorkspaceError: the workspace is in use or can't be written to.
    """
    _refuse_inside(workspace, folder, "class folders")
    if folder.resolve() == workspace.root.resolve():
        raise WorkspaceError(
            f"Expected class folders outside the workspace. Received: {folder} is the workspace.",
            hint="Name another workspace: --workspace DIR",
        )
    selection = select_from_folders(folder, positive=positive, patient_pattern=patient_pattern, skip=workspace.root)
    if shares and len(selection.given_parts) == len(PARTS):
        raise SplitError(
            f"Expected no --split, as {folder} has {', '.join(PARTS)}, which are kept as they are. "
            f"Received: {'/'.join(f'{share:g}' for share in shares)}.",
            hint="Leave out --split",
        )
    options: dict[str, object] = {
        "metadata": [],
        "images": None,
        "views": None,
        "folders": str(folder),
        "patient_pattern": patient_pattern,
        "positive": selection.positive,
    }
    shares = shares or DEFAULT_SHARES
    return _make(workspace, selection, options, shares=shares, seed=seed, link=link, segment=segment, read=read)


def _refuse_inside(workspace: Workspace, path: Path, what: str) -> None:
    if path.resolve().is_relative_to(workspace.dataset.root.resolve()):
        raise WorkspaceError(
            f"Expected {what} outside {workspace.dataset.root}, which is replaced. Received: {path}.",
            hint="Name another workspace: --workspace DIR",
        )


def _make(
    workspace: Workspace,
    selection: Selection,
    options: dict[str, object],
    *,
    shares: Sequence[float],
    seed: int,
    link: bool,
    segment: str | None,
    read: ReadFilms,
) -> Prepared:
    split = "/".join(f"{share:g}" for share in shares) if len(selection.given_parts) < len(PARTS) else "given"
    options = {**options, "split": split, "seed": seed, "link": link}
    # What can fail for the films' sake fails before anything is written.
    digests, small = _read_all(selection, read)
    twins = find_twins(digests, small)
    films = _place(selection, digests, small, twins, shares=shares, seed=seed, suffix=".png" if segment else None)
    with lock(workspace.root):
        with staged_folder(workspace.dataset.root) as stage:
            made = DatasetFolder(stage)
            whole: Sequence[Film] = ()
            if segment:
                whole = write_masked(films, made, method=segment)
            else:
                copy_films(films, made, link=link)
            write_manifest(made.manifest, films)
            write_twins(made.duplicates, films, twins)
            np.save(made.small, small)
            values_of = attrgetter(*_EXCLUDED)
            excluded = (dict(zip(_EXCLUDED, values_of(row), strict=True)) for row in selection.excluded)
            write_table(made.excluded, _EXCLUDED, excluded)
            record = describe(selection, films, options, twins, segment=segment, whole=whole)
            draw_distribution(made.distribution_picture, record.films)
            draw_samples(made.samples_picture, stage, films, list(record.classes), seed=seed)
            write_record(made.record, record)
        # After the dataset: where that fails, the earlier one keeps its classes too.
        write_classes(workspace.class_indices, record.classes)
    return Prepared(dataset=workspace.dataset, record=record, missing_columns=selection.missing_columns)


def _read_all(selection: Selection, read: ReadFilms) -> tuple[list[str], np.ndarray]:
    """Each film's SHA-256 and small picture; a film that can't be read joins the excluded."""
    verdicts = list(read([film.image for film in selection.kept]))
    rejected = [
        film.excluded(found.reason) for film, found in zip(selection.kept, verdicts, strict=True) if found.reason
    ]
    selection.reject("image can be read", rejected)
    selection.kept = [film for film, found in zip(selection.kept, verdicts, strict=True) if not found.reason]
    if not selection.kept:
        raise MetadataError(
            f"Expected image files that can be read. Received: {len(rejected)}, none of them. {rejected[0].reason}",
            hint="Check the image files",
        )
    return [found.sha256 for found in verdicts if not found.reason], small_pictures(found.small for found in verdicts)


def _place(
    selection: Selection,
    hashes: list[str],
    small: np.ndarray,
    twins: Sequence[Twin],
    *,
    shares: Sequence[float],
    seed: int,
    suffix: str | None,
) -> list[Film]:
    patients = [f"{film.source}:{film.patient}" if film.patient else "" for film in selection.kept]
    groups = group_films(patients, hashes, [(twin.first, twin.second) for twin in twins])
    # To the split a group is its content: what folders and patients are called has no say in who is tested on what.
    content: dict[str, str] = {}
    for group, digest in zip(groups, hashes, strict=True):
        content[group] = min(digest, content.get(group, digest))
    parts = complete_split(
        [film.part for film in selection.kept],
        [content[group] for group in groups],
        [film.label == selection.positive for film in selection.kept],
        given_parts=selection.given_parts,
        shares=shares,
        seed=seed,
    )
    names = _file_names(selection.kept, suffix)
    return [
        Film(
            path=DatasetFolder.film(part, film.label, name),
            label=film.label,
            split=part,
            patient=film.patient,
            group=group,
            source=film.source,
            view=film.view,
            sex=film.sex,
            age=film.age,
            finding=film.finding,
            location=film.location,
            sha256=digest,
            phash=f"{phash:016x}",
            original=str(film.image),
        )
        for film, part, name, group, digest, phash in zip(
            selection.kept, parts, names, groups, hashes, phashes(spectra(small)).tolist(), strict=True
        )
    ]


def _file_names(films: Sequence[Candidate], suffix: str | None) -> list[str]:
    """The films' own file names, or with another suffix; where two are the same, the later gets a number."""
    # By lower case: on Windows and macOS, Film.png and film.png are one file.
    taken: Counter[str] = Counter()
    names = []
    for film in films:
        own = film.image.with_suffix(suffix) if suffix else film.image
        name = own.name
        while taken[name.lower()]:
            taken[own.name.lower()] += 1
            name = f"{own.stem}-{taken[own.name.lower()]}{own.suffix}"
        taken[name.lower()] += 1
        names.append(name)
    return names
