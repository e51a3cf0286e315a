"""What `cxr train` prints: runs, a preview of the augmentation, and the table of architectures."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_cli.cli import console
from cxr_cli.cli.compare import show_comparison
from cxr_cli.cli.tables import TableColumn
from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.errors import CxrError
from cxr_cli.recipe.architectures import ARCHITECTURES

if TYPE_CHECKING:
    from cxr_cli.doubts import Doubt
    from cxr_cli.metrics.calibration import Calibration
    from cxr_cli.metrics.operating_points import OperatingPoint
    from cxr_cli.recipe.record import Profile, Reproduction
    from cxr_cli.training.make_lungs import TrainedLungs
    from cxr_cli.training.make_run import TrainedRun
    from cxr_cli.training.runs import ArchitectureOutcome
    from cxr_cli.workspace.layout import Workspace

_BYTES_PER_WEIGHT = 4
_ARCHITECTURES = (
    TableColumn("Name"),
    TableColumn("parameters"),
    TableColumn("size", drop=3),
    TableColumn("pixels", drop=1),
    TableColumn("frozen", drop=2),
    TableColumn("weights from"),
)
_WHY = {"interrupt": "stopped by you", "epochs": "all epochs done", "early stopping": "no longer improving"}


def show_architectures(*, as_json: bool) -> None:
    """Print the table of architectures, with the parameters and float32 size of each backbone."""
    if as_json:
        from dataclasses import asdict

        console.result_json([{"name": name, **asdict(row)} for name, row in ARCHITECTURES.items()])
        return
    rows = [
        (
            name,
            f"{row.parameters / 1e6:.2f} M",
            f"{row.parameters * _BYTES_PER_WEIGHT / 1e6:.1f} MB",
            f"{row.input_size}",
            f"{row.frozen:.0%}",
            "ImageNet" if row.imagenet else "random",
        )
        for name, row in ARCHITECTURES.items()
    ]
    console.show_table(_ARCHITECTURES, rows)
    console.note("Keras downloads ImageNet weights once, into ~/.keras. To use your own: --weights FILE or FOLDER.")


def show_preview(film: Path, preview: Path, *, as_json: bool) -> None:
    """Print which film was drawn, and where."""
    if as_json:
        console.result_json({"film": str(film), "preview": str(preview)})
        return
    console.result(f"Film    : {film}")
    console.result(f"Variants: {preview}")


def show_run(trained: "TrainedRun | TrainedLungs | None", *, as_json: bool) -> None:
    """Print what was trained, how well it does on validation, and what to do next."""
    if trained is None:
        console.note("Done. Worker 0 has written the run.")
    elif as_json:
        import msgspec

        console.result_json(msgspec.to_builtins(trained.record))
    elif ARCHITECTURES[trained.record.arch].finds_lungs:
        _show_lungs(trained)  # type: ignore[arg-type]
        console.result(DISCLAIMER, dim=True)
    else:
        _show_summary(trained)  # type: ignore[arg-type]
        console.result(DISCLAIMER, dim=True)
        if trained.record.stopped_by != "interrupt":
            console.note(f"Test it: cxr evaluate {trained.run.name}")


def show_all(workspace: "Workspace", outcomes: "Iterable[ArchitectureOutcome]", *, as_json: bool) -> None:
    """Print each run as it is trained, then compare all.

    Raises:
        CxrError: some could not be trained.
    """
    from cxr_cli.api.testing import compare

    seen = []
    for outcome in outcomes:
        seen.append(outcome)
        if outcome.problem:
            console.show_error(outcome.problem)
        elif outcome.trained and not as_json:
            _show_summary(outcome.trained)
    names = [outcome.name for outcome in seen if workspace.new_run(outcome.name).record.is_file()]
    show_comparison(compare(names, workspace=workspace.root), workspace, as_json=as_json)
    failed = sum(outcome.problem is not None for outcome in seen)
    if failed:
        raise CxrError(
            f"Expected {len(seen)} runs. Received: {len(seen) - failed}; {failed} could not be trained.",
            hint="Fix what is reported above, and run the same command again: it trains what is missing",
        )


def _show_summary(trained: "TrainedRun") -> None:
    from cxr_cli.metrics.table import metrics_in

    record = trained.record
    kept = "the head start (no epoch was trained)"
    if record.epochs:
        best = (
            f"epoch {record.best_epoch} of {record.epochs}"
            if record.best_epoch
            else "the head start, better than any epoch"
        )
        kept = f"{best} ({_WHY[record.stopped_by]})"
    console.result(f"Run        : {trained.run.name} ({record.arch}, {record.parameters:,} parameters)")
    console.result(f"Kept       : {kept}")
    if record.framing:
        console.result(f"Input      : {record.framing}; every film that it predicts is treated like this")
    if record.boosting:
        console.result(f"XGBoost    : {record.boosting.trees} trees on {record.boosting.features} features of the CNN")
    figures = ", ".join(
        f"{metric.title} {record.validation[metric.name]:.3f}" for metric in metrics_in("training", ranked=True)
    )
    console.result(f"Validation : {figures}")
    if record.films_without_patient:
        films = sum(sum(record.films[part].values()) for part in ("train", "val"))
        console.result(
            f"Patients   : not known for {record.films_without_patient} of {films} films, so a patient may be in both "
            "train and val, and these figures may be too good"
        )
    if record.operating_point and record.calibration:
        console.result(f"Threshold  : {_decision(record.operating_point, record.calibration)}")
    console.result(f"Export     : model.tflite is within {record.export.max_probability_difference:.1e} of Keras")
    if record.reproduction:
        _show_reproduction(record.reproduction)
    console.result(f"Files      : {trained.run.root}", dim=True)
    if record.profile:
        _show_profile(record.profile)
    if record.stopped_by != "interrupt":
        console.show_doubts(_doubts(trained))


def _doubts(trained: "TrainedRun") -> "list[Doubt]":
    """What is known against the run before it is tested."""
    from cxr_cli.recipe.validation_doubts import validation_doubts
    from cxr_cli.reporting.run_doubts import run_doubts
    from cxr_cli.workspace.layout import Workspace

    workspace = Workspace(trained.run.root.parent.parent)
    return [*validation_doubts(trained.run, trained.record), *run_doubts(workspace, trained.run, beside="test")]


def _show_lungs(trained: "TrainedLungs") -> None:
    record = trained.record
    films = {part: sum(counts.values()) for part, counts in record.films.items()}
    by_source = ", ".join(f"{source} {dice:.3f}" for source, dice in record.dice_by_source.items())
    console.result(f"Run        : {trained.run.name} ({record.arch}, {record.parameters:,} parameters)")
    console.result(f"Films      : {films['train']} to train and {films['val']} to validate have a mask")
    console.result(f"Kept       : epoch {record.best_epoch} of {record.epochs} ({_WHY[record.stopped_by]})")
    console.result(f"Validation : Dice {record.validation['dice']:.3f}, IoU {record.validation['iou']:.3f}")
    console.result(f"             Dice by collection: {by_source}")
    console.result(
        f"Export     : the Dice of model.tflite's masks with Keras's is {record.export.least_dice:.4f} or more"
    )
    if record.reproduction:
        _show_reproduction(record.reproduction)
    console.result(f"Files      : {trained.run.root}", dim=True)


def _decision(point: "OperatingPoint", calibration: "Calibration") -> str:
    scaling = f"slope {calibration.slope:.2f} and intercept {calibration.intercept:+.2f}"
    return f"{point.threshold:.3f} ({point.chosen}), for probabilities calibrated with {scaling}"


def _show_reproduction(reproduction: "Reproduction") -> None:
    if reproduction.changed:
        console.result(f"Changed    : compared with {reproduction.of}: {', '.join(reproduction.changed)}")
        return
    if reproduction.same_weights:
        console.result(f"Reproduced : {reproduction.of}, bit for bit")
        return
    apart = "its predictions for the validation films can't be compared"
    difference = reproduction.max_probability_difference
    if difference is not None:
        apart = f"P(positive) of {reproduction.films} validation films differs by up to {difference:.1e}"
    unknown = "; its record has no hash of the weights" if reproduction.same_weights is None else ""
    console.result(f"Reproduced : {reproduction.of}, not bit for bit: {apart}{unknown}")
    why = "with " + ", ".join(reproduction.versions) if reproduction.versions else "on another machine, or with a GPU"
    console.note(f"The last digits differ {why}.")


def _show_profile(profile: "Profile") -> None:
    once = [("Reading films", profile.reading), ("Frozen layers", profile.frozen_layers)]
    parts = [("Making batches", profile.batches), ("Forward", profile.forward)]
    parts += [("Backward and step", profile.backward), ("Validation", profile.validation)]
    total = sum(seconds for _, seconds in parts)
    console.result()
    console.result(f"An epoch of {profile.steps} steps took {profile.epoch:.2f} s. Its parts, each timed alone:")
    console.show_table(["", "", ""], [(name, f"{s:.2f} s", f"{s / total:.0%}") for name, s in parts], indent=2)
    console.result("Before the first epoch, once:")
    console.show_table(["", ""], [(name, f"{seconds:.2f} s") for name, seconds in once], indent=2)
