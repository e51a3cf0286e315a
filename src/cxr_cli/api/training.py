"""Runs: `train`, `crossval`, `calibrate` and `export`. TensorFlow is loaded only by a call that needs it."""

import inspect
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cxr_cli.api.arguments import AnyPath, as_path, as_text, choose_run, find_workspace
from cxr_cli.recipe.options import TRAINING_OPTIONS

if TYPE_CHECKING:
    from cxr_cli.evaluation.crossval.study import CrossValidated
    from cxr_cli.recipe.record import RunRecord
    from cxr_cli.training.export import Exported
    from cxr_cli.training.make_lungs import TrainedLungs
    from cxr_cli.training.make_run import TrainedRun
    from cxr_cli.training.runs import ArchitectureOutcome

_ALL = "all"
F = TypeVar("F", bound=Callable[..., Any])


def _with_training_options(*, without: Collection[str] = ()) -> Callable[[F], F]:
    """Show the training options in a function's signature, in place of its `**options`, for help and editors."""

    def decorate(function: F) -> F:
        signature = inspect.signature(function)
        own = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
        names = [name for name in TRAINING_OPTIONS if name not in without]
        options = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None) for name in names]
        function.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
        return function

    return decorate


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Leave out options that are None: they have their defaults."""
    return {name: value for name, value in options.items() if value is not None}


@_with_training_options()
def train(
    *,
    name: str | None = None,
    resume: str | None = None,
    from_run: AnyPath | None = None,
    replace: bool = False,
    profile: bool = False,
    workspace: AnyPath | None = None,
    **options: Any,
) -> "TrainedRun | TrainedLungs | list[ArchitectureOutcome] | None":
    """Train a classifier, or a network that finds lungs, on the prepared dataset, and export it. Loads TensorFlow.

    Args:
        name: name of the run; of one that is there already only with `replace`. Defaults to the architecture, with
            `from_run` to RUN-again; where that name is taken, with the next free number, such as simple-cnn-2.
        resume: resume the run of this name after its last checkpoint.
        from_run: train a run again, by its name or a run.json, with its options except for those given here.
        replace: overwrite the run of that name, once the new one is complete. Defaults to False.
        profile: report where the time of an epoch goes.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.
        **options: training options; `cxr train --help` explains each. The architecture "all" trains the published ones
            one after the other.

    Returns:
        The run. A list of outcomes for the architecture "all". None on all workers but the first of the strategy
        multi-worker, which writes the run.

    Raises:
        CxrError: options that exclude each other or are out of range.
        WorkspaceError: there is no dataset, or there is a run called `name`.
    """
    from cxr_cli.training.runs import train_run

    if options.get("arch") == _ALL:
        return list(
            train_published(
                name=name,
                resume=resume,
                from_run=from_run,
                replace=replace,
                profile=profile,
                workspace=workspace,
                **options,
            )
        )
    return train_run(
        find_workspace(workspace),
        name=name,
        resume=resume,
        from_run=None if from_run is None else str(from_run),
        replace=replace,
        profile=profile,
        **_given(options),
    )


def train_published(
    *,
    name: str | None = None,
    resume: str | None = None,
    from_run: AnyPath | None = None,
    replace: bool = False,
    profile: bool = False,
    workspace: AnyPath | None = None,
    **options: Any,
) -> "Iterator[ArchitectureOutcome]":
    """Train the published architectures one after the other, as `train` does for the architecture "all".

    Yields:
        The outcome of each.

    Raises:
        UsageError: `name`, `resume` or `from_run` is given.
        WorkspaceError: there is no dataset.
    """
    from cxr_cli.errors import UsageError
    from cxr_cli.training.runs import train_all

    for option, value in {"name": name, "resume": resume, "from": from_run}.items():
        if value:
            raise UsageError(
                f"Expected no {option} with all architectures: they name the runs. Received: {value}.",
                hint=f"Leave out --{option}",
            )
    given = {key: value for key, value in _given(options).items() if key != "arch"}
    return train_all(find_workspace(workspace), replace=replace, profile=profile, **given)


@_with_training_options(without=["masks"])
def crossval(
    *,
    folds: int | None = None,
    repeats: int = 1,
    leave_out: str | None = None,
    from_run: AnyPath | None = None,
    name: str | None = None,
    replace: bool = False,
    workspace: AnyPath | None = None,
    **options: Any,
) -> "CrossValidated":
    """Train and test in folds: each film is predicted by a model that saw no film of its patient. Loads TensorFlow.

    Args:
        folds: number of folds, drawn by patient. Defaults to 5.
        repeats: how many times the folds are drawn, each time with the next seed. Defaults to 1.
        leave_out: in place of folds: source, view or location. Train without each of its values in turn, and test on
            it.
        from_run: a trained run, by its name or a run.json, whose options are used except for those given here.
        name: name of the folder. Defaults to architecture and folds, for example mobilenetv2-5-folds; if a finished
            study of other options or another dataset has that name, with the next free number.
        replace: overwrite a finished study of that name. Defaults to False.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.
        **options: training options; `cxr crossval --help` explains each.

    Raises:
        CxrError: options that exclude each other or are out of range.
        SplitError: the films can't be divided like this.
        WorkspaceError: there is no dataset.
    """
    from cxr_cli.evaluation.crossval.study import cross_validate

    return cross_validate(
        find_workspace(workspace),
        folds=folds,
        repeats=repeats,
        leave_out=as_text(leave_out),
        from_run=None if from_run is None else str(from_run),
        name=name,
        replace_study=replace,
        **_given(options),
    )


@dataclass(frozen=True)
class CalibratedRun:
    """A run with a new operating point."""

    name: str
    record: "RunRecord"  # its `operating_point` and `calibration` are new
    before: "RunRecord"  # as it was


def calibrate(
    run: str | None = None,
    *,
    model: str | None = None,
    operating_point: str = "youden",
    workspace: AnyPath | None = None,
) -> CalibratedRun:
    """Choose the operating point of a trained run on its validation films; nothing is trained.

    Args:
        run: the name of a trained run. Defaults to the newest.
        model: the same as `run`.
        operating_point: "youden"; "sensitivity=0.95" or "specificity=0.90", at least that value on the validation
            films; "sensitivity-at-least=0.95" or "specificity-at-least=0.90", at least that value on new films like
            them, with 95% confidence; or "threshold=0.5". Defaults to Youden's.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Raises:
        CxrError: there is no such rule, or it can't be met.
        WorkspaceError: there is no run, or it has no validation films.
    """
    from cxr_cli.recipe.decision import change_operating_point

    folder, before, record = change_operating_point(find_workspace(workspace), choose_run(run, model), operating_point)
    return CalibratedRun(folder.name, record, before)


def export(
    run: str | None = None,
    *,
    model: str | None = None,
    format: str,  # noqa: A002 - the name of the option
    precision: str = "float32",
    output: AnyPath | None = None,
    replace: bool = False,
    workspace: AnyPath | None = None,
) -> "Exported":
    """Write a trained run in the format of another tool, checked against Keras.

    Args:
        run: the name of a trained run. Defaults to the newest.
        model: the same as `run`.
        format: a name of `cxr export --help`, for example onnx.
        precision: of the weights of a LiteRT file. Defaults to float32.
        output: the file. Defaults to `export` in the run's folder.
        replace: overwrite `output` if it is there. Defaults to False.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Raises:
        ExportError: the exported model doesn't give the predictions of the Keras model.
        WorkspaceError: there is no run, or the file can't be written.
    """
    from cxr_cli.training.formats import LOWER_PRECISIONS, find_format, plan_export
    from cxr_cli.workspace.outputs import refuse_existing

    # Refuse what can be refused before TensorFlow's three seconds.
    place, precision = find_workspace(workspace), str(precision)
    folder = place.own_run(choose_run(run, model))
    target = plan_export(folder, find_format(str(format), precision), as_path(output))
    if output is not None:
        refuse_existing(target / "saved_model.pb" if target.is_dir() else target, replace=replace)
    if precision in LOWER_PRECISIONS:
        place.prepared()
    from cxr_cli.progress import note

    # In the run's own folder: a training run that replaces this run must not take the folder away meanwhile.
    own = Path(os.path.realpath(target)).is_relative_to(os.path.realpath(folder.root))
    with place.reading_dataset(), place.lock_run(folder.name) if own else nullcontext():
        note("Loading TensorFlow")
        from cxr_cli.training.export import export_run

        note(f"Exporting {folder.name}, and checking the file")
        return export_run(place, folder.name, format_name=str(format), precision=precision, output=as_path(output))
