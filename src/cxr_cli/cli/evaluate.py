"""`cxr evaluate`: test a run on films it was not trained on."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.cli.completion import complete_findings, complete_runs
from cxr_cli.cli.options import (
    ImagesOption,
    JsonOption,
    PatientPatternOption,
    SameRunOption,
    ViewsOption,
    WorkspaceOption,
)
from cxr_cli.workspace.folders import PARTS

Split = StrEnum("Split", {part: part for part in PARTS})  # type: ignore[misc]


def evaluate(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            autocompletion=complete_runs,
            help="The name of a trained run; or bundled, the model in the package. Default: the newest run, else "
            "bundled.",
            show_default=False,
        ),
    ] = None,
    model: SameRunOption = None,
    split: Annotated[
        Split | None,
        typer.Option("--split", help="Part of the dataset; only test is a test. Default: test.", show_default=False),
    ] = None,
    prevalence: Annotated[
        float | None,
        typer.Option(
            "--prevalence",
            metavar="SHARE",
            help="Add the predictive values, and the calibration, at this prevalence of the disease, for example 0.1.",
            show_default=False,
        ),
    ] = None,
    alpha: Annotated[
        float,
        typer.Option(
            "--alpha",
            metavar="SHARE",
            help="Prediction sets may lack the right class for this share of the patients of each class.",
        ),
    ] = 0.1,
    max_fpr: Annotated[
        float | None,
        typer.Option(
            "--max-fpr",
            metavar="SHARE",
            help="Add the partial AUC up to this false positive rate (1 - specificity), for example 0.1.",
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
    images: ImagesOption = None,
    views: ViewsOption = None,
    patient_pattern: PatientPatternOption = None,
    positive: Annotated[
        str | None,
        typer.Option(
            "--positive",
            autocompletion=complete_findings,
            help="With --external: the finding or class folder that is positive. Default: the run's positive class.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            help="With --external: the name of the evaluation. Default: the folder's name; if a test on other films "
            "has that name, the next free number is added.",
            show_default=False,
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="With --external: overwrite a test on other films that has this name.")
    ] = False,
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Print all figures: every metric, calibration, prediction sets, subgroups. Default: one screen.",
        ),
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Test a trained run on the test films, or on other films.

    Uses the operating point and the calibration of the run: nothing is fitted to the films it is tested on.

    Example: cxr evaluate mobilenetv2
    """
    from cxr_cli.api.testing import evaluate as evaluate_run
    from cxr_cli.cli.evaluate_output import show_evaluation

    evaluated = evaluate_run(
        run,
        model=model,
        split=split,
        prevalence=prevalence,
        alpha=alpha,
        max_fpr=max_fpr,
        drop_seen=drop_seen,
        external=external,
        metadata=metadata,
        folders=folders,
        images=images,
        views=views,
        patient_pattern=patient_pattern,
        positive=positive,
        name=name,
        replace=replace,
        workspace=workspace,
    )
    show_evaluation(evaluated, everything=everything, as_json=as_json)
