"""A workspace in order: `runs` and `status`, and what removes or renames a run. No TensorFlow."""

from typing import TYPE_CHECKING

from cxr_cli.api.arguments import AnyPath, find_workspace

if TYPE_CHECKING:
    from cxr_cli.upkeep.change_runs import RemovedRun, RenamedRun
    from cxr_cli.upkeep.run_list import ListedRun
    from cxr_cli.upkeep.status import Status


def status(*, workspace: AnyPath | None = None) -> "Status":
    """Check the installation and a workspace: versions, extras, every record, and the sha256 of every file of a run.

    Nothing is changed, and TensorFlow is not loaded.

    Args:
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Returns:
        What there is, what is damaged, and the command to run next.
    """
    from cxr_cli.upkeep.status import find_status

    return find_status(find_workspace(workspace))


def runs(*, workspace: AnyPath | None = None) -> "list[ListedRun]":
    """List the runs of a workspace: what they were trained on, how well they do, and what is wrong with them.

    Args:
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Returns:
        The runs in the order in which they were trained; damaged and unfinished ones too. `is_default` marks the one
        that calls without a run use.
    """
    from cxr_cli.upkeep.run_list import list_runs

    return list_runs(find_workspace(workspace))


def remove_run(name: str, *, workspace: AnyPath | None = None) -> "RemovedRun":
    """Remove a run with its evaluations, its report, the audit of its model and its galleries of heat maps.

    Args:
        name: of the run; it may be damaged or unfinished.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Raises:
        WorkspaceError: there is no such run, or another command is using it.
    """
    from cxr_cli.upkeep.change_runs import remove_run_of

    return remove_run_of(find_workspace(workspace), name)


def rename_run(old: str, new: str, *, workspace: AnyPath | None = None) -> "RenamedRun":
    """Rename a run, in its evaluations and the audit of its model too.

    Args:
        old: its name.
        new: its new name.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Raises:
        UsageError: `new` can't be the name of a run.
        WorkspaceError: there is no such run, `new` is taken, or training of the run is unfinished.
    """
    from cxr_cli.upkeep.change_runs import rename_run_of

    return rename_run_of(find_workspace(workspace), old, new)
