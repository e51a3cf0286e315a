"""`cxr.toml`: options for the commands of a folder. Flags win over the environment, which wins over this file."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from cxr_cli.errors import UsageError
from cxr_cli.nearest import did_you_mean, path_meant
from cxr_cli.recipe.options import TRAINING_OPTIONS
from cxr_cli.workspace.folders import ENVIRONMENT_VARIABLE

SETTINGS_FILE = "cxr.toml"  # in the current folder
SHARED = "workspace"  # the one option that is written above all sections, for all commands
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


def option_name(parameter: Any) -> str:
    """The name of an option in the file: ``class-weight``; empty for what can't be there."""
    if parameter.param_type_name != "option" or parameter.hidden or parameter.name == "help":
        return ""
    return str(next(flag for flag in parameter.opts if flag.startswith("--"))).removeprefix("--")


def options_of(command: Any) -> dict[str, Any]:
    """The options of a command that the file may have: name -> Typer's object."""
    return {name: parameter for parameter in command.params if (name := option_name(parameter))}


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
        settings = read_settings(path, root.command.commands)
        own = settings[command.name if ctx.parent is root else ctx.parent.command.name]
        ctx.default_map = {name: own[name] for name in own if ctx.parent is root or name == SHARED}
    return path


def settings_file(ctx: Any) -> Path | None:
    """The file that ``--config`` or ``$CXR_CONFIG`` names, else that of the current folder; None if there is none."""
    named = ctx.find_root().params.get("config")
    path = Path(named or SETTINGS_FILE)
    return path if named or path.is_file() else None


def shared_setting(ctx: Any) -> Path | None:
    """The workspace that the environment or the file names; None if neither does, or the file is no TOML."""
    path = settings_file(ctx)
    if os.environ.get(ENVIRONMENT_VARIABLE) or not path:
        return None
    try:
        value = _read(path)[1].get(SHARED)
    except UsageError:
        return None
    return Path(value).expanduser() if isinstance(value, str) else None


def read_settings(path: Path, commands: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Read all options of the file, and check them.

    Args:
        path: the file.
        commands: Typer's commands by name.

    Returns:
        By command, the value of each option by the name of its parameter.

    Raises:
        UsageError: the file can't be read, a section or option is unknown, or a value is of another type.
    """
    document = _Document(path, *_read(path))
    settings: dict[str, dict[str, Any]] = {name: {} for name in commands}
    for key, value in document.table.items():
        if key == SHARED and not isinstance(value, dict):
            for name, command in commands.items():
                if parameter := options_of(command).get(key):
                    settings[name] = {parameter.name: document.value(parameter, "", key, value)} | settings[name]
            continue
        if key not in commands or not isinstance(value, dict):
            raise document.unknown(key, commands)
        options = options_of(commands[key])
        for option, given in value.items():
            if option not in options:
                raise document.unknown_option(key, option, options)
            settings[key][options[option].name] = document.value(options[option], key, option, given)
    return settings


def drop_replaced(ctx: Any) -> None:
    """Take back what the file says where an option or argument on the command line replaces it."""
    for given, replaced in _REPLACES.items():
        if ctx.params.get(given) and _source(ctx, given) == "COMMANDLINE":
            for name in replaced & ctx.params.keys():
                if _source(ctx, name) == "DEFAULT_MAP":
                    ctx.params[name] = [] if isinstance(ctx.params[name], list | tuple) else None
                    ctx.default_map.pop(name)


def take_from_group(ctx: Any) -> None:
    """Let `cxr runs -w DIR rm` win over the environment and the file, which the command alone would take."""
    if _source(ctx.parent, SHARED) == "COMMANDLINE" and _source(ctx, SHARED) not in {"", "COMMANDLINE"}:
        ctx.params[SHARED] = ctx.parent.params[SHARED]
        (ctx.default_map or {}).pop(SHARED, None)


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


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    import tomllib

    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        return text, tomllib.loads(text)
    except OSError as error:
        raise UsageError(
            f"Expected a file of options. Received: {path}: {error.strerror}.",
            hint=path_meant(path, "Write one with all options: cxr init"),
        ) from error
    except ValueError as error:  # no UTF-8, or no TOML
        raise UsageError(
            f"Expected TOML in {path}. Received: {error}.",
            hint='Options are written like arch = "mobilenetv2", below a line with their command, like [train]',
        ) from error


@dataclass(frozen=True)
class _Document:
    path: Path
    text: str
    table: dict[str, Any]

    def value(self, parameter: Any, section: str, key: str, value: Any) -> Any:
        """The value of an option, if it is one that the option takes."""
        values = value if isinstance(value, list) and parameter.multiple else [value]
        for one in values:
            expected = _expected(parameter)
            try:
                fits = _is_of_type(parameter, one)
                if fits and not parameter.is_flag:
                    parameter.type(one, parameter, None)  # raises if it is out of range or none of the choices
            except typer.BadParameter as error:
                fits, expected = False, _reason(parameter, error)
            if not fits:
                where = f" in [{section}]" if section else ""
                choices = [str(choice) for choice in getattr(parameter.type, "choices", ())]
                meant = did_you_mean(one, choices) if isinstance(one, str) else ""
                raise UsageError(
                    f"Expected {expected} for {key}{where}. Received: {_in_toml(one)} {self._place(section, key)}.",
                    hint=meant
                    or (f"What it does: cxr {section} --help" if section else f'For example: {key} = "study"'),
                )
        return values if parameter.multiple else value

    def unknown(self, key: str, commands: Mapping[str, Any]) -> UsageError:
        """The error of a section that is no command, or of an option above all sections."""
        if isinstance(self.table[key], dict):
            return UsageError(
                f"Expected the name of a command in brackets. Received: [{key}] {self._place(key, '')}.",
                hint=did_you_mean(key, commands) or "All commands: cxr --help",
            )
        having = [name for name, command in commands.items() if key in options_of(command)]
        return UsageError(
            f"Expected {SHARED}, or a command in brackets. Received: {key} {self._place('', key)}.",
            hint=f"Write it below the command that it is for: [{having[0]}]" if having else did_you_mean(key, [SHARED]),
        )

    def unknown_option(self, section: str, key: str, options: Mapping[str, Any]) -> UsageError:
        """The error of an option that the command doesn't have."""
        return UsageError(
            f"Expected an option of cxr {section} in [{section}]. Received: {key} {self._place(section, key)}.",
            hint=did_you_mean(key, options) or f"All options: cxr {section} --help",
        )

    def _place(self, section: str, key: str) -> str:
        """Where a section or option is, in words."""
        for number, (here, name) in enumerate(_lines(self.text), start=1):
            if (here, name) == (section, key):
                return f"in line {number} of {self.path}"
        return f"in {self.path}"


_SECTION = re.compile(r"""\s*\[\s*["']?([^"'\]]+?)["']?\s*\]""")
_KEY = re.compile(r"""\s*["']?([\w-]+)["']?\s*=""")


def _lines(text: str) -> Iterator[tuple[str, str]]:
    """The section that each line is in, and the option that it has, if any."""
    section = ""
    for line in text.splitlines():
        if heading := _SECTION.match(line):
            section = heading[1]
            yield section, ""
        else:
            key = _KEY.match(line)
            yield section, key[1] if key else "\0"


def _is_of_type(parameter: Any, value: Any) -> bool:
    kind = parameter.type.name
    if parameter.is_flag:
        return isinstance(value, bool)
    if kind.startswith("int"):
        return isinstance(value, int) and not isinstance(value, bool)
    if kind.startswith("float"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str)


def _expected(parameter: Any) -> str:
    kind = parameter.type.name
    if parameter.is_flag:
        return "true or false"
    if choices := getattr(parameter.type, "choices", ()):
        return f"one of {', '.join(map(str, choices))}"
    return "a whole number" if kind.startswith("int") else "a number" if kind.startswith("float") else "text in quotes"


def _reason(parameter: Any, error: Any) -> str:
    from cxr_cli.cli.slips import ranges_in_words

    _, found, allowed = ranges_in_words(error.message).partition("in the range ")
    return f"{_expected(parameter)}, {allowed.rstrip('.')}," if found else _expected(parameter)


def _in_toml(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)
