"""`cxr train`: a prepared dataset to a trained, exported and checked run."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_cli import console
from cxr_cli.commands.options import JsonOption, SeedOption, WorkspaceOption
from cxr_cli.modeling.architectures import ARCHITECTURES

if TYPE_CHECKING:
    from cxr_cli.modeling.training import Trained

Arch = StrEnum("Arch", {name: name for name in ARCHITECTURES})  # type: ignore[misc]
_DEFAULT = Arch(next(iter(ARCHITECTURES)))


def train(
    arch: Annotated[Arch, typer.Option("--arch", help="The architecture.")] = _DEFAULT,
    class_weight: Annotated[
        bool, typer.Option("--class-weight", help="Let both classes weigh the same, however many films they have.")
    ] = False,
    fine_tune: Annotated[
        bool, typer.Option("--fine-tune", help="Go on from the best model at a low learning rate.")
    ] = False,
    weights: Annotated[
        str, typer.Option("--weights", help="The backbone's: imagenet, none, or a Keras weights file.")
    ] = "imagenet",
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
    flip: Annotated[bool, typer.Option(help="Augment: mirror left and right.")] = True,
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

    # What can be refused is refused before TensorFlow's three seconds.
    found = Workspace.find(workspace)
    found.prepared()
    found.new_run(name or str(arch))
    console.note("Loading TensorFlow")
    from cxr_cli.modeling.fitting import TrainingOptions
    from cxr_cli.modeling.input_pipeline import Augmentation
    from cxr_cli.modeling.training import train as train_core

    options = TrainingOptions(
        arch=str(arch),
        weights=weights,
        image_size=image_size,
        units=units,
        dropout=dropout,
        label_smoothing=label_smoothing,
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
        augmentation=Augmentation(rotation=rotation, shift=shift, zoom=zoom, brightness=brightness, flip=flip),
    )
    trained = train_core(found, options, name=name, watch=console.TrainingDisplay())
    if trained.replaced:
        console.note(f"Replaced the earlier run {trained.run.name}.")
    if as_json:
        import msgspec

        console.result_json(msgspec.to_builtins(trained.record))
    else:
        _show(trained)


def _show(trained: "Trained") -> None:
    record = trained.record
    kept = f"epoch {record.best_epoch} of {record.epochs}" if record.best_epoch else "the start, better than any epoch"
    why = {"interrupt": "stopped by you", "epochs": "all epochs done", "early stopping": "no better for a while"}
    console.result(f"Run        : {trained.run.name} ({record.arch}, {record.parameters:,} parameters)")
    console.result(f"Kept       : {kept} ({why[record.stopped_by]})")
    shown = ("roc_auc", "sensitivity", "specificity", "balanced_accuracy")
    figures = ", ".join(f"{key.replace('_', ' ')} {record.validation[key]:.3f}" for key in shown)
    console.result(f"Validation : {figures.replace('roc auc', 'ROC AUC')}")
    console.result(f"Export     : model.tflite answers within {record.export.max_probability_difference:.1e} of Keras")
    console.result(f"Files      : {trained.run.root}")
    console.result(console.DISCLAIMER)
    console.note("Test it: cxr evaluate")
