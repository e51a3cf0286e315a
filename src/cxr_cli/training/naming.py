"""The name of a training run: it overwrites no other run unless that is asked for."""

import dataclasses
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from cxr_cli.errors import InUseError, WorkspaceError
from cxr_cli.progress import note
from cxr_cli.recipe.lung_record import LungRunRecord
from cxr_cli.recipe.options import TrainingOptions
from cxr_cli.recipe.record import RunRecord
from cxr_cli.training.checkpoints import is_trained, is_unfinished, unfinished, unfinished_names
from cxr_cli.training.plan import TrainingPlan
from cxr_cli.workspace.files import free_names
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.locks import writers
from cxr_cli.workspace.records import read_record
from cxr_cli.workspace.staging import listed

_UNFINISHED = "an unfinished training run"


@contextmanager
def hold_name(workspace: Workspace, plan: TrainingPlan) -> Iterator[TrainingPlan]:
    """Hold the run that is going to be trained for one writer, and tell the watcher its name, before TensorFlow loads.

    Where the name is taken, a run whose name the user did not choose becomes NAME-2, or the next number that is free;
    also if another command is training NAME at this moment. `plan.replace` overwrites it instead.

    Yields:
        The plan, with the name that it got.

    Raises:
        WorkspaceError: the user chose a name that is taken, or another command is writing this run.
    """
    with ExitStack() as held:
        if plan.resume:
            held.enter_context(workspace.lock_run(plan.name))
            yield plan
            return
        why = ""  # another name than the one that was wanted
        for name in free_names(plan.name):
            try:
                if plan.options.strategy != "multi-worker":  # `make_run` knows which of the workers writes
                    held.enter_context(workspace.lock_run(name))
            except InUseError as problem:
                if plan.named or plan.replace:
                    raise
                why = why or f", because {problem.holder} {name}"
                continue
            there = what_is_there(workspace, name)
            if not there or plan.replace:
                break
            if plan.named:
                raise _taken(name, there)
            why = why or _why_not(name, there)
            held.close()
        note(f"Training the run {name}{why}{f', which replaces {there}' if there else ''}")
        for other, writer in writers(workspace.models).items():
            if other != plan.name:
                note(f"{writer} {other} at the same time, so both take longer")
        yield dataclasses.replace(plan, name=name)


def what_is_there(workspace: Workspace, name: str) -> str:
    """What a new run called `name` would overwrite, in words; empty if nothing."""
    checkpoint = unfinished(workspace, name)
    stopped = f"{_UNFINISHED}, stopped after epoch {checkpoint.epoch}" if checkpoint else ""
    return " and ".join(filter(None, [_run_in_words(workspace.new_run(name)), stopped]))


def _run_in_words(run: RunFolder) -> str:
    record: RunRecord | LungRunRecord
    try:
        if run.record.is_file():
            record = read_record(run.record, RunRecord)
            figure = f"validation AUC {record.validation['roc_auc']:.3f}"
        elif run.lung_record.is_file():
            record = read_record(run.lung_record, LungRunRecord)
            figure = f"validation Dice {record.validation['dice']:.3f}"
        else:
            files = len(listed(run.root))
            return f"a folder of {_count(files, 'file')} without a record" if files else ""
    except (WorkspaceError, KeyError, TypeError):
        return "a run whose record can't be read"
    return f"a run of {record.created[:10]} ({record.arch}, {_count(record.epochs, 'epoch')}, {figure})"


def find_trained(workspace: Workspace, options: TrainingOptions, *, replace: bool) -> str | None:
    """Find the run of an architecture that `train_all` need not train again: of this dataset, with these options.

    Args:
        workspace: where the runs are.
        options: with the architecture.
        replace: only a run that has the architecture's name counts, not one with a number behind it.
    """
    return next((name for name in _of_arch(workspace, options, replace) if _is_trained(workspace, options, name)), None)


def published_plan(workspace: Workspace, options: TrainingOptions, *, replace: bool, profile: bool) -> TrainingPlan:
    """Plan the run of an architecture of `train_all`; one that stopped on this dataset with these options is resumed.

    See `find_trained` for the arguments.
    """
    own = _of_arch(workspace, options, replace)
    stopped = next((name for name in own if is_unfinished(workspace, name, options)), None)
    return TrainingPlan(options, stopped or options.arch, resume=bool(stopped), replace=replace, profile=profile)


def _of_arch(workspace: Workspace, options: TrainingOptions, replace: bool) -> list[str]:
    """The names that `hold_name` may have given to runs of this architecture, the one without a number first."""
    if replace:
        return [options.arch]
    names = {run.name for run in workspace.runs()} | set(unfinished_names(workspace))
    pattern = re.compile(rf"{re.escape(options.arch)}(-\d+)?")
    return sorted((name for name in names if pattern.fullmatch(name)), key=lambda name: (len(name), name))


def _is_trained(workspace: Workspace, options: TrainingOptions, name: str) -> bool:
    try:
        return is_trained(workspace, options, name=name)
    except WorkspaceError:  # a damaged record: that run stays as it is
        return False


def _taken(name: str, there: str) -> WorkspaceError:
    ways = "To replace it: --replace. To keep it: another --name, or no --name, which adds a number"
    if there.startswith(_UNFINISHED):
        ways = f"To resume it: cxr train --resume {name}. " + ways
    return WorkspaceError(f"Expected a name for the run that is not taken. Received: {name}, {there}.", hint=ways)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _why_not(name: str, there: str) -> str:
    way = f"To resume it instead: Ctrl-C, then cxr train --resume {name}"
    if not there.startswith(_UNFINISHED):
        way = "To replace it instead: Ctrl-C, then the same command with --replace"
    return f". There is already {name}, {there}, which stays as it is. {way}"
