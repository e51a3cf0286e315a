"""`cxr evaluate`: the metrics of a run on films it was not trained on."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.cli import evaluate_output
from cxr_cli.cli.options import JsonOption, RunOption, WorkspaceOption
from cxr_cli.workspace.folders import PARTS

Split = StrEnum("Split", {part: part for part in PARTS})  # type: ignore[misc]


def evaluate(
    run: RunOption = None,
    split: Annotated[
        Split | None,
        typer.Option(
            "--split", help="The part of the dataset; only test is a test. Default: test.", show_default=False
        ),
    ] = None,
    prevalence: Annotated[
        float | None,
        typer.Option(
            "--prevalence",
            metavar="SHARE",
            help="Add the predictive values where this share of people has the disease, for example 0.1.",
            show_default=False,
        ),
    ] = None,
    drop_seen: Annotated[
        bool,
        typer.Option(
            "--drop-seen",
            help="Leave out films seen in training or validation, their copies, and other films of their patients.",
        ),
    ] = False,
    external: Annotated[
        bool, typer.Option("--external", help="Test on films from elsewhere, given by --metadata or --folders.")
    ] = False,
    metadata: Annotated[
        list[Path] | None,
        typer.Option(
            "--metadata", help="With --external: a CSV file, as for prepare; can be repeated.", show_default=False
        ),
    ] = None,
    folders: Annotated[
        Path | None,
        typer.Option(
            "--folders",
            help="With --external: a folder with one folder per class; one class is enough.",
            show_default=False,
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            "--images",
            help="With --metadata: the folder of the image files. Default: that of the CSV file.",
            show_default=False,
        ),
    ] = None,
    views: Annotated[
        str | None,
        typer.Option(
            "--views",
            help="With --metadata: views to keep, separated by commas. Default: PA,AP,AP Supine.",
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
            help="With --external: the finding or class folder that is positive. Default: the run's positive class.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            help="With --external: the name of the evaluation. Default: the folder's name.",
            show_default=False,
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Test a trained run on the test films, or on other films.

    The threshold and the temperature are those of the run: nothing is fitted to the test films.

    Example: cxr evaluate --model mobilenetv2
    """
    from cxr_cli.workspace.layout import Workspace

    if prevalence is not None and not 0 < prevalence < 1:
        raise typer.BadParameter("give a share between 0 and 1", param_hint="--prevalence")
    _check(external, {"--metadata": metadata, "--folders": folders, "--positive": positive, "--name": name}, split)
    _refuse("--metadata", metadata, {"--images": images, "--views": views})
    _refuse("--folders", folders, {"--patient-pattern": patient_pattern})
    place = Workspace.find(workspace)
    if external:
        from cxr_cli.dataset.metadata import DEFAULT_VIEWS
        from cxr_cli.evaluation.external import Elsewhere, evaluate_external

        where = Elsewhere(
            metadata=metadata or (),
            folders=folders,
            images=images,
            views=[view.strip() for view in views.split(",") if view.strip()] if views else DEFAULT_VIEWS,
            patient_pattern=patient_pattern,
            positive=positive,
        )
        evaluated = evaluate_external(
            place,
            where,
            run=run,
            name=name,
            drop_seen=drop_seen,
            prevalence=prevalence,
        )
    else:
        from cxr_cli.evaluation.evaluate import evaluate as evaluate_core

        evaluated = evaluate_core(
            place,
            run=run,
            split=str(split or PARTS[-1]),
            drop_seen=drop_seen,
            prevalence=prevalence,
        )
    evaluate_output.show_evaluation(evaluated, as_json=as_json)


def _check(external: bool, options: dict[str, object], split: Split | None) -> None:
    if external:
        if split:
            raise typer.BadParameter("films from elsewhere have no parts: leave it out", param_hint="--split")
        if bool(options["--metadata"]) == bool(options["--folders"]):
            raise typer.BadParameter("give one of the two with --external", param_hint="--metadata / --folders")
    else:
        _refuse("--external", None, options)


def _refuse(other: str, given: object, options: dict[str, object]) -> None:
    for name, value in options.items():
        if value and not given:
            raise typer.BadParameter(f"goes with {other} only", param_hint=name)
