"""`cxr runs`: which runs there are; `cxr runs rm` and `cxr runs rename`."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.cli.command import CxrCommand, CxrGroup
from cxr_cli.cli.completion import complete_all_runs
from cxr_cli.cli.options import JsonOption, WorkspaceOption

_RunName = Annotated[
    str, typer.Argument(help="The name of a run.", autocompletion=complete_all_runs, show_default=False)
]
_COMMANDS = "Commands"  # the heading of those of this group
app = typer.Typer(cls=CxrGroup, rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def runs(context: typer.Context, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the runs; remove or rename one.

    Shows what each was trained on, its AUC and its size, and marks the one that commands use by default.

    Example: cxr runs
    """
    if context.invoked_subcommand:
        context.obj = workspace
        return
    from cxr_cli.cli.runs_output import show_runs
    from cxr_cli.upkeep.run_list import list_runs
    from cxr_cli.workspace.layout import Workspace

    place = Workspace.find(workspace)
    show_runs(place, list_runs(place), as_json=as_json)


@app.command("rm", cls=CxrCommand, rich_help_panel=_COMMANDS)
def remove(
    context: typer.Context,
    run: _RunName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a run and everything that belongs to it.

    Its evaluations, its report, the audit of its model, its galleries of heat maps and its checkpoint are removed too.
    Asks first. Damaged runs can also be removed.

    Example: cxr runs rm simple-cnn-2
    """
    from cxr_cli.cli.runs_output import ask_to_remove, show_removed
    from cxr_cli.upkeep.change_runs import plan_removal, remove_run_of
    from cxr_cli.workspace.layout import Workspace

    place = _place(context, workspace)
    if not yes and not ask_to_remove(plan_removal(Workspace.find(place), run)):
        raise typer.Exit
    show_removed(remove_run_of(Workspace.find(place), run), as_json=as_json)


@app.command("rename", cls=CxrCommand, rich_help_panel=_COMMANDS)
def rename(
    context: typer.Context,
    run: _RunName,
    name: Annotated[str, typer.Argument(help="Its new name.", show_default=False)],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rename a run, in its evaluations too.

    Example: cxr runs rename simple-cnn-2 small
    """
    from cxr_cli.cli.runs_output import show_renamed
    from cxr_cli.upkeep.change_runs import rename_run_of
    from cxr_cli.workspace.layout import Workspace

    show_renamed(rename_run_of(Workspace.find(_place(context, workspace)), run, name), as_json=as_json)


def _place(context: typer.Context, workspace: Path | None) -> Path | None:
    """The workspace, which may be named before `rm` or behind it."""
    return workspace or context.obj
