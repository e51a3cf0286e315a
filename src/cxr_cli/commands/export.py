"""`cxr export`: a trained run in the format that another tool reads."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_cli import console
from cxr_cli.commands.options import JsonOption, WorkspaceOption
from cxr_cli.modeling.formats import FORMATS

if TYPE_CHECKING:
    from cxr_cli.modeling.export import Exported

Format = StrEnum("Format", {name: name for name in FORMATS})  # type: ignore[misc]
_HELP = "; ".join(f"{name}: {row.summary}" for name, row in FORMATS.items()) + "."


def export(
    format_name: Annotated[Format, typer.Option("--format", "-f", help=_HELP, show_default=False)],
    run: Annotated[
        str | None, typer.Argument(help="The name of a trained run. Default: the latest.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file. Default: export/ in the run's folder.", show_default=False),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a trained run in the format of another tool, checked against Keras.

    The file is opened again with that tool, and its answers are compared with the Keras model's on the validation
    films; off by more than 0.001, nothing is written.

    Example: cxr export mobilenetv2 --format onnx
    """
    from cxr_cli.modeling.formats import plan
    from cxr_cli.workspace.layout import Workspace

    # What can be refused is refused before TensorFlow's three seconds.
    found = Workspace.find(workspace)
    folder = found.run(run)
    plan(folder, FORMATS[format_name], output)
    console.note("Loading TensorFlow")
    from cxr_cli.modeling.export import export as export_core

    console.note(f"Exporting {folder.name}, and checking the file")
    exported = export_core(found, folder.name, format_name=format_name, output=output, track=console.track)
    if as_json:
        console.result_json(
            {
                "run": folder.name,
                "format": str(format_name),
                "file": str(exported.path),
                "bytes": exported.size,
                "outputs": {name: [None, *shape] for name, shape in exported.shapes.items()},
                "checked_films": exported.films,
                "checked_on": exported.films_from,
                "largest_differences": exported.differences,
            }
        )
    else:
        _show(folder.name, FORMATS[format_name].tool, exported)
    console.note(console.DISCLAIMER)


def _show(run: str, tool: str, exported: "Exported") -> None:
    outputs = ", ".join(f"{name} ({', '.join(map(str, shape))})" for name, shape in exported.shapes.items())
    console.result(f"{run} for {tool}")
    console.result(f"  File    : {exported.path} ({exported.size / 1e6:.1f} MB)")
    console.result(f"  Input   : film ({', '.join(map(str, exported.input_shape))}) uint8, RGB, 0 to 255")
    console.result(f"  Outputs : {outputs}, for one film")
    apart = max(exported.differences.values())
    equal = f"within {apart:.1e} of model.keras" if apart else "equal to model.keras"
    console.result(f"  Checked : opened with {tool}, {equal} on {exported.films} {exported.films_from}")
