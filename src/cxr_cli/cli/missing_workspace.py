"""What commands that the bundled model can serve say first of a workspace that was named and isn't there."""

import os
from pathlib import Path

from cxr_cli.cli import console


def say_missing(workspace: Path | None, run: str | None) -> None:
    """Say that the named workspace doesn't exist and the bundled model predicts, if that is so.

    Args:
        workspace: the value of the option; None if it is not given.
        run: the name of a run; None if none is named.
    """
    from cxr_cli.workspace.folders import ENVIRONMENT_VARIABLE
    from cxr_cli.workspace.layout import Workspace, has_bundled_run

    named = workspace or os.environ.get(ENVIRONMENT_VARIABLE)
    place = Workspace.find(workspace).root
    if named and run is None and not place.is_dir() and has_bundled_run():
        console.note(f"{place} is no folder; predicted by the bundled model.")
