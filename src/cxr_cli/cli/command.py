"""How each command shows its help, and `cxr` all commands: in plain text, under headings."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup

from cxr_cli.cli import console
from cxr_cli.cli.headings import heading_of, headings_of
from cxr_cli.cli.settings import drop_replaced, settings_used, take_from_group, take_settings
from cxr_cli.cli.slips import UsageMistake, explain_slip, kinds_in_words, no_such_command, ranges_in_words
from cxr_cli.errors import COMMANDS

_SUMMARY = 500  # longer than any first sentence: none is cut
_WIDEST = 30  # a longer name has its text below it
_SAID = "cxr_cli.settings"
_HYPHEN, _SPACE = "\N{NON-BREAKING HYPHEN}", "\N{NO-BREAK SPACE}"


class CxrCommand(TyperCommand):
    """A command whose help has its options under headings, and whose errors say what was probably meant."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options under their headings."""
        sections: dict[str, list[tuple[str, str]]] = {heading: [] for heading in headings_of(self.name or "")}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if row:
                name, text = row
                section = sections[heading_of(self.name or "", parameter)]
                section.append((kinds_in_words(name), ranges_in_words(text)))
        _write(formatter, sections)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse options and arguments."""
        with _parsing(self, ctx, args):
            return super().parse_args(ctx, args)


class CxrGroup(TyperGroup):
    """Commands, in the order of `COMMANDS`. `cxr help train` is `cxr train --help`."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        places = {name: place for place, name in enumerate(COMMANDS)}  # Typer puts groups before commands
        self.commands = dict(sorted(self.commands.items(), key=lambda item: places.get(item[0], 0)))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options of all commands, then the commands."""
        rows = [row for parameter in self.get_params(ctx) if (row := parameter.get_help_record(ctx))]
        _write(formatter, {"Options": [(kinds_in_words(name), text) for name, text in rows]})
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands under their headings, each with its whole first sentence."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            row = (name, command.get_short_help_str(_SUMMARY))
            sections.setdefault(command.rich_help_panel, []).append(row)  # type: ignore[attr-defined]
        _write(formatter, sections)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what comes before the command."""
        if args[:1] == ["help"]:
            args = [*args[1:], "--help"]
        with _parsing(self, ctx, args):
            return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command."""
        name = args[0]
        if name not in self.commands and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(no_such_command(name, self, ctx))
        return super().resolve_command(ctx, args)


@contextmanager
def _parsing(command: Any, ctx: Any, args: list[str]) -> Iterator[None]:
    """Put the options of `cxr.toml` below those that the block parses, and explain slips."""
    given = [*args]
    settings = take_settings(command, ctx, args)
    try:
        yield
    except UsageMistake as error:
        explain_slip(error, command, ctx, given)
        raise
    take_from_group(ctx)
    if settings:
        drop_replaced(ctx)
        used = f"Options from {settings}: {settings_used(command, ctx)}"
        if not used.endswith(": ") and ctx.meta.get(_SAID) != used:  # once for a group and its command
            ctx.meta[_SAID] = used
            console.note(used)
    ctx.params = {name: _with_home(value) for name, value in ctx.params.items()}


def _with_home(value: Any) -> Any:
    """Write out ``~/films``, which no shell did in ``--csv=~/films`` or in quotes."""
    if isinstance(value, list | tuple):
        return type(value)(map(_with_home, value))
    if isinstance(value, str | Path) and str(value).startswith("~/"):
        return type(value)(os.path.expanduser(value))  # noqa: PTH111 - also of text
    return value


def _write(formatter: Any, sections: Mapping[str, list[tuple[str, str]]]) -> None:
    """Write the sections with one width of the first column."""
    width = min(max(len(name) for rows in sections.values() for name, _ in rows), _WIDEST)
    for heading, rows in sections.items():
        if rows:
            with formatter.section(heading):
                formatter.write_dl([(f"{name:{width}}", _unbroken(text)) for name, text in rows])
    formatter.buffer[:] = [text.replace(_HYPHEN, "-").replace(_SPACE, " ") for text in formatter.buffer]


def _unbroken(text: str) -> str:
    """Let no line end within ``--no-class-weight`` or ``[1 or more]``."""
    text, bracket, rest = text.replace("-", _HYPHEN).partition("  [")
    return text + bracket + rest.replace(" ", _SPACE)
