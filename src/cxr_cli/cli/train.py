"""`cxr train`: train a run on the prepared dataset."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cxr_cli.cli.completion import complete_all_runs, complete_unfinished_runs
from cxr_cli.cli.options import JsonOption, WorkspaceOption, takes_training_options

_ALL = "all"


@takes_training_options(more={"arch": {_ALL: "train the published ones, one after the other"}})
def train(
    listed: Annotated[bool, typer.Option("--list", help="List the architectures, and train nothing.")] = False,
    augment_preview: Annotated[
        Path | None,
        typer.Option(
            "--augment-preview",
            help="Draw a training film and twelve augmented variants of it into this PNG file, and train nothing.",
            show_default=False,
        ),
    ] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Report where the time of an epoch goes.")] = False,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            help="Name of the run. Default: the architecture, or RUN-again with --from; if that name is taken, the "
            "next free number is added, as in simple-cnn-2.",
            show_default=False,
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Overwrite the run of that name, once the new one is complete; with --augment-preview, the file.",
        ),
    ] = False,
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume",
            autocompletion=complete_unfinished_runs,
            metavar="RUN",
            help="Resume a run that was killed or stopped after its last checkpoint; the result is the same.",
            show_default=False,
        ),
    ] = None,
    from_run: Annotated[
        str | None,
        typer.Option(
            "--from",
            autocompletion=complete_all_runs,
            metavar="RUN",
            help="Train a run again, by its name or a run.json, with its options except for those given here. Reports "
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
    from cxr_cli.api.training import train_published
    from cxr_cli.cli.train_output import show_all, show_architectures, show_preview, show_run
    from cxr_cli.training.runs import preview_augmentation, train_run
    from cxr_cli.workspace.layout import Workspace

    if listed:
        show_architectures(as_json=as_json)
        return
    place = Workspace.find(workspace)
    if augment_preview:
        film = preview_augmentation(
            place, augment_preview, from_run=from_run, resume=resume, replace=replace, **options
        )
        show_preview(film, augment_preview, as_json=as_json)
        return
    chosen: dict[str, Any] = {
        "name": name,
        "resume": resume,
        "from_run": from_run,
        "replace": replace,
        "profile": profile,
        **options,
    }
    if options.get("arch") == _ALL:
        show_all(place, train_published(workspace=workspace, **chosen), as_json=as_json)
    else:
        show_run(train_run(place, **chosen), as_json=as_json)
