"""Remove a run, or give it another name, with what belongs to it."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cxr_cli.auditing.model_record import ModelAuditRecord
from cxr_cli.errors import CxrError, NoRunError, UsageError, WorkspaceError
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.training.checkpoints import unfinished_names
from cxr_cli.upkeep.run_list import size_of
from cxr_cli.workspace.faults import write_errors
from cxr_cli.workspace.folders import BUNDLED, RunFolder
from cxr_cli.workspace.layout import Workspace, can_name_folder
from cxr_cli.workspace.records import Record, read_record, write_record
from cxr_cli.workspace.staging import listed, remove_at_once, staged_folder


@dataclass(frozen=True)
class RemovedRun:
    """What was removed with a run, or would be."""

    name: str
    removed: list[Path]
    bytes: int
    stays: list[str]  # what else names the run, in sentences


@dataclass(frozen=True)
class RenamedRun:
    """A run with another name."""

    old: str
    new: str
    moved: list[Path]  # where they are now
    stays: list[str]  # what still has the old name, in sentences


def plan_removal(workspace: Workspace, name: str) -> RemovedRun:
    """Find what `remove_run_of` removes, and remove nothing.

    Raises:
        NoRunError: there is no such run, complete, damaged or unfinished.
    """
    _require(workspace, name)
    paths = [path for path in _belongings(workspace, name) if path.exists()]
    return RemovedRun(name, paths, sum(map(size_of, paths)), _mentions(workspace, name))


def remove_run_of(workspace: Workspace, name: str) -> RemovedRun:
    """Remove a run, complete, damaged or unfinished, with its evaluations, report, audit and galleries of heat maps.

    Raises:
        NoRunError: there is no such run.
        WorkspaceError: another command is using it, or it can't be removed.
    """
    _require(workspace, name)
    with _held(workspace, name):
        removed = plan_removal(workspace, name)
        for path in removed.removed:
            with write_errors(path):
                remove_at_once(path)
    return removed


def rename_run_of(workspace: Workspace, old: str, new: str) -> RenamedRun:
    """Give a run another name, in its evaluations and the audit of its model too.

    Raises:
        NoRunError: there is no run called `old`.
        UsageError: `new` can't be the name of a run.
        WorkspaceError: `new` is taken, training of `old` is unfinished, or another command is using one of them.
    """
    _require(workspace, old)
    workspace.new_run(new)
    if new == BUNDLED:
        raise UsageError(
            f"Expected another name than {BUNDLED}, which is that of the model in the package. Received: {new}.",
            hint=f"For example: cxr runs rename {old} {old}-2",
        )
    with _held(workspace, old), _held(workspace, new):
        _check_names(workspace, old, new)
        moved = []
        for part in sorted(listed(workspace.evaluations(old))):
            if not part.startswith("."):
                source, target = workspace.evaluation(old, part), workspace.evaluation(new, part)
                _copy(source.root, target.root, target.record.name, EvaluationRecord, new)
                moved.append(target.root)
        audits = workspace.model_audit(old), workspace.model_audit(new)
        if audits[0].root.exists():
            _copy(audits[0].root, audits[1].root, audits[1].record.name, ModelAuditRecord, new)
            moved.append(audits[1].root)
        run = workspace.new_run(new).root
        with write_errors(run):
            workspace.new_run(old).root.rename(run)
            for path in (workspace.evaluations(old), audits[0].root):
                remove_at_once(path)
    return RenamedRun(old, new, [run, *moved], _still_old(workspace, old, new))


def _require(workspace: Workspace, name: str) -> None:
    if can_name_folder(name) and any(path.exists() for path in (workspace.models / name, workspace.checkpoint(name))):
        return
    if name == BUNDLED:
        raise NoRunError(
            f"Expected a run of {workspace.models}. Received: {BUNDLED}, which is in the package.",
            hint="List the runs: cxr runs",
        )
    names = sorted({*(one for one in listed(workspace.models) if one[:1] != "."), *unfinished_names(workspace)})
    raise NoRunError(
        f"Expected the name of a run in {workspace.models}. Received: {name!r}.",
        hint=f"Runs there: {', '.join(names) or 'none'}",
    )


@contextmanager
def _held(workspace: Workspace, name: str) -> Iterator[None]:
    """Hold a run and the results that belong to it."""
    with ExitStack() as stack:
        stack.enter_context(workspace.lock_run(name))
        evaluations = workspace.evaluations(name)
        for part in listed(evaluations):
            if not part.startswith("."):
                stack.enter_context(workspace.lock_result(evaluations / part))
        for folder in (workspace.model_audit(name).root, workspace.report(name).root, *_galleries(workspace, name)):
            if folder.exists():
                stack.enter_context(workspace.lock_result(folder))
        yield


def _belongings(workspace: Workspace, name: str) -> list[Path]:
    return [
        workspace.new_run(name).root,
        workspace.checkpoint(name),
        workspace.evaluations(name),
        workspace.report(name).root,
        workspace.model_audit(name).root,
        *_galleries(workspace, name),
    ]


class _Gallery(msgspec.Struct):
    run: str


def _galleries(workspace: Workspace, name: str) -> list[Path]:
    """The galleries of heat maps of a run, below the workspace's own folder."""
    found = []
    for record in sorted(workspace.heatmaps.glob("[!.]*/grades.json")):
        try:
            if msgspec.json.decode(record.read_bytes(), type=_Gallery).run == name:
                found.append(record.parent)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            continue
    return found


def _mentions(workspace: Workspace, name: str) -> list[str]:
    """What names a run and is not its own."""
    stays = []
    comparison = workspace.comparison
    try:
        rows = comparison.csv.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        rows = []
    if any(row.split(",")[0] == name for row in rows):
        stays.append(f"{comparison.root} compares it with others; cxr compare writes it again")
    masks = workspace.segmentations(name).root
    if RunFolder(workspace.models / name).lung_record.is_file() and masks.exists():
        stays.append(f"{masks} has lung masks that it found")
    return stays


def _check_names(workspace: Workspace, old: str, new: str) -> None:
    if workspace.checkpoint(old).exists():
        raise WorkspaceError(
            f"Expected a run whose training is finished. Received: {old}, whose checkpoint has its name in it.",
            hint=f"Finish it: cxr train --resume {old}. Or remove it: cxr runs rm {old}",
        )
    if taken := next((path for path in _belongings(workspace, new) if path.exists()), None):
        raise WorkspaceError(
            f"Expected a name that is not taken. Received: {new}, and there is {taken}.",
            hint=f"Choose another one, or remove that run: cxr runs rm {new}",
        )


def _copy(source: Path, target: Path, record: str, kind: type[Record], run: str) -> None:
    """Copy a folder of results, with the run's new name in its record; one that can't be read stays as it is."""
    with staged_folder(target) as stage:
        shutil.copytree(source, stage, dirs_exist_ok=True, symlinks=True, ignore=shutil.ignore_patterns(".*"))
        path = stage / record
        try:
            made = read_record(path, kind)
        except CxrError:
            return
        write_record(path, msgspec.structs.replace(made, run=run))


def _still_old(workspace: Workspace, old: str, new: str) -> list[str]:
    """What has the old name in its text, and can be written again."""
    stays = []
    if workspace.new_run(new).model_card.is_file() or workspace.report(old).root.exists():
        where = workspace.report(old).root if workspace.report(old).root.exists() else workspace.new_run(new).model_card
        stays.append(f"{where} still says {old}; to write it again: cxr report {new}")
    if workspace.model_audit(new).page.is_file():
        stays.append(f"{workspace.model_audit(new).page} still says {old}; to write it again: cxr audit {new}")
    stays += [f"{gallery} still says {old}" for gallery in _galleries(workspace, old)]
    return [*stays, *_mentions(workspace, old)]
