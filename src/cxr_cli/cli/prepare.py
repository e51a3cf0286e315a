"""`cxr prepare`: metadata and images, or class folders, to a split dataset."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.cli import console, prepare_output
from cxr_cli.cli.options import ClusterOption, JsonOption, Method, SeedOption, WorkspaceOption, connecting


def prepare(
    metadata: Annotated[
        list[Path] | None,
        typer.Option("--metadata", help="CSV file in the ieee8023 schema; may be given again.", show_default=False),
    ] = None,
    folders: Annotated[
        Path | None,
        typer.Option(
            "--folders",
            help="In place of metadata: a folder of class folders, or of train, val and test with class folders.",
            show_default=False,
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            "--images", help="With --metadata: folder of the image files. Default: its own.", show_default=False
        ),
    ] = None,
    views: Annotated[
        str | None,
        typer.Option(
            "--views",
            help="With --metadata: views to keep, with commas between. Default: PA,AP,AP Supine.",
            show_default=False,
        ),
    ] = None,
    patient_pattern: Annotated[
        str | None,
        typer.Option(
            "--patient-pattern",
            help="With --folders: a regular expression; its first group in a file name is the patient.",
            show_default=False,
        ),
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option(
            "--positive",
            help="The finding, or class folder, that makes a film positive. Default: COVID-19, or the folder named "
            "for COVID.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            help="Shares of train, val and test; what a folder has is kept as it is. Default: 70/15/15.",
            show_default=False,
        ),
    ] = None,
    seed: SeedOption = 0,
    link: Annotated[bool, typer.Option("--link", help="Hard links in place of copies.")] = False,
    segment: Annotated[
        Method | None,
        typer.Option("--segment", help="Write the films with all but the lungs black.", show_default=False),
    ] = None,
    cluster: ClusterOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read films with metadata or in class folders, and split them by patient into train, val and test.

    Example: cxr prepare --metadata dataset/metadata.csv
    """
    from cxr_cli.cluster.reading import reader
    from cxr_cli.dataset import prepare as core
    from cxr_cli.dataset.split import parse_shares
    from cxr_cli.workspace.layout import Workspace

    target = Workspace.find(workspace)
    if cluster:
        console.note(connecting(cluster))
    with reader(cluster, target) as read:
        prepared = core.prepare(
            target,
            metadata=metadata or [],
            folders=folders,
            images=images,
            views=[view.strip() for view in views.split(",") if view.strip()] if views else None,
            positive=positive,
            patient_pattern=patient_pattern,
            split=parse_shares(split) if split else None,
            seed=seed,
            link=link,
            segment=segment and str(segment),
            read=read,
        )
    for column in prepared.missing_columns:
        effect = "films count as one patient each" if column == "patientid" else "its rule was skipped"
        console.note(f"Note: a metadata file has no column {column!r}: {effect}.")
    if as_json:
        import msgspec

        for warning in prepare_output.warnings_of(prepared.record):
            console.note(warning)
        console.result_json(msgspec.to_builtins(prepared.record))
    else:
        prepare_output.show(prepared)
