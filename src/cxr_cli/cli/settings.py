"""`cxr.toml`: options for the commands of a folder. Flags win over the environment, which wins over this file."""

import os
from pathlib import Path
from typing import Any

from cxr_cli.cli.option_names import SHARED, options_of
from cxr_cli.errors import UsageError
from cxr_cli.recipe.options import TRAINING_OPTIONS
from cxr_cli.workspace.folders import ENVIRONMENT_VARIABLE

SETTINGS_FILE, SETTINGS_VARIABLE = "cxr.toml", "CXR_CONFIG"  # the file in the current folder; what names another
# An option or argument on the command line -> what the file says in its place.
_SOURCES = {"metadata", "folders", "dicom", "findings", "images", "views", "patient_pattern"}
_REPLACES: dict[str, set[str]] = {
    "run": {"model"},
    "films": {"split", "dicomweb", "study", "series"},
    "resume": {*TRAINING_OPTIONS},
    "from_run": {*TRAINING_OPTIONS},
    "folds": {"leave_out"},
    "leave_out": {"folds"},
    **{source: _SOURCES - {source} for source in ("metadata", "folders", "dicom")},
}


def take_settings(command: Any, ctx: Any, args: list[str]) -> Path | None:
    """Give a command the options of the file as its defaults.

    A command of a group, such as `cxr runs rm`, has only the option that all share.

    Args:
        command: the command that is about to parse its options.
        ctx: its context, which gets the defaults.
        args: what it will parse.

    Returns:
        The file; None if there is none, or the command needs none of it.

    Raises:
        UsageError: see `read_settings`.
    """
    root = ctx.find_root()
    alone = ctx is root or ctx.resilient_parsing or command.name == "init"
    if alone or not {*args}.isdisjoint(ctx.help_option_names):
        return None
    path = settings_file(ctx)
    if path:
        from cxr_cli.cli.settings_document import read_settings

        settings = read_settings(path, root.command.commands)
        own = settings[command.name if ctx.parent is root else ctx.parent.command.name]
        # The environment wins: the command finds it out by itself.
        left_out = {SHARED} if os.environ.get(ENVIRONMENT_VARIABLE) else set()
        ctx.default_map = {name: own[name] for name in own.keys() - left_out if ctx.parent is root or name == SHARED}
    return path


def settings_file(ctx: Any) -> Path | None:
    """The file that ``--config`` or ``$CXR_CONFIG`` names, else that of the current folder; None if there is none."""
    named = ctx.find_root().params.get("config") or os.environ.get(SETTINGS_VARIABLE)
    path = Path(named or SETTINGS_FILE)
    return path if named or path.is_file() else None


def shared_setting(ctx: Any) -> Path | None:
    """The workspace that the environment or the file names; None if neither does, or the file is no TOML."""
    path = settings_file(ctx)
    if os.environ.get(ENVIRONMENT_VARIABLE) or not path:
        return None
    from cxr_cli.cli.settings_document import read_toml

    try:
        value = read_toml(path)[1].get(SHARED)
    except UsageError:
        return None
    return Path(value).expanduser() if isinstance(value, str) else None


def drop_replaced(ctx: Any) -> None:
    """Take back what the file says where an option or argument on the command line replaces it."""
    for given, replaced in _REPLACES.items():
        if ctx.params.get(given) and _source(ctx, given) == "COMMANDLINE":
            for name in replaced & ctx.params.keys():
                if _source(ctx, name) == "DEFAULT_MAP":
                    ctx.params[name] = [] if isinstance(ctx.params[name], list | tuple) else None
                    ctx.default_map.pop(name)


def take_from_group(ctx: Any) -> None:
    """Let `cxr runs -w DIR rm` win over the file, which the command alone would take."""
    if _source(ctx.parent, SHARED) == "COMMANDLINE" and _source(ctx, SHARED) == "DEFAULT_MAP":
        ctx.params[SHARED] = ctx.parent.params[SHARED]
        ctx.default_map.pop(SHARED)


def settings_used(command: Any, ctx: Any) -> str:
    """The options that the file has given to a command, as they would be on the command line; empty if none."""
    used = []
    for name, parameter in options_of(command).items():
        if _source(ctx, parameter.name) == "DEFAULT_MAP" and parameter.name in ctx.default_map:
            value = ctx.default_map[parameter.name]
            if isinstance(value, bool):
                used += (parameter.opts if value else parameter.secondary_opts)[:1]
            else:
                used += [f"--{name} {one}" for one in (value if isinstance(value, list) else [value])]
    return ", ".join(used)


def _source(ctx: Any, name: str) -> str:
    """Where a parameter has its value from, as Typer calls it; empty if it has none."""
    return getattr(ctx.get_parameter_source(name), "name", "") if ctx else ""
