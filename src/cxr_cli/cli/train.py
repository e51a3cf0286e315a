"""`cxr train`: a prepared dataset to a trained, exported and checked run."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.cli import console
from cxr_cli.cli.options import JsonOption, SeedOption, WorkspaceOption
from cxr_cli.cli.train_output import show_architectures
from cxr_cli.errors import CxrError
from cxr_cli.recipe.architectures import ARCHITECTURES

_ALL = "all"
Arch = StrEnum("Arch", {name: name for name in (*ARCHITECTURES, _ALL)})  # type: ignore[misc]
_DEFAULT = Arch(next(iter(ARCHITECTURES)))


class Strategy(StrEnum):
    """Where to train; the names are tf.distribute's."""

    NONE = "none"
    MIRRORED = "mirrored"
    MULTI_WORKER = "multi-worker"


def train(
    context: typer.Context,
    arch: Annotated[
        Arch, typer.Option("--arch", help="The architecture; all: the six published ones, one after the other.")
    ] = _DEFAULT,
    listed: Annotated[bool, typer.Option("--list", help="Show the architectures, and train nothing.")] = False,
    class_weight: Annotated[
        bool,
        typer.Option(
            "--class-weight/--no-class-weight", help="Let both classes weigh the same, however many films they have."
        ),
    ] = False,
    fine_tune: Annotated[
        bool,
        typer.Option("--fine-tune/--no-fine-tune", help="Go on from the best model at a low learning rate."),
    ] = False,
    weights: Annotated[
        str, typer.Option("--weights", help="The backbone's: imagenet, none, or a Keras weights file or folder.")
    ] = "imagenet",
    freeze: Annotated[
        float | None,
        typer.Option(
            "--freeze",
            min=0,
            max=1,
            help="The share of the backbone's layers, from below, to keep as they are. Default: the architecture's.",
            show_default=False,
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="At most so many. Default: the architecture's.", show_default=False)
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Films a step.")] = 32,
    image_size: Annotated[
        int | None, typer.Option(min=1, help="Pixels a side. Default: the architecture's.", show_default=False)
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(min=1e-8, max=1, help="Adam's. Default: the architecture's.", show_default=False)
    ] = None,
    fine_tune_epochs: Annotated[int, typer.Option(min=1, help="At most so many more with --fine-tune.")] = 10,
    fine_tune_learning_rate: Annotated[float, typer.Option(min=1e-8, max=1, help="Adam's with --fine-tune.")] = 1e-5,
    patience: Annotated[
        int | None,
        typer.Option(min=1, help="Epochs without a better validation loss before it stops.", show_default=False),
    ] = None,
    operating_point: Annotated[
        str,
        typer.Option(
            "--operating-point",
            help="From which probability on an answer is positive, chosen on validation films: youden, the best sum of "
            "sensitivity and specificity; sensitivity=0.95 or specificity=0.9, at least that; or threshold=0.5.",
        ),
    ] = "youden",
    units: Annotated[int, typer.Option(min=2, help="Units of the head's hidden layer.")] = 128,
    dropout: Annotated[float, typer.Option(min=0, max=0.95, help="Share of them left out in training.")] = 0.5,
    label_smoothing: Annotated[
        float, typer.Option(min=0, max=0.5, help="How far from 0 and 1 the training's truth is taken.")
    ] = 0.1,
    head_start: Annotated[
        bool, typer.Option(help="Start the head of a pretrained backbone from a logistic regression.")
    ] = True,
    rotation: Annotated[float, typer.Option(min=0, max=180, help="Augment: degrees to either side.")] = 8.0,
    shift: Annotated[float, typer.Option(min=0, max=0.5, help="Augment: share of the side, each way.")] = 0.05,
    zoom: Annotated[float, typer.Option(min=0, max=0.5, help="Augment: share in or out.")] = 0.1,
    brightness: Annotated[float, typer.Option(min=0, max=0.9, help="Augment: share brighter or darker.")] = 0.1,
    shear: Annotated[float, typer.Option(min=0, max=45, help="Augment: degrees of slant to either side.")] = 0.0,
    flip: Annotated[bool, typer.Option(help="Augment: mirror left and right.")] = True,
    augment_preview: Annotated[
        Path | None,
        typer.Option(
            "--augment-preview",
            help="Draw a training film and twelve variants of it into this PNG file, and train nothing.",
            show_default=False,
        ),
    ] = None,
    cache: Annotated[
        float,
        typer.Option(
            "--cache",
            min=0,
            help="GB of disk in the workspace for what is computed once: the films at the model's size, and what the "
            "frozen layers see in them. 0: all anew each epoch.",
        ),
    ] = 10,
    profile: Annotated[bool, typer.Option("--profile", help="Tell where the time of an epoch goes.")] = False,
    strategy: Annotated[
        Strategy,
        typer.Option(
            "--strategy",
            help="none: one device; mirrored: all GPUs of this machine; multi-worker: the machines of TF_CONFIG.",
        ),
    ] = Strategy.NONE,
    seed: SeedOption = 0,
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
    # By their names, so that a run's own options give way only to what the user gave, be it the default.
    given = {key for key in context.params if str(context.get_parameter_source(key)) != "ParameterSource.DEFAULT"}
    plan = make_plan(found, context.params, given, resume=resume, again=again, name=name, profiled=profile)
    console.note("Loading TensorFlow")
    if augment_preview:
        preview(found, plan.options, augment_preview, as_json=as_json)
    elif arch == _ALL:
        train_all(found, plan, as_json=as_json)
    else:
        train_one(found, plan, as_json=as_json)
