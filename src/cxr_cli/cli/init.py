"""`cxr init`: a file of options with every option in it, commented out."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from cxr_cli.cli import console
from cxr_cli.cli.settings import SETTINGS_FILE, SETTINGS_VARIABLE
from cxr_cli.errors import UsageError


def init(
    ctx: typer.Context,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the file if there is one.")] = False,
) -> None:
    """Write a file with every option, for the commands of this folder.

    The file is cxr.toml in the current folder, or the one that cxr --config FILE names. Each option stands there with
    its meaning and default, behind a #. Remove the # of those that your commands should have.

    Example: cxr init
    """
    from cxr_cli.cli.settings_template import settings_template
    from cxr_cli.workspace.files import write_text

    root = ctx.find_root()
    group: Any = root.command
    path = Path(root.params.get("config") or os.environ.get(SETTINGS_VARIABLE) or SETTINGS_FILE)
    if path.exists() and not replace:
        raise UsageError(f"Expected no {path} yet. Received: one is there.", hint="To replace it: cxr init --replace")
    commands = {name: command for name, command in group.commands.items() if name != ctx.info_name}
    text, options = settings_template(commands)
    write_text(path, text)
    console.result(f"{path}: {options} options of {len(commands)} commands, none in use yet")
    console.result(
        "Remove the # before those that your commands should have. Options on the command line win over them."
    )
