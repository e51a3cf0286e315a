"""What `cxr runs` prints."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from cxr_cli.cli import console
from cxr_cli.cli.tables import TableColumn
from cxr_cli.errors import NoRunError, UsageError
from cxr_cli.numbers import UNDEFINED, figure
from cxr_cli.workspace.folders import BUNDLED

if TYPE_CHECKING:
    from pathlib import Path

    from cxr_cli.upkeep.change_runs import RemovedRun, RenamedRun
    from cxr_cli.upkeep.run_list import ListedRun
    from cxr_cli.workspace.layout import Workspace

_COLUMNS = (
    TableColumn("run", words=True),
    TableColumn("architecture", drop=3, words=True),
    TableColumn("trained", drop=4, words=True),
    TableColumn("films\ntrain + val", drop=5, words=True),
    TableColumn("validation", drop=1),
    TableColumn("test", drop=0),
    TableColumn("size", drop=6),
    TableColumn("dataset", drop=2, words=True),
)


def show_runs(workspace: "Workspace", runs: "Sequence[ListedRun]", *, as_json: bool) -> None:
    """Print the runs, and what is wrong with some."""
    default = _default(workspace)
    if as_json:
        console.result_json({"default": default, "runs": [asdict(run) for run in runs]})
        return
    complete = [run for run in runs if run.is_complete]
    if complete:
        console.show_table(_COLUMNS, [_cells(run) for run in complete])
        console.result()
        console.result("validation, test: ROC AUC; of a run that finds lungs, the mean Dice.", dim=True)
    for line in _remarks(complete):
        console.result(line)
    for run in runs:
        if run.damaged:
            console.result(f"Damaged: {run.name}: {run.damaged.rstrip('.')}. To remove it: cxr runs rm {run.name}")
        if run.unfinished_epoch is not None:
            console.result(
                f"Unfinished: {run.name}, stopped after epoch {run.unfinished_epoch}. To resume it: cxr train --resume "
                f"{run.name}"
            )
    if not complete:
        console.result(f"There is no trained run in {workspace.models}.")
    if default:
        named = "the bundled model" if default == BUNDLED else f"{default} (*)"
        console.note(f"If you name no run, commands use {named}.")


def ask_to_remove(removed: "RemovedRun") -> bool:
    """Show what would be removed, and ask.

    Raises:
        UsageError: there is no terminal to ask on.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            f"Expected a confirmation to remove the run {removed.name}. Received: none, and no terminal to ask on.",
            hint=f"To remove it without a question: cxr runs rm {removed.name} --yes",
        )
    console.note(f"This removes {_megabytes(removed.bytes)} for good:")
    for path in removed.removed:
        console.note(f"  {path}")
    return console.ask(f"Remove the run {removed.name}?")


def show_removed(removed: "RemovedRun", *, as_json: bool) -> None:
    """Print what was removed, and what stays."""
    if as_json:
        paths = [str(path) for path in removed.removed]
        console.result_json({"run": removed.name, "removed": paths, "bytes": removed.bytes, "stays": removed.stays})
        return
    console.result(f"Removed {removed.name} ({_megabytes(removed.bytes)}):")
    _show_changes(removed.removed, "removed", removed.stays)


def show_renamed(renamed: "RenamedRun", *, as_json: bool) -> None:
    """Print where the run is now, and what has its old name."""
    if as_json:
        moved = [str(path) for path in renamed.moved]
        console.result_json({"old": renamed.old, "new": renamed.new, "moved": moved, "stays": renamed.stays})
        return
    console.result(f"{renamed.old} is called {renamed.new} now:")
    _show_changes(renamed.moved, "renamed", renamed.stays)


def _show_changes(paths: Sequence["Path"], done: str, stays: Sequence[str]) -> None:
    for path in paths:
        console.result(f"  {path}")
    for sentence in stays:
        console.result(f"Not {done}: {sentence}.")


def _default(workspace: "Workspace") -> str | None:
    """The run that commands use where none is named; None without any."""
    try:
        return workspace.run().name
    except NoRunError:
        return None


def _cells(run: "ListedRun") -> list[str]:
    return [
        f"{run.name} *" if run.is_default else run.name,
        run.arch,
        run.trained[:10],
        " + ".join(map(str, run.films.values())),
        figure(run.validation),
        "" if run.finds_lungs else figure(run.test_auc),
        _megabytes(run.bytes),
        {None: "", True: "another", False: "current"}[run.stale],
    ]


def _remarks(runs: "Sequence[ListedRun]") -> list[str]:
    remarks = []
    if any(run.stale for run in runs):
        remarks.append("another: trained on another dataset or split than the prepared one")
    if any(run.test_auc is None and not run.finds_lungs for run in runs):
        remarks.append(f"{UNDEFINED}: not tested, or that test is out of date")
    remarks += [
        f"{run.name}: tested, but {run.test_missing}. Test it again: cxr evaluate {run.name}"
        for run in runs
        if run.test_missing and run.test_missing != "not tested" and not run.damaged
    ]
    return remarks


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
