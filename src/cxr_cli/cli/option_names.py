"""What the options of commands are called in `cxr.toml`."""

from typing import Any

SHARED = "workspace"  # the one option that is written above all sections, for all commands


def option_name(parameter: Any) -> str:
    """The name of an option in the file: ``class-weight``; empty for what can't be there."""
    if parameter.param_type_name != "option" or parameter.hidden or parameter.name == "help":
        return ""
    return str(next(flag for flag in parameter.opts if flag.startswith("--"))).removeprefix("--")


def options_of(command: Any) -> dict[str, Any]:
    """The options of a command that the file may have: name -> Typer's object."""
    return {name: parameter for parameter in command.params if (name := option_name(parameter))}
