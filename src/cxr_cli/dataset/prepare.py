"""Prepare a dataset from metadata, class folders or DICOM: split films with a manifest, pictures and a record."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from cxr_cli.dataset.classes import write_classes
from cxr_cli.dataset.describe import describe
from cxr_cli.dataset.dicom_folder import select_from_dicom
from cxr_cli.dataset.drawing import DEFAULT_SHARES
from cxr_cli.dataset.duplicates import write_duplicates
from cxr_cli.dataset.folders import select_from_folders
from cxr_cli.dataset.manifest import Film, write_manifest
from cxr_cli.dataset.metadata import DEFAULT_POSITIVE, DEFAULT_VIEWS, check_positive, select_films
from cxr_cli.dataset.overview import draw_distribution, draw_samples
from cxr_cli.dataset.placing import copy_films, write_framed, write_pixels
from cxr_cli.dataset.pseudonyms import open_pseudonyms
from cxr_cli.dataset.reading import ReadFilms, read_here
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.dataset.replacing import replaced_in_words
from cxr_cli.dataset.selection import EXCLUDED, Selection
from cxr_cli.dataset.sources import SourceFilms, read_source
from cxr_cli.dataset.split import complete_split, split_held_out
from cxr_cli.dataset.usage import check_sources, refuse_inside
from cxr_cli.dataset.warnings import warnings_of
from cxr_cli.errors import SplitError, UsageError, WorkspaceError
from cxr_cli.films.file_names import file_names
from cxr_cli.lungs.framing import Framing
from cxr_cli.progress import note
from cxr_cli.workspace.folders import PARTS, DatasetFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import write_record
from cxr_cli.workspace.staging import staged_folder


@dataclass(frozen=True)
class Prepared:
    """What `prepare` made."""

    dataset: DatasetFolder
    record: DatasetRecord
    missing_columns: list[str]  # of the metadata; the rule or grouping that needs them was skipped
    unread: list[str]  # errors of DICOM files whose paths are in no file of the workspace, for the terminal only

    @property
    def warnings(self) -> list[str]:
        """What to know about the dataset before its figures are trusted, in sentences."""
        return warnings_of(self.record)


def prepare(
    workspace: Workspace,
    *,
    metadata: Sequence[Path] = (),
    folders: Path | None = None,
    dicom: Path | None = None,
    findings: Path | None = None,
    images: Path | None = None,
    views: Sequence[str] | None = None,
    positive: str | None = None,
    patient_pattern: str | None = None,
    split: Sequence[float] | None = None,
    seed: int = 0,
    hold_out: Sequence[str] = (),
    link: bool = False,
    framing: Framing | None = None,
    read: ReadFilms = read_here,
) -> Prepared:
    """Make the workspace's dataset from metadata, class folders or DICOM; it replaces an earlier one once it is whole.

    Args:
        workspace: where the dataset goes. If it lies in `folders`, it is ignored there.
        metadata: CSV files in the ieee8023 schema.
        folders: in place of metadata, the folder of the class folders, or of train, val and test with class folders in
            each: see `select_from_folders`. A part that is given is kept as it is; a missing val or test is cut from
            train.
        dicom: in place of metadata, a folder of DICOM files: see `select_from_dicom`. Their copies hold pixels only.
        findings: with dicom, a CSV file with the finding of each film: see `read_findings`.
        images: with metadata, where the image files are. Defaults to each metadata file's folder.
        views: with metadata or dicom, the views to keep. Defaults to `DEFAULT_VIEWS`.
        positive: the finding, or class folder, that makes a film positive; the positive class is always 1. Defaults to
            COVID-19, or the class folder that is named for COVID.
        patient_pattern: with folders, a regular expression that finds the patient in file names. Defaults to none.
        split: shares of train, val and test; where parts are given, the ratios of those that are cut count. Defaults to
            70, 15 and 15.
        seed: random seed of the split and of the samples shown.
        hold_out: with metadata, sources whose films are validated and tested on, but not trained on: the names of their
            metadata files' folders. Defaults to none.
        link: make hard links in place of copies. The originals are never changed.
        framing: write films that are cropped to the lungs, or in which all else is black. Defaults to whole films.
        read: reads the films' files. Defaults to the threads of this machine.

    Raises:
        UsageError: the arguments don't go together.
        MetadataError: no film is left, or the metadata or findings can't be read.
        FolderError: the class folders can't be understood, or there is no folder of DICOM files.
        SplitError: the films can't be split with both classes in each part, or shares of a split that is given.
        WorkspaceError: the workspace is in use or can't be written to.
    """
    sources = {"metadata": metadata, "folders": folders, "dicom": dicom}
    further = {
        "findings": findings,
        "images": images,
        "views": views,
        "hold_out": hold_out or None,
        "patient_pattern": patient_pattern,
    }
    check_sources(sources, further)
    if link and (framing or dicom):
        raise UsageError(
            f"Expected link or {framing.kind if framing else 'dicom'}. Received: both.",
            hint="Films that are changed can't be links: leave out one",
        )
    for path in [*metadata, *filter(None, [images, dicom, findings])]:
        refuse_inside(workspace, path, "DICOM files and findings" if dicom else "metadata and images")
    if folders:
        selection = _select_from_folders(workspace, folders, positive, patient_pattern, split)
    else:
        views, positive = views or DEFAULT_VIEWS, positive or DEFAULT_POSITIVE
        if dicom and findings:
            pseudonyms = open_pseudonyms(workspace.pseudonym_key)
            selection = select_from_dicom(
                dicom, findings, pseudonyms=pseudonyms, views=views, positive=positive, skip=workspace.root
            )
        else:
            selection = select_films(metadata, images=images, views=views, positive=positive)
        check_positive(selection, positive)
    shares = split or DEFAULT_SHARES
    options: dict[str, object] = {
        "metadata": [str(path) for path in metadata],
        "images": str(images) if images else None,
        "views": list(views) if views else None,
        "folders": str(folders) if folders else None,
        "dicom": dicom is not None,  # its path, and that of the findings, may name people
        "patient_pattern": patient_pattern,
        "positive": selection.positive if folders else positive,
        "split": "given" if len(selection.given_parts) == len(PARTS) else "/".join(f"{share:g}" for share in shares),
        "seed": seed,
        "hold_out": list(hold_out),
        "link": link,
    }
    with workspace.lock_dataset():
        if replaced := replaced_in_words(workspace):
            note(replaced)
        return _make(
            workspace,
            selection,
            options,
            shares=shares,
            seed=seed,
            hold_out=hold_out,
            link=link,
            framing=framing,
            read=read,
        )


def _select_from_folders(
    workspace: Workspace,
    folders: Path,
    positive: str | None,
    patient_pattern: str | None,
    split: Sequence[float] | None,
) -> Selection:
    refuse_inside(workspace, folders, "class folders")
    if os.path.realpath(folders) == os.path.realpath(workspace.root):
        raise WorkspaceError(
            f"Expected class folders outside the workspace. Received: {folders} is the workspace.",
            hint="Name another workspace: --workspace DIR",
        )
    selection = select_from_folders(folders, positive=positive, patient_pattern=patient_pattern, skip=workspace.root)
    if split and len(selection.given_parts) == len(PARTS):
        raise SplitError(
            f"Expected no split, as {folders} has {', '.join(PARTS)}, which are kept as they are. "
            f"Received: {'/'.join(f'{share:g}' for share in split)}.",
            hint="Leave out --split",
        )
    return selection


def _make(
    workspace: Workspace,
    selection: Selection,
    options: dict[str, object],
    *,
    shares: Sequence[float],
    seed: int,
    hold_out: Sequence[str],
    link: bool,
    framing: Framing | None,
    read: ReadFilms,
) -> Prepared:
    # Whatever can be wrong with the films is found before anything is written.
    source = read_source(selection, read)
    suffix = ".png" if framing else None
    films = _split(source, selection, shares=shares, seed=seed, hold_out=hold_out, suffix=suffix)
    files, copies = [film.image for film in source.candidates], [film.path for film in films]
    if private := any(film.private for film in source.candidates):
        # The copy is all that is written of where a film is. A framed one needs its whole film beside it.
        copies = [DatasetFolder.whole(PurePosixPath(path).name) for path in copies] if framing else copies
        root = workspace.dataset.root
        films = [replace(film, original=str(root / copy)) for film, copy in zip(films, copies, strict=True)]
    with staged_folder(workspace.dataset.root) as stage:
        made = DatasetFolder(stage)
        whole: Sequence[Film] = ()
        if private:
            write_pixels(files, made, copies)
        if framing:
            whole = write_framed(films, files, made, framing)
        elif not private:
            copy_films(films, made, link=link)
        write_manifest(made.manifest, films)
        write_duplicates(made.duplicates, films, source.duplicates)
        np.save(made.small, source.small)
        EXCLUDED.write(made.excluded, selection.excluded)
        record = describe(selection, films, options, source.duplicates, framing=framing, whole=whole)
        draw_distribution(made.distribution_picture, record.films)
        draw_samples(made.samples_picture, stage, films, list(record.classes), seed=seed)
        write_record(made.record, record)
    # After the dataset: where that fails, the earlier one keeps its classes too.
    write_classes(workspace.class_indices, record.classes)
    return Prepared(
        dataset=workspace.dataset, record=record, missing_columns=selection.missing_columns, unread=selection.unread
    )


def _split(
    source: SourceFilms,
    selection: Selection,
    *,
    shares: Sequence[float],
    seed: int,
    hold_out: Sequence[str],
    suffix: str | None,
) -> list[Film]:
    """The films with their parts, and their paths in the dataset."""
    # For the split a group is its content: the names of folders and patients have no influence on the split.
    content: dict[str, str] = {}
    for group, digest in zip(source.groups, source.digests, strict=True):
        content[group] = min(digest, content.get(group, digest))
    labels = [film.label for film in selection.kept]
    groups, positives = [content[group] for group in source.groups], [label == selection.positive for label in labels]
    parts = [film.part for film in selection.kept]
    if hold_out:
        sources = [film.source for film in selection.kept]
        parts = split_held_out(sources, groups, positives, hold_out=hold_out, shares=shares, seed=seed)
    rest = [i for i, part in enumerate(parts) if not (hold_out and part)]
    drawn = complete_split(
        [parts[i] for i in rest],
        [groups[i] for i in rest],
        [positives[i] for i in rest],
        given_parts=selection.given_parts,
        shares=shares,
        seed=seed,
    )
    for i, part in zip(rest, drawn, strict=True):
        parts[i] = part
    own = [film.own_name.with_suffix(suffix) if suffix else film.own_name for film in selection.kept]
    names = file_names(name.name for name in own)
    paths = [DatasetFolder.film(*place) for place in zip(parts, labels, names, strict=True)]
    return source.films(paths=paths, labels=labels, splits=parts)
