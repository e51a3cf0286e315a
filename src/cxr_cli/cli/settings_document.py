"""Read `cxr.toml`, and check each option in it: what is wrong is named with its line. Imported only if there is one."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from cxr_cli.cli.option_names import SHARED, options_of
from cxr_cli.cli.slips import ranges_in_words
from cxr_cli.errors import UsageError
from cxr_cli.nearest import did_you_mean, path_meant


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """Read a file; gives its text, and what is in it.

    Raises:
        UsageError: it can't be read, or is no TOML.
    """
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
    document = _Document(path, *read_toml(path))
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
    _, found, allowed = ranges_in_words(error.message).partition("in the range ")
    return f"{_expected(parameter)}, {allowed.rstrip('.')}," if found else _expected(parameter)


def _in_toml(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)
