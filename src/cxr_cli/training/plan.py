"""What a training run is to be. Whatever can be refused is refused here, before TensorFlow's three seconds."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import CxrError, UsageError
from cxr_cli.progress import note
from cxr_cli.recipe.architectures import ARCHITECTURES
from cxr_cli.recipe.lung_record import LungRunRecord
from cxr_cli.recipe.options import TrainingOptions, change_options, check_task, read_options
from cxr_cli.recipe.reproduction import Original, check_dataset, find_original
from cxr_cli.training.bundled_weights import SOURCE, check_bundled_weights
from cxr_cli.training.checkpoints import check_options, find_unfinished
from cxr_cli.workspace.folders import BUNDLED
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record


@dataclass(frozen=True)
class TrainingPlan:
    """One training run."""

    options: TrainingOptions
    name: str
    resume: bool = False
    named: bool = False  # the user chose the name
    replace: bool = False  # a run of that name is overwritten
    original: Original | None = None  # the run that it is to reproduce
    profile: bool = False
    cache: Path | None = None  # the folder of the cache; None for the workspace's own


def plan_run(
    workspace: Workspace,
    *,
    name: str | None = None,
    resume: str | None = None,
    from_run: str | None = None,
    replace: bool = False,
    profile: bool = False,
    **options: Any,
) -> TrainingPlan:
    """Decide what to train; see `train_run`.

    Raises:
        CxrError: options that exclude each other, or a value that an option doesn't take.
        NoRunError: no run to train again.
        WorkspaceError: no dataset, or a damaged record.
    """
    dataset = workspace.prepared()
    if resume:
        plan = _resumed(
            workspace, resume, name=name, from_run=from_run, replace=replace, profile=profile, options=options
        )
    elif from_run:
        original = find_original(workspace, from_run)
        _check_kind(original, options)
        if not name:
            check_dataset(original, read_record(dataset.record, DatasetRecord), command=f"cxr train --from {from_run}")
        began = read_options(original.record.options, original.folder.record)
        plan = TrainingPlan(
            change_options(began, options),
            name or original.new_name,
            named=bool(name),
            replace=replace,
            original=original,
            profile=profile,
        )
    else:
        chosen = change_options(TrainingOptions(), options)
        plan = TrainingPlan(chosen, name or chosen.arch, named=bool(name), replace=replace, profile=profile)
    workspace.new_run(plan.name)
    if plan.name == BUNDLED and not resume:
        raise UsageError(
            f"Expected another name than {BUNDLED}, which is that of the model in the package. Received: {plan.name}.",
            hint=f"For example: --name {plan.options.arch}-2",
        )
    if not resume:
        check_task(plan.options, options)
    if ARCHITECTURES[plan.options.arch].finds_lungs and profile:
        raise UsageError(
            f"Expected no profile with {plan.options.arch}: it measures the training of a classifier.",
            hint="Leave out --profile",
        )
    check_strategy(plan.options.strategy, profile=profile)
    if plan.options.weights == SOURCE:
        check_bundled_weights(ARCHITECTURES[plan.options.arch])
    return plan


def _resumed(
    workspace: Workspace,
    resume: str,
    *,
    name: str | None,
    from_run: str | None,
    replace: bool,
    profile: bool,
    options: dict[str, Any],
) -> TrainingPlan:
    if from_run:
        raise UsageError(
            f"Expected a run to resume or a run to train again. Received: both, {resume} and {from_run}.",
            hint=f"cxr train --resume {resume}",
        )
    if name not in (None, resume):
        raise UsageError(
            f"Expected no new name for a resumed run, which stays {resume}. Received: {name}.",
            hint=f"cxr train --resume {resume}",
        )
    if replace:
        raise UsageError(
            f"Expected a run to resume or a run to replace. Received: both, for {resume}.",
            hint="Leave out --replace, or --resume to train from the beginning",
        )
    record = find_unfinished(workspace, resume)
    began = read_options(record.options, workspace.checkpoint(resume))
    check_options(record, change_options(began, options))
    original = _find_again(workspace, record.original) if record.original else None
    return TrainingPlan(began, resume, resume=True, original=original, profile=profile)


def _check_kind(original: Original, options: dict[str, Any]) -> None:
    """Refuse to make a classifier of a run that finds lungs, or the other way round."""
    arch = options.get("arch", original.record.arch)
    row = ARCHITECTURES.get(arch)
    if row and row.finds_lungs != isinstance(original.record, LungRunRecord):
        raise UsageError(
            f"Expected an architecture for the same task as {original.called}, a run of {original.record.arch}. "
            f"Received: {arch}.",
            hint=f"Train a new run: cxr train --arch {arch}",
        )


def check_strategy(strategy: str, *, profile: bool) -> None:
    """Refuse what a strategy can't do.

    Raises:
        CxrError: a profile on several devices, or no usable TF_CONFIG for several machines.
    """
    if strategy != "none" and profile:
        raise UsageError(
            f"Expected no profile with the strategy {strategy}: a profile measures the parts of a step on one device.",
            hint="Leave out --profile, or --strategy",
        )
    if strategy == "multi-worker":
        from cxr_cli.training.tf_config import read_tf_config

        read_tf_config(os.environ)


def _find_again(workspace: Workspace, run: str) -> Original | None:
    try:
        return find_original(workspace, run)
    except CxrError as problem:
        note(f"Training continues, but it can't be checked whether it reproduces {run}. {problem.message}")
        return None
