"""The text of `cxr.toml` before anybody has changed it: each option with its help and default, commented out."""

import json
import textwrap
from collections.abc import Mapping
from enum import Enum
from typing import Any

from cxr_cli.cli.headings import heading_of, headings_of
from cxr_cli.cli.option_names import SHARED, option_name, options_of
from cxr_cli.cli.slips import kinds_in_words
from cxr_cli.recipe.options import TRAINING_OPTIONS

_WIDTH = 100
_HEAD = """\
# Options of cxr for the commands in this folder.
#
# To use one, remove the # before its name, and change its value. Words in capitals stand for a value of yours.
# An option on the command line overrides the environment (CXR_WORKSPACE), which overrides this file.
# Paths begin at the folder where a command is run. Another file: cxr --config FILE, or CXR_CONFIG.
# To ignore this file once: cxr --config /dev/null COMMAND
"""


def settings_template(commands: Mapping[str, Any]) -> tuple[str, int]:
    """Write the file.

    Args:
        commands: Typer's commands by name.

    Returns:
        Its text, and the number of options in it; `SHARED` counts once, as it stands above all sections.
    """
    shared = next(options[SHARED] for command in commands.values() if SHARED in (options := options_of(command)))
    lines, count = [_HEAD.rstrip(), *_entry(shared)], 1
    for name, command in commands.items():
        lines += ["", f"[{name}]"]
        by_heading: dict[str, list[Any]] = {heading: [] for heading in headings_of(name)}
        for option, parameter in options_of(command).items():
            if option != SHARED:
                by_heading[heading_of(name, parameter)].append(parameter)
        for heading, parameters in by_heading.items():
            if parameters:
                lines += ["", f"# --- {heading} ---", *(line for parameter in parameters for line in _entry(parameter))]
                count += len(parameters)
    return "\n".join(lines) + "\n", count


def _entry(parameter: Any) -> list[str]:
    help_text = textwrap.wrap(parameter.help or "", _WIDTH - 2, break_on_hyphens=False, break_long_words=False)
    return ["", *(f"# {line}" for line in help_text), f"#{option_name(parameter)} = {_value(parameter)}"]


def _value(parameter: Any) -> str:
    """The default as TOML; where there is none, a word in capitals for the kind of value."""
    known = TRAINING_OPTIONS.get(parameter.name) if parameter.rich_help_panel else None
    default = known.default if known else parameter.default
    default = default.value if isinstance(default, Enum) else default
    if isinstance(default, float):
        return f"{default:g}"
    if default not in (None, (), []):
        return json.dumps(default)
    if parameter.is_flag:
        return "false"
    if parameter.type.name.startswith(("int", "float")):
        word = parameter.metavar or "NUMBER"
    else:
        word = json.dumps(kinds_in_words(parameter.make_metavar(None)).strip("<>[]{}"))
    return f"[{word}]" if parameter.multiple else word
