"""`cxr crossval`: a recipe's figures on all films of the dataset, each answered by a model that did not see it."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from cxr_cli.cli import console
from cxr_cli.cli.options import JsonOption, WorkspaceOption, takes_training_options

_FOLDS = 5


class Column(StrEnum):
    """What the manifest knows of where a film came from."""

    SOURCE = "source"
    VIEW = "view"
    LOCATION = "location"


@takes_training_options(after="from_run", without=["multi-worker"])
def crossval(
    folds: Annotated[
        int | None,
        typer.Option("--folds", min=2, help=f"Folds to draw, by patient. Default: {_FOLDS}.", show_default=False),
    ] = None,
    leave_out: Annotated[
        Column | None,
        typer.Option(
            "--leave-out", help="In place of folds: train without each value of this column in turn, and test on it."
        ),
    ] = None,
    from_run: Annotated[
        str | None,
        typer.Option(
            "--from", help="A trained run, whose options are taken but for those given here.", show_default=False
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            help="The folder's. Default: the architecture's and the folds', mobilenetv2-5-folds.",
            show_default=False,
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    **options: Any,
) -> None:
    """Train and test a recipe in folds: every film is answered by a model that saw no film of its patient.

    The dataset's own split plays no part. A call that was stopped goes on where it was when it is given again. Other
    options of the training: train a run with them, and name it with --from.

    Example: cxr crossval --folds 5 --arch mobilenetv2 --class-weight
    """
    from cxr_cli.cli.crossval_output import show_crossval
    from cxr_cli.evaluation.crossval.study import cross_validate
    from cxr_cli.workspace.layout import Workspace

    done = cross_validate(
        Workspace.find(workspace),
        folds=folds,
        leave_out=str(leave_out) if leave_out else None,
        from_run=from_run,
        name=name,
        **options,
    )
    if as_json:
        import msgspec

        console.result_json(msgspec.to_builtins(done.record))
    else:
        show_crossval(done)
