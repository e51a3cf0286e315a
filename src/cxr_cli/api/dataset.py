"""Films and datasets: `prepare`, `audit`, `segment`, `phantoms` and `read_manifest`."""

import dataclasses
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_cli.api.arguments import AnyPath, AnyPaths, as_path, as_paths, as_text, choose_run, find_workspace, split_views

if TYPE_CHECKING:
    from cxr_cli.auditing.audit import Audited
    from cxr_cli.auditing.model_audit import ModelAudited
    from cxr_cli.dataset.manifest import Film
    from cxr_cli.dataset.prepare import Prepared
    from cxr_cli.lungs.segment_all import Segmentation
    from cxr_cli.workspace.folders import RunFolder


class Manifest(list["Film"]):
    """The films of a prepared dataset, one row each."""

    def to_pandas(self) -> Any:
        """Convert to a pandas.DataFrame; needs pandas."""
        import pandas as pd

        return pd.DataFrame(list(self))


def read_manifest(workspace: AnyPath | None = None) -> Manifest:
    """Read the manifest of the prepared dataset.

    Args:
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Raises:
        WorkspaceError: there is no prepared dataset, or its manifest is damaged.
    """
    from cxr_cli.dataset.manifest import read_manifest as read

    return Manifest(read(find_workspace(workspace).prepared()))


def prepare(
    *,
    metadata: AnyPaths | None = None,
    folders: AnyPath | None = None,
    dicom: AnyPath | None = None,
    findings: AnyPath | None = None,
    images: AnyPath | None = None,
    views: str | Sequence[str] | None = None,
    patient_pattern: str | None = None,
    positive: str | None = None,
    split: str | None = None,
    seed: int = 0,
    hold_out: str | Sequence[str] | None = None,
    link: bool = False,
    crop: str | None = None,
    mask: str | None = None,
    equalize: bool = False,
    segmentation_method: str | None = None,
    segment: str | None = None,
    cluster: str | None = None,
    workspace: AnyPath | None = None,
) -> "Prepared":
    """Read films with metadata, in class folders or of DICOM files, and split them by patient into train, val and test.

    Args:
        metadata: CSV files in the ieee8023 schema.
        folders: in place of metadata: a folder of class folders, or of train, val and test with class folders.
        dicom: in place of metadata: a folder of DICOM files. No name, date or number of a patient is kept.
        findings: with `dicom`: a CSV file with a column finding, and one of SOPInstanceUID, AccessionNumber and
            filename.
        images: with `metadata`: the folder of the image files. Defaults to the folder of the metadata file.
        views: with `metadata` or `dicom`: views to keep. Defaults to PA, AP and AP Supine.
        patient_pattern: with `folders`: a regular expression; its first group in a file name is the patient.
        positive: the finding, or class folder, that is positive. Defaults to COVID-19, or the folder named after it.
        split: shares of train, val and test. Defaults to 70/15/15.
        seed: random seed. Defaults to 0.
        hold_out: with `metadata`: sources whose films are validated and tested on, but not trained on. A source is the
            name of a metadata file's folder. Defaults to none.
        link: make hard links instead of copies.
        crop: "lungs": write films that are cropped to the box around both lungs, with a margin. Defaults to none.
        mask: "lungs": write films in which all but the lungs is black. Defaults to none.
        equalize: with `crop`: spread the gray levels of each crop, so that exposure and processing matter less.
        segmentation_method: with `crop` or `mask`: how to find the lungs. Defaults to the first of
            `cxr prepare --help`.
        segment: short for `mask="lungs"` with this `segmentation_method`.
        cluster: address of a Dask cluster that reads the films, or "local". Defaults to this machine.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Raises:
        UsageError: options that don't go together.
        MetadataError: no film is left, or the metadata or findings can't be read.
        FolderError: the class folders can't be understood, or there is no folder of DICOM files.
        SplitError: the films can't be split with both classes in each part.
    """
    if dicom and cluster:
        from cxr_cli.errors import UsageError

        raise UsageError(
            "Expected dicom or cluster. Received: both.",
            hint="What a cluster reads is noted by path, and paths may name patients: leave out --cluster",
        )
    from cxr_cli.cluster.reading import reader
    from cxr_cli.dataset.prepare import prepare as prepare_dataset
    from cxr_cli.dataset.split import parse_shares
    from cxr_cli.lungs.framing import choose_framing

    framing = choose_framing(
        crop=as_text(crop),
        mask=as_text(mask),
        equalize=equalize,
        method=as_text(segmentation_method),
        segment=as_text(segment),
    )
    place = find_workspace(workspace)
    with reader(cluster, place) as read:
        return prepare_dataset(
            place,
            metadata=as_paths(metadata),
            folders=as_path(folders),
            dicom=as_path(dicom),
            findings=as_path(findings),
            images=as_path(images),
            views=split_views(views) or None,
            positive=positive,
            patient_pattern=patient_pattern,
            split=parse_shares(split) if split else None,
            seed=seed,
            hold_out=[hold_out] if isinstance(hold_out, str) else hold_out or (),
            link=link,
            framing=framing,
            read=read,
        )


def audit(
    run: str | None = None,
    *,
    model: str | None = None,
    masks: AnyPath | None = None,
    method: str | None = None,
    seed: int = 0,
    workspace: AnyPath | None = None,
) -> "Audited | ModelAudited":
    """Audit the prepared dataset for leaks and shortcuts, or a trained run for what its predictions depend on.

    Writes a page and a record.

    Args:
        run: the name of a trained run, to audit the model on the test films. Defaults to none: the dataset is audited.
        model: the same as `run`.
        masks: with `run`: a folder of lung masks, named as for `segment`. Defaults to none: the lungs are found.
        method: with `run`: how to find the lungs. Defaults to the first of `cxr segment --help`.
        seed: random seed. Defaults to 0.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Returns:
        The record, whose `alarms` says how many alarms there are, and the folder of the page.

    Raises:
        UsageError: `masks` or `method` without `run`, or both.
        WorkspaceError: there is no prepared dataset or no such run, or a file is damaged.
        ImageError: a film of the dataset can't be read.
    """
    place, run = find_workspace(workspace), choose_run(run, model)
    if run is None:
        for name, value in {"masks": masks, "method": method}.items():
            if value:
                from cxr_cli.errors import UsageError

                raise UsageError(
                    f"Expected {name} with the name of a run only. Received: {name} alone.",
                    hint=f"Name a run, or leave out --{name}",
                )
        from cxr_cli.auditing.audit import audit as audit_dataset

        return audit_dataset(place, seed=seed)
    from cxr_cli.auditing.model_audit import audit_model

    return audit_model(place, run, masks=as_path(masks), method=as_text(method), seed=seed)


def segment(
    films: AnyPaths | None = None,
    *,
    method: str | None = None,
    run: str | None = None,
    reference: AnyPath | None = None,
    output: AnyPath | None = None,
    frame: int | None = None,
    dicom_out: AnyPath | None = None,
    replace: bool = False,
    workspace: AnyPath | None = None,
) -> "Segmentation":
    """Find the lungs in frontal films, and write their masks, overlays and a table.

    Args:
        films: films, folders of films, or globs. Defaults to those of the prepared dataset.
        method: method that finds the lungs. Defaults to the U-Net that comes with the package.
        run: in place of a method, the name of a run of lung-unet.
        reference: a folder of masks to compare with. The mask of film.jpg is film.jpg.png or film.png.
        output: the folder for the files. Defaults to `segmentations` in the workspace.
        frame: the frame of each file to read, from 1. Defaults to none: a DICOM file must hold one; of pages, the
            first.
        dicom_out: a folder to write the lungs to as DICOM segmentations as well; the films must be DICOM. Needs the
            extra `dicom`.
        replace: overwrite the results in `output` if there are some. Defaults to False.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Returns:
        The record, its folder, and the errors of the films that could not be read.

    Raises:
        UsageError: there is no such method, both a method and a run are named, or there are neither films nor a
            prepared dataset.
        NoRunError: there is no such run.
        CxrError: `reference` has no mask of these films.
    """
    from cxr_cli.errors import UsageError
    from cxr_cli.films.find import find_films
    from cxr_cli.films.reader import frame_chosen
    from cxr_cli.lungs.methods import DEFAULT_METHOD, METHOD_MODELS, SEGMENTATION_METHODS
    from cxr_cli.lungs.segment_all import segment_all
    from cxr_cli.workspace.folders import SegmentationFolder
    from cxr_cli.workspace.outputs import refuse_existing

    if method and run:
        raise UsageError(
            f"Expected a method or a run. Received: both, {method} and {run}.", hint="Leave out --method, or --run"
        )
    method = str(method or DEFAULT_METHOD)
    if method not in SEGMENTATION_METHODS:
        raise UsageError(
            f"Expected a method: {', '.join(SEGMENTATION_METHODS)}. Received: {method!r}.",
            hint="For example: --method unet",
        )
    place = find_workspace(workspace)
    if films:
        paths: Collection[Path] = find_films(as_paths(films))
    else:
        from cxr_cli.dataset.originals import find_originals  # not needed for a film that is named

        paths = find_originals(place)
    network = place.lung_run(run) if run else None
    name = network.name if network else method
    folder = SegmentationFolder(Path(output)) if output else place.segmentations(name)
    refuse_existing(folder.table if output else None, replace=replace)
    model = _lung_model(network) if network else None
    if dicom_out:
        from cxr_cli.pacs.study_film import check_study_films

        check_study_films(paths)
    with nullcontext() if films else place.reading_dataset(), place.lock_result(folder.root), frame_chosen(frame):
        made = segment_all(paths, folder, method=name, model=model, reference=as_path(reference))
    if not dicom_out:
        return made
    from cxr_cli.pacs.lung_objects import LungObjects

    writer = LungObjects(Path(dicom_out), method=name, model=model or METHOD_MODELS.get(name))
    for film in made.record.films:
        writer.add(film)
    writer.tell()
    return dataclasses.replace(made, unwritten=writer.failed)


def _lung_model(run: "RunFolder") -> Path:
    from cxr_cli.recipe.lung_record import LUNG_TRAIN_COMMAND, LungRunRecord
    from cxr_cli.workspace.digests import check_digest
    from cxr_cli.workspace.records import read_record

    record = read_record(run.lung_record, LungRunRecord)
    check_digest(run.litert_model, record.sha256, hint=f"Make it again: {LUNG_TRAIN_COMMAND}")
    return run.litert_model


def phantoms(folder: AnyPath, *, films: int = 120, masks: bool = False, seed: int = 0) -> Path:
    """Render radiograph phantoms with a metadata file, byte for byte the same for the same seed.

    Args:
        folder: where the files go.
        films: number of films, half of them positive. Defaults to 120.
        masks: write masks of lungs and opacities too.
        seed: random seed. Defaults to 0.

    Returns:
        The metadata file.

    Raises:
        UsageError: fewer than two films.
        WorkspaceError: the files can't be written.
    """
    from cxr_cli.errors import UsageError
    from cxr_cli.rendering.render import write_phantoms

    if films < 2:
        raise UsageError(f"Expected at least 2 films. Received: {films}.", hint="For example: --films 120")
    return write_phantoms(Path(folder), films=films, seed=seed, masks=masks)
