"""`cxr calibrate`: choose another operating point for a trained run."""

from typing import Annotated

import typer

from cxr_cli.cli import console
from cxr_cli.cli.options import JsonOption, RunArgument, SameRunOption, WorkspaceOption


def calibrate(
    run: RunArgument = None,
    model: SameRunOption = None,
    operating_point: Annotated[
        str,
        typer.Option(
            "--operating-point",
            metavar="RULE",
            help="Rule for the operating point: youden; sensitivity=0.95 or specificity=0.90, on the validation films; "
            "sensitivity-at-least=0.95 or specificity-at-least=0.90, on new films with 95% confidence; or "
            "threshold=0.5.",
        ),
    ] = "youden",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Choose another operating point for a trained run.

    Nothing is trained. The operating point is the probability at or above which a film is called positive. It is chosen
    on the run's validation films, and the slope and intercept that calibrate the probabilities are fitted on the same
    films. Test films are not used: a threshold chosen on them would look too good. From then on, predict, gradcam,
    evaluate and serve use the new operating point. It replaces the one of the run, which is printed too.

    sensitivity=0.95 is a sensitivity of at least 0.95 on the validation films; on new films it is lower about half of
    the time. sensitivity-at-least=0.95 leaves a margin, so that new films like these have it with 95% confidence. It
    counts patients, and needs 59 with a positive validation film.

    Example: cxr calibrate --operating-point sensitivity=0.95
    """
    from cxr_cli.api.training import calibrate as calibrate_run
    from cxr_cli.metrics.calibration import AT_BOUND, CALIBRATION_FIGURES
    from cxr_cli.recipe.validation_doubts import validation_doubts
    from cxr_cli.workspace.layout import Workspace

    calibrated = calibrate_run(run, model=model, operating_point=operating_point, workspace=workspace)
    record = calibrated.record
    point, calibration = record.operating_point, record.calibration
    before = calibrated.before.operating_point
    assert point is not None
    assert calibration is not None
    if as_json:
        import msgspec

        console.result_json(
            {
                "run": calibrated.name,
                "operating_point": msgspec.to_builtins(point),
                "operating_point_before": msgspec.to_builtins(before),
                "calibration": msgspec.to_builtins(calibration),
            }
        )
        return
    console.result(f"{calibrated.name}, on {point.positives + point.negatives} validation films")
    console.result(
        f"Operating point: {point.rule}, {record.classes.positive} from a probability of {point.threshold:.3f}"
    )
    console.result(f"  sensitivity {point.sensitivity:.3f} of {point.positives} films")
    console.result(f"  specificity {point.specificity:.3f} of {point.negatives} films")
    if before and before != point:
        console.result(
            f"Replaces       : {before.rule}, from a probability of {before.threshold:.3f}; to go back: cxr calibrate "
            f"{calibrated.name} --operating-point {before.rule}"
        )
    console.result(f"Calibration    : {calibration.formula(record.classes.positive)}")
    if calibration.at_bound:
        console.result(f"  {AT_BOUND}")
    rows = [
        (CALIBRATION_FIGURES[key][0], f"{calibration.before[key]:.3f}", f"{calibration.after[key]:.3f}")
        for key in ("log_loss", "brier", "ece")
    ]
    console.show_table(["", "before", "after"], rows, indent=2)
    console.show_doubts(validation_doubts(Workspace.find(workspace).run(calibrated.name), record))
    if point.promise:
        console.result(point.promise)
    console.note(
        "These figures are slightly optimistic: the operating point was chosen on the same films. Test it: "
        f"cxr evaluate {calibrated.name}"
    )
