"""`cxr calibrate`: another operating point for a trained run."""

from typing import Annotated

import typer

from cxr_cli.cli import console
from cxr_cli.cli.options import JsonOption, RunOption, WorkspaceOption


def calibrate(
    operating_point: Annotated[
        str,
        typer.Option(
            "--operating-point",
            metavar="RULE",
            help="youden, sensitivity=0.95, specificity=0.90 or threshold=0.5: where an answer turns positive.",
        ),
    ] = "youden",
    run: RunOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Choose where a trained run's answers turn positive, on its validation films; nothing is trained.

    The probability is scaled by a temperature that is fitted on the same films. Test films have no part in either: a
    threshold that was chosen on them would make their figures too good. predict, gradcam, evaluate and serve use the
    new operating point from then on.

    Example: cxr calibrate --operating-point sensitivity=0.95
    """
    from cxr_cli.recipe.decision import change_operating_point
    from cxr_cli.workspace.layout import Workspace

    folder, record = change_operating_point(Workspace.find(workspace), run, operating_point)
    point, calibration = record.operating_point, record.calibration
    assert point is not None
    assert calibration is not None
    if as_json:
        import msgspec

        console.result_json(
            {
                "run": folder.name,
                "operating_point": msgspec.to_builtins(point),
                "calibration": msgspec.to_builtins(calibration),
            }
        )
        return
    console.result(f"{folder.name}, on {point.positives + point.negatives} validation films")
    console.result(
        f"Operating point: {point.rule}, {record.classes.positive} from a probability of {point.threshold:.3f}"
    )
    console.result(f"  sensitivity {point.sensitivity:.3f} of {point.positives} films")
    console.result(f"  specificity {point.specificity:.3f} of {point.negatives} films")
    console.result(f"Temperature    : {calibration.temperature:.2f}")
    names = {"log_loss": "log loss", "brier": "Brier score", "ece": "ECE"}
    rows = [(names[key], f"{calibration.before[key]:.3f}", f"{calibration.after[key]:.3f}") for key in names]
    console.table([("", "before", "after"), *rows])
    console.note("On the films it was chosen on, it looks a little better than it is. Test it: cxr evaluate")
