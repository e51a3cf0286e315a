"""`cxr gradcam`: where in films the evidence for a class lies, and what such heat maps are worth."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.cli.options import (
    DicomOutOption,
    ForceOption,
    FrameOption,
    JsonOption,
    ReplaceOption,
    RunOption,
    WorkspaceOption,
)
from cxr_cli.errors import AbstentionError
from cxr_cli.explanation.methods import DEFAULT, MAP_METHODS
from cxr_cli.workspace.folders import PARTS

MapMethod = StrEnum("MapMethod", {name: name for name in MAP_METHODS})  # type: ignore[misc]
Split = StrEnum("Split", {part: part for part in PARTS})  # type: ignore[misc]
_DEFAULT = MapMethod(DEFAULT)


def gradcam(
    films: Annotated[
        list[Path] | None, typer.Argument(help="A film, or folders of films, or globs.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The picture of one film, or the folder for many. Default: heatmaps/ in the workspace.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[MapMethod, typer.Option("--method", help="Method of the heat map.")] = _DEFAULT,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            help="The class whose evidence is shown. Default: the predicted class of each film.",
            show_default=False,
        ),
    ] = None,
    alpha: Annotated[float, typer.Option("--alpha", min=0, max=1, help="Opacity of the heat.")] = 0.5,
    overlay_only: Annotated[
        bool,
        typer.Option(
            "--overlay-only",
            help="Write the overlay alone, at the film's size: without the bare film, title, color bar and caption.",
        ),
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the values of the map as .npy; for many films, beside the pictures.")
    ] = False,
    split: Annotated[
        Split | None,
        typer.Option(
            "--split", help="In place of films: all films of this part of the prepared dataset.", show_default=False
        ),
    ] = None,
    lungs: Annotated[
        Path | None,
        typer.Option(
            "--lungs",
            help="Folder of lung masks, to measure how much of the heat is in the lungs. The mask of film.jpg is "
            "film.jpg.png or film.png.",
            show_default=False,
        ),
    ] = None,
    lesions: Annotated[
        Path | None,
        typer.Option(
            "--lesions",
            help="Folder of masks of opacities, to measure whether the hottest point is in one (the pointing game).",
            show_default=False,
        ),
    ] = None,
    curves: Annotated[
        bool, typer.Option("--curves", help="Measure deletion and insertion, and compare with a random order.")
    ] = False,
    randomize: Annotated[
        bool,
        typer.Option(
            "--randomize", help="Check that maps change when the network's weights are random; needs TensorFlow."
        ),
    ] = False,
    frame: FrameOption = None,
    dicom_out: DicomOutOption = None,
    replace: ReplaceOption = False,
    force: ForceOption = False,
    run: RunOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw heat maps over films: where the evidence for a class lies.

    A picture has the bare film at the left and the overlay at the right: the lighter the color, the more evidence. A
    white line is drawn at half of the peak.

    For many films, or with --split, --lungs, --lesions, --curves or --randomize, writes a folder with a page to look at
    (the most confidently wrong film first) and a table.

    A picture that is not an upright frontal chest film, or unlike the run's own films, gets no class and no map.

    Example: cxr gradcam covid.png -o heat.png
    """
    from cxr_cli.api.explaining import gradcam as draw
    from cxr_cli.cli.gradcam_output import show_abstention, show_heat_maps
    from cxr_cli.cli.missing_workspace import say_missing

    if films:
        say_missing(workspace, run)

    try:
        made = draw(
            films,
            output=output,
            replace=replace,
            method=method,
            target=target,
            alpha=alpha,
            overlay_only=overlay_only,
            raw=raw,
            split=split,
            lungs=lungs,
            lesions=lesions,
            curves=curves,
            randomize=randomize,
            frame=frame,
            dicom_out=dicom_out,
            force=force,
            model=run,
            workspace=workspace,
        )
    except AbstentionError as error:
        assert films
        show_abstention(films[0], error, as_json=as_json)
        return
    show_heat_maps(made, as_json=as_json)
