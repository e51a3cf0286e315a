"""Training from start to finish: options in, a trained run out. Loads TensorFlow only once it is certain to train."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.errors import CxrError, UsageError
from cxr_cli.extras import TRAINING, require_modules
from cxr_cli.progress import note
from cxr_cli.recipe.architectures import ARCHITECTURES
from cxr_cli.recipe.options import TrainingOptions, change_options
from cxr_cli.training.checkpoints import unfinished
from cxr_cli.training.naming import find_trained, hold_name, published_plan
from cxr_cli.training.plan import TrainingPlan, check_strategy, plan_run
from cxr_cli.workspace.folders import DatasetFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.outputs import refuse_existing

if TYPE_CHECKING:
    from cxr_cli.training.make_lungs import TrainedLungs
    from cxr_cli.training.make_run import TrainedRun

T = TypeVar("T", bound="TrainedRun | TrainedLungs | None")


def train_run(
    workspace: Workspace,
    *,
    name: str | None = None,
    resume: str | None = None,
    from_run: str | None = None,
    replace: bool = False,
    profile: bool = False,
    **options: Any,
) -> "TrainedRun | TrainedLungs | None":
    """Train a run on the workspace's dataset, and export it.

    Args:
        workspace: where the dataset is and the run goes.
        name: the run's name. Defaults to the architecture's, or with `from_run` to that run's with "-again"; where a
            run has that name already, to the name with the next free number, such as simple-cnn-2.
        resume: the name of a run whose training was killed or stopped: continue after its last checkpoint. Options that
            are given must be those that it began with.
        from_run: the name of a run, or the path of its run.json: train it again with its own options, except for those
            given here, and record whether the weights are the same.
        replace: overwrite the run of that name, once the new one is complete.
        profile: record where the time of an epoch goes.
        **options: training options by the names of `TRAINING_OPTIONS`. Default to those of the run that is resumed or
            trained again, else to those of `TrainingOptions`.

    Returns:
        The trained run; None on all workers but the first of the strategy multi-worker, whose run it is.

    Raises:
        CxrError: options that exclude each other or are out of range; stopped by the user before there was a model to
            keep; the other machines can't be reached.
        NoRunError: no run to train again.
        WeightsError: the backbone's weights can't be found or don't fit.
        WorkspaceError: no dataset, a damaged record, there is a run called `name`, or another command is training it.
        ExportError: the exported file doesn't give the predictions of the Keras model.
    """
    require_modules(*TRAINING, needed_by="training")
    plan = plan_run(workspace, name=name, resume=resume, from_run=from_run, replace=replace, profile=profile, **options)
    require_boosting(plan.options.arch)
    with workspace.reading_dataset(), hold_name(workspace, plan) as plan:
        note("Loading TensorFlow")
        if ARCHITECTURES[plan.options.arch].finds_lungs:
            from cxr_cli.training.make_lungs import make_lungs

            return _train(workspace, plan, make_lungs)
        from cxr_cli.training.make_run import make_run

        return _train(workspace, plan, make_run)


def require_boosting(arch: str) -> None:
    """Refuse to train an architecture with boosted trees without XGBoost.

    Raises:
        CxrError: it is not installed.
    """
    if ARCHITECTURES[arch].boosted:
        require_modules("xgboost", needed_by=arch)


@dataclass(frozen=True)
class ArchitectureOutcome:
    """The outcome of one architecture of `train_all`; neither a run nor a problem if its earlier run was kept."""

    arch: str
    name: str  # of its run
    trained: "TrainedRun | None" = None
    problem: CxrError | None = None


def train_all(
    workspace: Workspace, *, replace: bool = False, profile: bool = False, **options: Any
) -> Iterator[ArchitectureOutcome]:
    """Train the published architectures one after the other; each run is named as by `train_run`.

    Where a run was trained on this dataset with these options, it is enough; an unfinished one is resumed. One that
    can't be trained doesn't stop the others.

    Args:
        workspace: where the dataset is and the runs go.
        replace: overwrite runs that have the architectures' names and were trained on another dataset or with other
            options.
        profile: see `train_run`.
        **options: see `train_run`; without `arch`.

    Yields:
        The outcome of each architecture.

    Raises:
        CxrError: an option that is out of range, or the strategy multi-worker.
        WorkspaceError: no dataset, or a damaged record.
        KeyboardInterrupt: stopped by the user.
    """
    require_modules(*TRAINING, needed_by="training")
    workspace.prepared()
    chosen = change_options(TrainingOptions(), options)
    if chosen.strategy == "multi-worker":
        raise UsageError(
            "Expected one architecture with the strategy multi-worker: the workers connect only once. Received: all.",
            hint="For example: --arch mobilenetv2",
        )
    check_strategy(chosen.strategy, profile=profile)
    names = [name for name, row in ARCHITECTURES.items() if row.published]
    for number, arch in enumerate(names, start=1):
        note(f"[{number}/{len(names)}] {arch}")
        own = change_options(chosen, {"arch": arch})
        if kept := find_trained(workspace, own, replace=replace):
            note(f"{kept} was trained on this dataset with these options already: kept.")
            yield ArchitectureOutcome(arch, kept)
            continue
        plan = published_plan(workspace, own, replace=replace, profile=profile)
        try:
            require_boosting(arch)
            with workspace.reading_dataset(), hold_name(workspace, plan) as plan:
                note("Loading TensorFlow")
                from cxr_cli.training.make_run import make_run

                trained = _train(workspace, plan, make_run)
        except CxrError as problem:
            yield ArchitectureOutcome(arch, plan.name, problem=problem)
            continue
        yield ArchitectureOutcome(arch, plan.name, trained)
        if trained and trained.record.stopped_by == "interrupt":
            raise KeyboardInterrupt


def preview_augmentation(
    workspace: Workspace,
    output: Path,
    *,
    from_run: str | None = None,
    resume: str | None = None,
    replace: bool = False,
    **options: Any,
) -> Path:
    """Draw a training film and twelve variants of it, as training would see them, and train nothing.

    Args:
        workspace: where the dataset is.
        output: the PNG file to write.
        from_run: see `train_run`.
        resume: see `train_run`.
        replace: overwrite a file that is there.
        **options: see `train_run`; the architecture, image size, augmentation and seed count.

    Returns:
        The film's path.

    Raises:
        CxrError: `output` is no PNG file, or a file of the dataset; or as `plan_run` does.
        ImageError: the film can't be read.
        WorkspaceError: no dataset, or `output` is there already or can't be written to.
    """
    require_modules(*TRAINING, needed_by="the variants that training sees")
    if output.suffix.lower() != ".png":
        raise UsageError(
            f"Expected a file ending in .png. Received: {output}.", hint="For example: --augment-preview variants.png"
        )
    _refuse_films(workspace.prepared(), output)
    refuse_existing(output, replace=replace)
    plan = plan_run(workspace, from_run=from_run, resume=resume, **options)
    note("Loading TensorFlow")
    from cxr_cli.training.augment_preview import draw_augment_preview

    return draw_augment_preview(workspace, plan.options, output)


def _refuse_films(dataset: DatasetFolder, path: Path) -> None:
    """Refuse to write a picture into the dataset, or over a film that it was made from."""
    real = os.path.realpath(path)
    originals = {os.path.realpath(film.original) for film in read_manifest(dataset)}
    if Path(real).is_relative_to(os.path.realpath(dataset.root)) or real in originals:
        raise UsageError(
            f"Expected a file outside the dataset for the picture. Received: {path}.",
            hint="For example: --augment-preview variants.png",
        )


def _train(workspace: Workspace, plan: TrainingPlan, make: Callable[[Workspace, TrainingPlan], T]) -> T:
    try:
        trained = make(workspace, plan)
    except (KeyboardInterrupt, SystemExit):  # by Ctrl-C, or told to end
        _say_how_to_resume(workspace, plan.name)
        raise
    if trained is None:
        return trained
    if trained.replaced:
        note(f"Replaced the earlier run {plan.name}.")
    if trained.record.stopped_by == "interrupt":
        _say_how_to_resume(workspace, plan.name)
    return trained


def _say_how_to_resume(workspace: Workspace, name: str) -> None:
    checkpoint = unfinished(workspace, name)
    if checkpoint:
        note(f"The state after epoch {checkpoint.epoch} is kept: {workspace.checkpoint(name)}")
        note(f"To resume it: cxr train --resume {name}")
    else:
        note("No checkpoint was written, so there is nothing to resume.")
