"""`cxr train`: a prepared dataset to a trained, exported and checked run."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_cli import console
from cxr_cli.commands.compare import compare
from cxr_cli.commands.options import JsonOption, SeedOption, WorkspaceOption
from cxr_cli.commands.train_output import show_architectures, show_run
from cxr_cli.errors import CxrError
from cxr_cli.modeling.architectures import ARCHITECTURES

if TYPE_CHECKING:
    from cxr_cli.modeling.fitting import TrainingOptions
    from cxr_cli.workspace.layout import Workspace

_ALL = "all"
Arch = StrEnum("Arch", {name: name for name in (*ARCHITECTURES, _ALL)})  # type: ignore[misc]
_DEFAULT = Arch(next(iter(ARCHITECTURES)))


class Strategy(StrEnum):
    """Where to train; the names are tf.distribute's."""

    NONE = "none"
    MIRRORED = "mirrored"
    MULTI_WORKER = "multi-worker"


def train(
    arch: Annotated[
        Arch, typer.Option("--arch", help="The architecture; all: the six published ones, one after the other.")
    ] = _DEFAULT,
    listed: Annotated[bool, typer.Option("--list", help="Show the architectures, and train nothing.")] = False,
    class_weight: Annotated[
        bool, typer.Option("--class-weight", help="Let both classes weigh the same, however many films they have.")
    ] = False,
    fine_tune: Annotated[
        bool, typer.Option("--fine-tune", help="Go on from the best model at a low learning rate.")
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
        str | None, typer.Option("--name", help="The run's name. Default: the architecture's.", show_default=False)
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a classifier on the prepared dataset, and export it.

    Example: cxr train --arch mobilenetv2 --class-weight
    """
    from cxr_cli.workspace.layout import Workspace

    if listed:
        show_architectures(as_json=as_json)
        return
    # What can be refused is refused before TensorFlow's three seconds.
    found = Workspace.find(workspace)
    found.prepared()
    found.new_run(name or str(arch))
    if arch == _ALL and name:
        raise CxrError(
            f"Expected no --name with --arch all: each run is named after its architecture. Received: {name}.",
            hint="Leave out --name",
        )
    if augment_preview and augment_preview.suffix.lower() != ".png":
        raise CxrError(
            f"Expected a file ending in .png. Received: --augment-preview {augment_preview}.",
            hint="For example: --augment-preview variants.png",
        )
    if strategy is not Strategy.NONE and profile:
        raise CxrError(
            f"Expected no --profile with --strategy {strategy}: it times the parts of a step on one device.",
            hint="Leave out --profile, or --strategy",
        )
    if strategy is Strategy.MULTI_WORKER and arch == _ALL:
        raise CxrError(
            "Expected one architecture with --strategy multi-worker: the workers meet once. Received: --arch all.",
            hint="For example: --arch mobilenetv2",
        )
    if strategy is Strategy.MULTI_WORKER:
        from cxr_cli.modeling.tf_config import read_tf_config

        read_tf_config(os.environ)
    console.note("Loading TensorFlow")
    from cxr_cli.modeling.fitting import TrainingOptions
    from cxr_cli.modeling.input_pipeline import Augmentation

    options = TrainingOptions(
        arch=str(arch),
        weights=weights,
        image_size=image_size,
        units=units,
        dropout=dropout,
        label_smoothing=label_smoothing,
        freeze=freeze,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        class_weight=class_weight,
        head_start=head_start,
        fine_tune=fine_tune,
        fine_tune_epochs=fine_tune_epochs,
        fine_tune_learning_rate=fine_tune_learning_rate,
        patience=patience,
        seed=seed,
        cache=cache,
        strategy=str(strategy),
        augmentation=Augmentation(
            rotation=rotation, shift=shift, zoom=zoom, brightness=brightness, flip=flip, shear=shear
        ),
    )
    if augment_preview:
        _preview(found, options, augment_preview, as_json=as_json)
        return
    if arch == _ALL:
        _train_all(found, options, profiled=profile, as_json=as_json)
    else:
        _train_one(found, options, name=name, profiled=profile, as_json=as_json)


def _preview(workspace: "Workspace", options: "TrainingOptions", path: Path, *, as_json: bool) -> None:
    from cxr_cli.modeling.augment_preview import draw_augment_preview

    film = draw_augment_preview(workspace, options, path)
    if as_json:
        console.result_json({"film": str(film), "preview": str(path)})
    else:
        console.result(f"Film    : {film}")
        console.result(f"Variants: {path}")


def _train_one(
    workspace: "Workspace", options: "TrainingOptions", *, name: str | None, profiled: bool, as_json: bool
) -> None:
    from cxr_cli.modeling.training import train as train_core

    trained = train_core(workspace, options, name=name, profiled=profiled, watch=console.TrainingDisplay())
    if trained is None:
        console.note("Done. Worker 0 has written the run.")
        return
    if trained.replaced:
        console.note(f"Replaced the earlier run {trained.run.name}.")
    if as_json:
        import msgspec

        console.result_json(msgspec.to_builtins(trained.record))
    else:
        show_run(trained)
        console.result(console.DISCLAIMER)
        console.note("Test it: cxr evaluate")


def _train_all(workspace: "Workspace", options: "TrainingOptions", *, profiled: bool, as_json: bool) -> None:
    from dataclasses import replace

    from cxr_cli.modeling.training import is_trained
    from cxr_cli.modeling.training import train as train_core

    names = [name for name, row in ARCHITECTURES.items() if row.published]
    failed: list[CxrError] = []
    for number, name in enumerate(names, start=1):
        own = replace(options, arch=name)
        console.note(f"[{number}/{len(names)}] {name}")
        if is_trained(workspace, own):
            console.note("Trained before, on this dataset with these options: kept.")
            continue
        try:
            trained = train_core(workspace, own, profiled=profiled, watch=console.TrainingDisplay())
        except CxrError as problem:
            console.error(problem)
            failed.append(problem)
            continue
        assert trained is not None  # it is only with several machines
        if not as_json:
            show_run(trained)
        if trained.record.stopped_by == "interrupt":
            raise KeyboardInterrupt
    compare(
        [name for name in names if workspace.new_run(name).record.is_file()], workspace=workspace.root, as_json=as_json
    )
    if failed:
        raise CxrError(
            f"Expected {len(names)} runs. Received: {len(names) - len(failed)}; {len(failed)} could not be trained.",
            hint="Mend what is said above, and run the same command again: it goes on with what is missing",
        )
