"""`cxr prepare`: metadata and images, class folders or DICOM files to a split dataset."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.cli.completion import complete_findings
from cxr_cli.cli.options import (
    ClusterOption,
    ImagesOption,
    JsonOption,
    Method,
    PatientPatternOption,
    SeedOption,
    WorkspaceOption,
)
from cxr_cli.lungs.methods import DEFAULT_METHOD

Part = StrEnum("Part", {"lungs": "lungs"})


def prepare(
    metadata: Annotated[
        list[Path] | None,
        typer.Option(
            "--metadata", help="CSV file in the ieee8023 schema; can be given several times.", show_default=False
        ),
    ] = None,
    folders: Annotated[
        Path | None,
        typer.Option(
            "--folders",
            help="In place of metadata: a folder of class folders, or of train, val and test with class folders.",
            show_default=False,
        ),
    ] = None,
    dicom: Annotated[
        Path | None,
        typer.Option(
            "--dicom",
            help="In place of metadata: a folder of DICOM files. No name, date or number of a patient is kept.",
            show_default=False,
        ),
    ] = None,
    findings: Annotated[
        Path | None,
        typer.Option(
            "--findings",
            help="With --dicom: CSV file with a column finding, and one of SOPInstanceUID, AccessionNumber and "
            "filename.",
            show_default=False,
        ),
    ] = None,
    images: ImagesOption = None,
    views: Annotated[
        str | None,
        typer.Option(
            "--views",
            help="With --metadata or --dicom: views to keep, separated by commas. Default: PA,AP,AP Supine.",
            show_default=False,
        ),
    ] = None,
    patient_pattern: PatientPatternOption = None,
    positive: Annotated[
        str | None,
        typer.Option(
            "--positive",
            autocompletion=complete_findings,
            help="The finding, or class folder, that is positive. Default: COVID-19, or the folder named after it.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            help="Shares of train, val and test; parts that a folder already has are kept. Default: 70/15/15.",
            show_default=False,
        ),
    ] = None,
    seed: SeedOption = 0,
    hold_out: Annotated[
        list[str] | None,
        typer.Option(
            "--hold-out",
            help="Source (the folder of a metadata file) to validate and test on, but not to train on; can be given "
            "several times.",
            show_default=False,
        ),
    ] = None,
    link: Annotated[bool, typer.Option("--link", help="Make hard links instead of copies.")] = False,
    crop: Annotated[
        Part | None,
        typer.Option("--crop", help="Crop the films to the box around both lungs, with a margin.", show_default=False),
    ] = None,
    mask: Annotated[
        Part | None, typer.Option("--mask", help="Make all but the lungs black.", show_default=False)
    ] = None,
    equalize: Annotated[
        bool,
        typer.Option(
            "--equalize", help="With --crop: spread the gray levels of each crop, so that exposure matters less."
        ),
    ] = False,
    method: Annotated[
        Method | None,
        typer.Option(
            "--segmentation-method",
            help=f"With --crop or --mask: how to find the lungs. Default: {DEFAULT_METHOD}.",
            show_default=False,
        ),
    ] = None,
    segment: Annotated[
        Method | None,
        typer.Option("--segment", help="Short for --mask lungs --segmentation-method METHOD.", hidden=True),
    ] = None,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a dataset: select films, and split them by patient.

    The films come with a metadata file, lie in class folders, or are DICOM files. The parts are train, val and test.

    Example: cxr prepare --metadata dataset/metadata.csv
    """
    from cxr_cli.api.dataset import prepare as prepare_dataset
    from cxr_cli.cli.prepare_output import show_prepared

    prepared = prepare_dataset(
        metadata=metadata,
        folders=folders,
        dicom=dicom,
        findings=findings,
        images=images,
        views=views,
        patient_pattern=patient_pattern,
        positive=positive,
        split=split,
        seed=seed,
        hold_out=hold_out,
        link=link,
        crop=crop,
        mask=mask,
        equalize=equalize,
        segmentation_method=method,
        segment=segment,
        cluster=cluster,
        workspace=workspace,
    )
    show_prepared(prepared, as_json=as_json)
