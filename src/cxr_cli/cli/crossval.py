"""`cxr crossval`: metrics on all films of the dataset, each predicted by a model that did not see it."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from cxr_cli.cli import console
from cxr_cli.cli.completion import complete_own_runs
from cxr_cli.cli.options import JsonOption, WorkspaceOption, takes_training_options

_FOLDS = 5


class Column(StrEnum):
    """Columns of the manifest that say where a film came from."""

    SOURCE = "source"
    VIEW = "view"
    LOCATION = "location"


@takes_training_options(after="from_run", without=["multi-worker", "lung-unet", "masks"])
def crossval(
    folds: Annotated[
        int | None,
        typer.Option("--folds", min=2, help=f"Folds to draw, by patient. Default: {_FOLDS}.", show_default=False),
    ] = None,
    repeats: Annotated[
        int,
        typer.Option(
            min=1,
            help="How many times to draw the folds, each time with the next seed. More make the intervals narrower.",
        ),
    ] = 1,
    leave_out: Annotated[
        Column | None,
        typer.Option(
            "--leave-out", help="In place of folds: train without each value of this column in turn, and test on it."
        ),
    ] = None,
    from_run: Annotated[
        str | None,
        typer.Option(
            "--from",
            autocompletion=complete_own_runs,
            help="A trained run, whose options are used except for those given here.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            help="Name of the folder. Default: architecture and folds, for example mobilenetv2-5-folds; if a "
            "finished one with other options has that name, the next free number is added.",
            show_default=False,
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite a finished cross-validation of that name.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    **options: Any,
) -> None:
    """Cross-validate: train and test in folds, drawn by patient.

    Each film is predicted by a model that saw no film of its patient, as far as patients are known. The dataset's own
    split is not used. Every figure is the mean of the folds, with an interval for the recipe. If the command is
    stopped, the same command continues where it was.

    Example: cxr crossval --folds 5 --arch mobilenetv2 --class-weight
    """
    from cxr_cli.api.training import crossval as cross_validate
    from cxr_cli.cli.crossval_output import show_crossval

    done = cross_validate(
        folds=folds,
        repeats=repeats,
        leave_out=leave_out,
        from_run=from_run,
        name=name,
        replace=replace,
        workspace=workspace,
        **options,
    )
    if as_json:
        import msgspec

        console.result_json(msgspec.to_builtins(done.record))
    else:
        show_crossval(done)
