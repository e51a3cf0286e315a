"""`cxr export`: a trained run in the format of another tool."""

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_cli.cli import console
from cxr_cli.cli.options import JsonOption, ReplaceOption, RunArgument, SameRunOption, WorkspaceOption
from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.training.formats import FORMATS, LOWER_PRECISIONS

if TYPE_CHECKING:
    from cxr_cli.training.export import Exported
    from cxr_cli.training.precision import Cost

FormatName = StrEnum("FormatName", {name: name for name in FORMATS})  # type: ignore[misc]
PrecisionName = StrEnum("PrecisionName", {name: name for name in ("float32", *LOWER_PRECISIONS)})  # type: ignore[misc]
_FLOAT32 = PrecisionName("float32")
_HELP = "; ".join(f"{name}: {row.summary}" for name, row in FORMATS.items()) + "."
_PRECISIONS = "Precision of the weights of a LiteRT file. " + "; ".join(
    f"{name}: {row.summary}, each probability within {row.tolerance:g} of Keras's"
    for name, row in LOWER_PRECISIONS.items()
)


def export(
    format_name: Annotated[FormatName, typer.Option("--format", "-f", help=_HELP, show_default=False)],
    run: RunArgument = None,
    model: SameRunOption = None,
    precision: Annotated[PrecisionName, typer.Option(help=_PRECISIONS + ".")] = _FLOAT32,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file. Default: export/ in the run's folder.", show_default=False),
    ] = None,
    replace: ReplaceOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Export a trained run to the format of another tool.

    The file is opened again with that tool, and its output for the validation films is compared with the Keras model's.
    If they differ by more than 0.001, nothing is written. A file of lower precision may differ by as much as
    --precision says, and lose up to 0.02 of the ROC AUC; what is lost and saved is printed.

    Example: cxr export mobilenetv2 --format onnx
    """
    from cxr_cli.api.training import export as export_run
    from cxr_cli.training.formats import find_format

    exported = export_run(
        run,
        model=model,
        format=format_name,
        precision=precision,
        output=output,
        replace=replace,
        workspace=workspace,
    )
    if as_json:
        import msgspec

        report = {
            "run": exported.run,
            "format": str(format_name),
            "precision": str(precision),
            "framing": msgspec.to_builtins(exported.framing),
            "file": str(exported.path),
            "bytes": exported.size,
            "outputs": {name: [None, *shape] for name, shape in exported.shapes.items()},
            "checked_films": exported.films,
            "checked_on": exported.films_from,
            "largest_differences": exported.differences,
        }
        console.result_json(report | (asdict(exported.cost) if exported.cost else {}))
    else:
        _show(exported.run, find_format(format_name, str(precision)).tool, exported, str(precision))
    console.note(DISCLAIMER, dim=True)


def _show(run: str, tool: str, exported: "Exported", precision: str) -> None:
    outputs = ", ".join(f"{name} ({', '.join(map(str, shape))})" for name, shape in exported.shapes.items())
    cost, apart = exported.cost, exported.differences
    most = max(apart.values())
    beside = f"; {cost.float32_bytes / 1e6:.1f} MB in float32" if cost else ""
    equal = ", compared with" if cost else f", within {most:.1e} of" if most else ", equal to"
    console.result(f"{run} for {tool}" + (f", {precision}" if cost else ""))
    console.result(f"  File    : {exported.path} ({exported.size / 1e6:.1f} MB{beside})")
    console.result(f"  Input   : film ({', '.join(map(str, exported.input_shape))}) uint8, RGB, 0 to 255")
    if exported.framing:
        console.result(f"  First   : the file takes {exported.framing}; docs/how-to/export.md says how")
    console.result(f"  Outputs : {outputs}, for one film")
    console.result(f"  Checked : opened with {tool}{equal} model.keras on {exported.films} {exported.films_from}")
    if cost:
        _show_cost(cost, exported)


def _show_cost(cost: "Cost", exported: "Exported") -> None:
    apart, films = exported.differences, exported.films
    console.result(
        f"  Change  : probability differs by up to {apart['probability']:.3f}, {cost.mean_probability_difference:.3f} "
        f"on average; another class for {cost.changed_answers} of {films} films"
    )
    console.result(f"  Map     : differs by up to {apart['cam']:.0%} of the film's largest value")
    if cost.roc_auc is not None:
        lost = f"{abs(cost.roc_auc_loss):.3f} {'lost' if cost.roc_auc_loss >= 0 else 'gained'}"
        classes = f"{cost.positive_films} positive and {films - cost.positive_films} negative films"
        console.result(f"  ROC AUC : {cost.roc_auc:.3f}, in Keras {cost.keras_roc_auc:.3f}: {lost}, on {classes}")
    for threads, took in cost.milliseconds.items():
        on = "1 thread" if threads == 1 else f"{threads} threads"
        console.result(f"  Speed   : {took['file']:.1f} ms per film on {on}, in float32 {took['float32']:.1f} ms")
