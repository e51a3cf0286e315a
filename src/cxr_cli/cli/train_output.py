"""What `cxr train` says of a run, and of the architectures there are."""

from typing import TYPE_CHECKING

from cxr_cli.cli import console
from cxr_cli.recipe.architectures import ARCHITECTURES

if TYPE_CHECKING:
    from cxr_cli.metrics.operating_points import OperatingPoint
    from cxr_cli.recipe.record import Profile, Reproduction
    from cxr_cli.training.train import Trained

_BYTES_A_WEIGHT = 4


def show_architectures(*, as_json: bool) -> None:
    """Print the table of architectures: parameters and size are the backbone's, as float32."""
    if as_json:
        from dataclasses import asdict

        console.result_json([{"name": name, **asdict(row)} for name, row in ARCHITECTURES.items()])
        return
    rows = [
        (
            name,
            f"{row.parameters / 1e6:.2f} M",
            f"{row.parameters * _BYTES_A_WEIGHT / 1e6:.1f} MB",
            f"{row.input_size}",
            f"{row.frozen:.0%}",
            "ImageNet" if row.imagenet else "random",
        )
        for name, row in ARCHITECTURES.items()
    ]
    console.table([("Name", "parameters", "size", "pixels", "frozen", "weights from"), *rows], indent=0)
    console.note("ImageNet weights come through Keras, once, into ~/.keras; or name yours: --weights FILE or FOLDER.")


def show_run(trained: "Trained") -> None:
    """Print what was trained, how well it does on validation, and what to do next."""
    from cxr_cli.metrics.table import metrics_in

    record = trained.record
    kept = f"epoch {record.best_epoch} of {record.epochs}" if record.best_epoch else "the start, better than any epoch"
    why = {"interrupt": "stopped by you", "epochs": "all epochs done", "early stopping": "no better for a while"}
    console.result(f"Run        : {trained.run.name} ({record.arch}, {record.parameters:,} parameters)")
    console.result(f"Kept       : {kept} ({why[record.stopped_by]})")
    if record.boosting:
        console.result(f"XGBoost    : {record.boosting.trees} trees on {record.boosting.features} features of the CNN")
    figures = ", ".join(
        f"{metric.title} {record.validation[metric.name]:.3f}" for metric in metrics_in("training", ranked=True)
    )
    console.result(f"Validation : {figures}")
    if record.operating_point and record.calibration:
        console.result(f"Threshold  : {_decision(record.operating_point, record.calibration.temperature)}")
    console.result(f"Export     : model.tflite answers within {record.export.max_probability_difference:.1e} of Keras")
    if record.reproduction:
        _show_reproduction(record.reproduction)
    console.result(f"Files      : {trained.run.root}")
    if record.profile:
        _show_profile(record.profile)


def _decision(point: "OperatingPoint", temperature: float) -> str:
    return f"{point.threshold:.3f} ({point.rule}), of probabilities at temperature {temperature:.2f}"


def _show_reproduction(found: "Reproduction") -> None:
    if found.changed:
        console.result(f"Like       : {found.of}, but for {', '.join(found.changed)}")
        return
    if found.same_weights:
        console.result(f"Reproduced : {found.of}, bit for bit")
        return
    apart = "its answers on the validation films were not kept"
    if found.max_probability_difference is not None:
        apart = (
            f"P(positive) of {found.films} validation films differs by {found.max_probability_difference:.1e} at most"
        )
    unknown = "; its record has no hash of the weights" if found.same_weights is None else ""
    console.result(f"Reproduced : {found.of}, not bit for bit: {apart}{unknown}")
    why = "with " + ", ".join(found.versions) if found.versions else "on another machine, or with a GPU"
    console.note(f"Last digits differ {why}.")


def _show_profile(found: "Profile") -> None:
    once = [("Reading films", found.reading), ("Frozen layers", found.frozen_layers)]
    parts = [("Making batches", found.batches), ("Forward", found.forward)]
    parts += [("Backward and step", found.backward), ("Validation", found.validation)]
    total = sum(seconds for _, seconds in parts)
    console.result()
    console.result(f"An epoch of {found.steps} steps took {found.epoch:.2f} s. Its parts, each timed alone:")
    console.table([(name, f"{seconds:.2f} s", f"{seconds / total:.0%}") for name, seconds in parts])
    console.result("Before the first epoch, once:")
    console.table([(name, f"{seconds:.2f} s", "") for name, seconds in once])
