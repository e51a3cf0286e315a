"""`cxr segment`: the lungs of films."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.cli.completion import complete_lung_runs
from cxr_cli.cli.options import DicomOutOption, FrameOption, JsonOption, Method, ReplaceOption, WorkspaceOption
from cxr_cli.lungs.methods import DEFAULT_METHOD


def segment(
    films: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Frontal films, folders of films, or globs. Default: those of the prepared dataset.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        Method | None,
        typer.Option(
            "--method",
            help=f"Method that finds the lungs: a network (unet), or clusters and a prior. Default: {DEFAULT_METHOD}.",
            show_default=False,
        ),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            "--run",
            autocompletion=complete_lung_runs,
            metavar="RUN",
            help="In place of a method: your own run of lung-unet.",
            show_default=False,
        ),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            "--reference",
            help="Folder of masks to compare with. The mask of film.jpg is film.jpg.png or film.png.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the files. Default: segmentations/ in the workspace.",
            show_default=False,
        ),
    ] = None,
    frame: FrameOption = None,
    dicom_out: DicomOutOption = None,
    replace: ReplaceOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the lungs in frontal films, and write their masks.

    A U-Net that comes with the package finds them. The other methods cluster the gray levels, and combine the clusters
    with a prior of where lungs are. Also writes overlays, a table and, from the other methods, cluster maps. If the
    result for a film is doubtful, its mask is kept in a separate folder.

    Example: cxr segment covid.png
    """
    from cxr_cli.api.dataset import segment as segment_films
    from cxr_cli.cli.segment_output import show_segmentation

    show_segmentation(
        segment_films(
            films,
            method=method,
            run=run,
            reference=reference,
            output=output,
            frame=frame,
            dicom_out=dicom_out,
            replace=replace,
            workspace=workspace,
        ),
        as_json=as_json,
    )
