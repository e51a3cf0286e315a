"""What the options of `cxr train` ask for. What can be refused is refused here, before TensorFlow's three seconds."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cxr_cli.cli import console
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import CxrError
from cxr_cli.recipe.options import TrainingOptions, change_options, read_options
from cxr_cli.recipe.reproduction import Original, check_dataset, find_original
from cxr_cli.training.checkpoints import check_options, find_unfinished, unfinished
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record

ALL = "all"


@dataclass(frozen=True)
class Plan:
    """A training, or all of them."""

    options: TrainingOptions
    every_arch: bool = False  # the published architectures, one after the other
    name: str | None = None
    resume: bool = False
    original: Original | None = None
    profiled: bool = False


def make_plan(
    workspace: Workspace,
    given: Mapping[str, Any],
    *,
    resume: str | None = None,
    again: str | None = None,
    name: str | None = None,
    profiled: bool = False,
) -> Plan:
    """Turn options into a plan.

    Args:
        workspace: where the dataset is and the run goes.
        given: the training options that the user gave, by name; `arch` may be "all".
        resume: the run to go on with.
        again: the run to train again, or its record.
        name: the new run's.
        profiled: whether an epoch's time is to be taken apart.

    Raises:
        CxrError: options that exclude each other, or can't be had here.
        WorkspaceError: no dataset, or a damaged record.
    """
    dataset = workspace.prepared()
    changes = dict(given)
    every_arch = changes.get("arch") == ALL
    if every_arch:
        del changes["arch"]
    if resume and (again or (name or resume) != resume):
        other = "--from" if again else "--name"
        raise CxrError(
            f"Expected --resume alone: the run keeps its name and options. Received: {other} too.",
            hint=f"cxr train --resume {resume}",
        )
    if resume:
        record = find_unfinished(workspace, resume)
        began = read_options(record.options, workspace.checkpoint(resume))
        check_options(record, change_options(began, changes))
        original = _original(workspace, record.original) if record.original else None
        plan = Plan(began, name=resume, resume=True, original=original, profiled=profiled)
    elif again:
        original = find_original(workspace, again)
        if not name:
            check_dataset(original, read_record(dataset.record, DatasetRecord), command=f"cxr train --from {again}")
        options = change_options(read_options(original.record.options, original.folder.record), changes)
        plan = Plan(options, name=name or original.new_name, original=original, profiled=profiled)
    else:
        options = change_options(TrainingOptions(), changes)
        plan = Plan(options, every_arch=every_arch, name=name, profiled=profiled)
    _check(plan)
    workspace.new_run(plan.name or plan.options.arch)
    _tell_of_unfinished(workspace, plan)
    return plan


def _check(plan: Plan) -> None:
    strategy = plan.options.strategy
    if plan.every_arch and plan.name:
        raise CxrError(
            f"Expected no --name with --arch all: each run is named after its architecture. Received: {plan.name}.",
            hint="Leave out --name",
        )
    if strategy != "none" and plan.profiled:
        raise CxrError(
            f"Expected no --profile with --strategy {strategy}: it times the parts of a step on one device.",
            hint="Leave out --profile, or --strategy",
        )
    if strategy == "multi-worker":
        from cxr_cli.training.tf_config import read_tf_config

        if plan.every_arch:
            raise CxrError(
                "Expected one architecture with --strategy multi-worker: the workers meet once. Received: --arch all.",
                hint="For example: --arch mobilenetv2",
            )
        read_tf_config(os.environ)


def _original(workspace: Workspace, run: str) -> Original | None:
    try:
        return find_original(workspace, run)
    except CxrError as problem:
        console.note(f"Goes on, but can't say whether {run} was reproduced. {problem.message}")
        return None


def _tell_of_unfinished(workspace: Workspace, plan: Plan) -> None:
    if plan.resume or plan.every_arch:
        return
    name = plan.name or plan.options.arch
    found = unfinished(workspace, name)
    if found:
        console.note(
            f"There is an unfinished training of {name}, stopped after epoch {found.history[-1].epoch}. This one "
            "starts anew, and takes its place with its first epoch. To go on with it: Ctrl-C, and "
            f"cxr train --resume {name}"
        )
