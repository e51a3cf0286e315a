"""`cxr gradcam`: where in films the evidence for a class lies, and what such heat maps are worth."""

import glob
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.cli.options import JsonOption, RunOption, WorkspaceOption
from cxr_cli.explanation.methods import DEFAULT, MAP_METHODS
from cxr_cli.workspace.folders import PARTS

MapMethod = StrEnum("MapMethod", {name: name for name in MAP_METHODS})  # type: ignore[misc]
Split = StrEnum("Split", {part: part for part in PARTS})  # type: ignore[misc]
_DEFAULT = MapMethod(DEFAULT)


def gradcam(
    films: Annotated[
        list[Path] | None, typer.Argument(help="A film; or folders of films, or globs.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The picture, or of many films the folder. Default: heatmaps/ in the workspace.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[MapMethod, typer.Option("--method", help="How the heat map is made.")] = _DEFAULT,
    target: Annotated[
        str | None,
        typer.Option("--target", help="The class whose evidence is shown. Default: the answer.", show_default=False),
    ] = None,
    alpha: Annotated[float, typer.Option("--alpha", min=0, max=1, help="How much the heat hides the film.")] = 0.5,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the map alone, as .npy; of many films the maps beside the pictures.")
    ] = False,
    split: Annotated[
        Split | None,
        typer.Option("--split", help="All films of this part of the prepared dataset.", show_default=False),
    ] = None,
    lungs: Annotated[
        Path | None,
        typer.Option(
            "--lungs",
            help="A folder of lung masks: how much of the heat is in the lungs. That of film.jpg is film.jpg.png or "
            "film.png.",
            show_default=False,
        ),
    ] = None,
    lesions: Annotated[
        Path | None,
        typer.Option(
            "--lesions",
            help="A folder of masks of opacities: whether the hottest point is in one (the pointing game).",
            show_default=False,
        ),
    ] = None,
    curves: Annotated[
        bool, typer.Option("--curves", help="Measure deletion and insertion, against places in a random order.")
    ] = False,
    randomize: Annotated[
        bool,
        typer.Option(
            "--randomize", help="Check that maps change when the network's weights are made random; needs TensorFlow."
        ),
    ] = False,
    run: RunOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the heat map of a trained run's answer over the film.

    Of many films, and where masks, --curves or --randomize ask what the maps are worth, it makes a folder with a page
    to look at, the most confidently wrong film first, and a table.

    Example: cxr gradcam covid.png -o heat.png
    """
    from cxr_cli.cli import gradcam_output
    from cxr_cli.workspace.layout import Workspace

    place, many = Workspace.find(workspace), films or []
    if not many and not split:
        raise typer.BadParameter("Expected films, or --split with a part of the prepared dataset. Received: neither.")
    if _is_one(many) and not any((split, lungs, lesions, curves, randomize)):
        from cxr_cli.explanation.explain import explain

        found = explain(
            place,
            many[0],
            output=output,
            method=method,
            target=target,
            alpha=alpha,
            raw=raw,
            run=run,
        )
        gradcam_output.show_one(found, many[0], as_json=as_json)
        return
    from cxr_cli.explanation.jobs import Options

    options = Options(method, target, alpha, raw, lungs, lesions, curves=curves)
    gradcam_output.make_gallery(
        place, many, output, options, split=split, run=run, randomize=randomize, as_json=as_json
    )


def _is_one(films: list[Path]) -> bool:
    """Whether one file is named, there or not."""
    if len(films) != 1 or films[0].is_dir():
        return False
    return films[0].exists() or not glob.has_magic(str(films[0]))
