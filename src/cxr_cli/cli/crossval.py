"""`cxr crossval`: a recipe's figures on all films of the dataset, each answered by a model that did not see it."""

from enum import StrEnum
from typing import Annotated

import typer

from cxr_cli.cli import console
from cxr_cli.cli.options import JsonOption, SeedOption, WorkspaceOption
from cxr_cli.errors import CxrError
from cxr_cli.recipe.architectures import ARCHITECTURES

Arch = StrEnum("Arch", {name: name for name in ARCHITECTURES})  # type: ignore[misc]
_FOLDS = 5


class Column(StrEnum):
    """What the manifest knows of where a film came from."""

    SOURCE = "source"
    VIEW = "view"
    LOCATION = "location"


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
    arch: Annotated[
        Arch | None,
        typer.Option("--arch", help=f"The architecture. Default: {next(iter(ARCHITECTURES))}.", show_default=False),
    ] = None,
    class_weight: Annotated[
        bool | None,
        typer.Option(
            "--class-weight/--no-class-weight",
            help="Let both classes weigh the same, however many films they have.",
            show_default=False,
        ),
    ] = None,
    fine_tune: Annotated[
        bool | None,
        typer.Option(
            "--fine-tune/--no-fine-tune",
            help="Go on from the best model at a low learning rate.",
            show_default=False,
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            help="The backbone's: imagenet, none, or a Keras weights file or folder. Default: imagenet.",
            show_default=False,
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="At most so many. Default: the architecture's.", show_default=False)
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(min=1, help="Pixels a side. Default: the architecture's.", show_default=False)
    ] = None,
    operating_point: Annotated[
        str | None,
        typer.Option(
            "--operating-point",
            metavar="RULE",
            help="youden, sensitivity=0.95, specificity=0.90 or threshold=0.5: where an answer turns positive, chosen "
            "on each fold's validation films. Default: youden.",
            show_default=False,
        ),
    ] = None,
    seed: SeedOption = 0,
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
) -> None:
    """Train and test a recipe in folds: every film is answered by a model that saw no film of its patient.

    The dataset's own split plays no part. A call that was stopped goes on where it was when it is given again. Other
    options of the training: train a run with them, and name it with --from.

    Example: cxr crossval --folds 5 --arch mobilenetv2 --class-weight
    """
    from cxr_cli.cli.crossval_output import show
    from cxr_cli.evaluation.crossval.plan import plan_folds
    from cxr_cli.evaluation.crossval.study import cross_validate
    from cxr_cli.metrics.operating_points import parse_rule
    from cxr_cli.recipe.options import TrainingOptions, change, read_options
    from cxr_cli.recipe.reproduction import find_original
    from cxr_cli.workspace.layout import Workspace

    if folds and leave_out:
        raise CxrError(
            f"Expected --folds or --leave-out. Received: --folds {folds} and --leave-out {leave_out}.",
            hint="Leave out one of them",
        )
    found = Workspace.find(workspace)
    options = TrainingOptions()
    if from_run:
        original = find_original(found, from_run)
        options = read_options(original.record.options, original.folder.record)
    given = {
        "arch": str(arch) if arch else None,
        "class_weight": class_weight,
        "fine_tune": fine_tune,
        "weights": weights,
        "epochs": epochs,
        "image_size": image_size,
        "operating_point": operating_point and str(parse_rule(operating_point)),
        "seed": seed,
        # Folds are trained here; the machines give what one gives.
        "strategy": "none" if options.strategy == "multi-worker" else None,
    }
    options = change(options, {key: value for key, value in given.items() if value is not None})
    plan = plan_folds(found, folds=folds or _FOLDS, column=str(leave_out) if leave_out else None, seed=seed)
    done = cross_validate(plan, options, name=name)
    if as_json:
        import msgspec

        console.result_json(msgspec.to_builtins(done.record))
    else:
        show(done)
