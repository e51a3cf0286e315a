"""`cxr evaluate`: a run's figures on films it was not trained on."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_cli import console
from cxr_cli.commands.options import JsonOption, RunOption, WorkspaceOption
from cxr_cli.workspace.layout import PARTS

if TYPE_CHECKING:
    from cxr_cli.inference.evaluate import Evaluated

Split = StrEnum("Split", {part: part for part in PARTS})  # type: ignore[misc]
_TEST = Split(PARTS[-1])


def evaluate(
    run: RunOption = None,
    split: Annotated[Split, typer.Option("--split", help="The part of the dataset; only test is a test.")] = _TEST,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Test a trained run on the test films, and report.

    Example: cxr evaluate --model mobilenetv2
    """
    from cxr_cli.evaluation.doubts import doubts
    from cxr_cli.inference.evaluate import evaluate as evaluate_core
    from cxr_cli.workspace.layout import Workspace

    evaluated = evaluate_core(Workspace.find(workspace), run=run, split=str(split), track=console.track)
    report = evaluated.report
    warnings = [
        f"Warning: the given split leaks. {leak.films} {leak.later} films share {leak.patients} patients with "
        f"{leak.earlier}: figures on {report.split} may be too good."
        for leak in evaluated.leaks
    ]
    warnings += doubts(report)
    if as_json:
        import msgspec

        for warning in warnings:
            console.note(warning)
        console.result_json(msgspec.to_builtins(report))
    else:
        _show(evaluated, warnings)


def _show(evaluated: "Evaluated", warnings: list[str]) -> None:
    report = evaluated.report
    console.result(f"{report.run} on {report.split}: {report.films} films of {report.patients} patients")
    for warning in warnings:
        console.result(warning)
    console.result(f"Positive class: {report.positive}, from a probability of {report.threshold:g}")
    console.result()
    rows = [
        (name, f"{row['precision']:.3f}", f"{row['recall']:.3f}", f"{row['f1-score']:.3f}", f"{row['support']:.0f}")
        for name, row in report.classification_report.items()
    ]
    console.table([("", "precision", "recall", "f1-score", "films"), *rows], indent=0)
    console.result()
    cells = report.confusion_matrix
    console.table(
        [
            ("Truth", f"called {report.negative}", f"called {report.positive}"),
            (report.negative, cells["true_negative"], cells["false_positive"]),
            (report.positive, cells["false_negative"], cells["true_positive"]),
        ],
        indent=0,
    )
    console.result()
    meanings = {
        "sensitivity": f"of {report.positive} films, called {report.positive}",
        "specificity": f"of {report.negative} films, called {report.negative}",
        "accuracy": "",
        "balanced_accuracy": "mean of sensitivity and specificity",
        "roc_auc": "0.5 is chance",
    }
    for key, meaning in meanings.items():
        value = report.metrics[key]
        name = "ROC AUC" if key == "roc_auc" else key.replace("_", " ").capitalize()
        figure = "not defined" if value is None else f"{value:.3f}"
        console.result(f"{name:<18}: {figure}  {meaning}".rstrip())
    console.result()
    console.result(f"Files: {evaluated.folder.root}")
    console.result(console.DISCLAIMER)
