"""`cxr gradcam`: where in a film the evidence for a class lies."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli import console
from cxr_cli.commands.options import JsonOption, RunOption, WorkspaceOption


def gradcam(
    film: Annotated[Path, typer.Argument(help="A film.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The picture. Default: heatmaps/ in the workspace.", show_default=False),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option("--target", help="The class whose evidence is shown. Default: the answer.", show_default=False),
    ] = None,
    alpha: Annotated[float, typer.Option("--alpha", min=0, max=1, help="How much the heat hides the film.")] = 0.5,
    raw: Annotated[bool, typer.Option("--raw", help="Write the map alone, signed, as .npy.")] = False,
    run: RunOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw the heat map of a trained run's answer over the film.

    Example: cxr gradcam covid.png -o heat.png
    """
    from cxr_cli.inference.explain import explain
    from cxr_cli.workspace.layout import Workspace

    found = explain(
        Workspace.find(workspace),
        film,
        output=output,
        target=target,
        alpha=alpha,
        raw=raw,
        run=run,
        notice=console.DISCLAIMER,
    )
    if found.answer.whole:
        console.note(f"Note: {found.answer.whole}.")
    if found.answer.blank(found.target):
        console.note(found.caption)
    if as_json:
        console.result_json(
            {
                "image": str(film),
                "class": found.answer.label,
                "confidence": round(found.answer.confidence, 6),
                "probabilities": {label: round(value, 6) for label, value in found.answer.probabilities.items()},
                "model": found.run,
                "target": found.target,
                "heatmap": str(found.output),
                "explains": found.explained,
            }
        )
    else:
        part = "" if found.explained == found.run else f", of {found.explained}"
        console.result(str(film))
        console.result(f"  Class      : {found.answer.label}")
        console.result(f"  Confidence : {found.answer.confidence:.1%}")
        console.result(f"  Heat map   : {found.output} (for {found.target}{part})")
    console.note(f"Answered by the run {found.run}. {console.DISCLAIMER}")
