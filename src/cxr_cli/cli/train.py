"""`cxr train`: a prepared dataset to a trained, exported and checked run."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cxr_cli.cli import console
from cxr_cli.cli.options import JsonOption, WorkspaceOption, takes_training_options
from cxr_cli.cli.train_output import show_architectures
from cxr_cli.errors import CxrError

_ALL = "all"


@takes_training_options(more={"arch": {_ALL: "train the published ones, one after the other"}})
def train(
    listed: Annotated[bool, typer.Option("--list", help="List the architectures, and train nothing.")] = False,
    augment_preview: Annotated[
        Path | None,
        typer.Option(
            "--augment-preview",
            help="Draw a training film and twelve variants of it into this PNG file, and train nothing.",
            show_default=False,
        ),
    ] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Tell where the time of an epoch goes.")] = False,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", help="The run's name. Default: the architecture's; with --from, RUN-again.", show_default=False
        ),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume",
            metavar="RUN",
            help="Go on with a training that was killed or stopped, after its last checkpoint, to the same result.",
            show_default=False,
        ),
    ] = None,
    again: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="RUN",
            help="Train a run again, by its name or a run.json, with its options but for those given here; and say "
            "whether the weights are the same.",
            show_default=False,
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    **options: Any,
) -> None:
    """Train a classifier on the prepared dataset, and export it.

    The same options on the same machine, without a GPU, give the same weights, bit for bit.

    Example: cxr train --arch mobilenetv2 --class-weight
    """
    from cxr_cli.cli.train_plan import make_plan
    from cxr_cli.cli.train_run import preview, train_all, train_one
    from cxr_cli.workspace.layout import Workspace

    if listed:
        show_architectures(as_json=as_json)
        return
    if augment_preview and augment_preview.suffix.lower() != ".png":
        raise CxrError(
            f"Expected a file ending in .png. Received: --augment-preview {augment_preview}.",
            hint="For example: --augment-preview variants.png",
        )
    found = Workspace.find(workspace)
    plan = make_plan(found, options, resume=resume, again=again, name=name, profiled=profile)
    console.note("Loading TensorFlow")
    if augment_preview:
        preview(found, plan.options, augment_preview, as_json=as_json)
    elif plan.every_arch:
        train_all(found, plan, as_json=as_json)
    else:
        train_one(found, plan, as_json=as_json)
