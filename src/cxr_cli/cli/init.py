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
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the file if it already exists.")] = False,
) -> None:
    """Write a file of options for the commands in this folder.

    The file is cxr.toml in the current folder, or the one that cxr --config FILE names. It lists each option with its
    meaning and its default, commented out with a #. Remove the # before the options that you want.

    Example: cxr init
    """
    from cxr_cli.cli.settings_template import settings_template
    from cxr_cli.workspace.files import write_text

    root = ctx.find_root()
    group: Any = root.command
    path = Path(root.params.get("config") or os.environ.get(SETTINGS_VARIABLE) or SETTINGS_FILE)
    if path.exists() and not replace:
        raise UsageError(
            f"Expected no {path} yet. Received: one that exists.", hint="To replace it: cxr init --replace"
        )
    commands = {name: command for name, command in group.commands.items() if name != ctx.info_name}
    text, options = settings_template(commands)
    write_text(path, text)
    console.result(f"{path}: {options} options of {len(commands)} commands, none in use yet")
    console.result("Remove the # before the options that you want. Options on the command line override them.")
