"""What was probably meant by a command line that can't be understood."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from cxr_cli.nearest import did_you_mean

# Typer has no public name for what all its errors of usage have in common.
UsageMistake: Any = typer.BadParameter.__base__
# What other tools call a command or option, where the letters don't tell.
_OTHER_NAMES = {
    **dict.fromkeys(("test", "validate"), "evaluate"),
    **dict.fromkeys(("heatmap", "heatmaps", "explain", "saliency"), "gradcam"),
    **dict.fromkeys(("classify", "infer"), "predict"),
    **dict.fromkeys(("list", "models"), "runs"),
    **dict.fromkeys(("remove", "delete"), "rm"),
    **dict.fromkeys(("gui", "web", "ui", "view"), "serve"),
    **dict.fromkeys(("version", "-v", "-V"), "--version"),
    "fit": "train",
    "--run": "--model",
    "--csv": "--metadata",
}
# What other tools have as an option of its own is written here as another one's value.
_WRITTEN = {
    flag: ("--operating-point", flag.removeprefix("--")) for flag in ("--threshold", "--sensitivity", "--specificity")
}

_KINDS = {"int range": "NUMBER", "float range": "NUMBER", "int": "NUMBER", "str": "TEXT", "path": "PATH"}
# Typer's words for what a value must be.
_PLAIN = {
    "a valid int range": "a whole number",
    "a valid integer range": "a whole number",  # of Typer 0.26
    "a valid float range": "a number",
    "requires an argument": "needs a value",
}


def no_such_command(name: str, command: Any, ctx: Any) -> str:
    """Say that a command of a group doesn't exist, and which one was probably meant."""
    meant = _by_other_name(name, [*command.commands, *_flags(command, ctx)])
    return _sentences(
        f"No such command {name!r}.",
        meant or did_you_mean(name, [*command.commands, "help"]) or f"All commands: {ctx.command_path} --help",
    )


def ranges_in_words(text: str) -> str:
    """Write Typer's ``x>=1`` as ``1 or more``, and ``0<=x<=1`` as ``0 to 1``."""
    return re.sub(r"x>=([\d.e-]*\d)", r"\1 or more", re.sub(r"([\d.e-]+)<=x<=([\d.e-]*\d)", r"\1 to \2", text))


def kinds_in_words(text: str) -> str:
    """Write Typer's ``<int range>`` as ``NUMBER``, and ``<path>`` as ``PATH``."""
    for kind, word in _KINDS.items():
        text = text.replace(f"<{kind}>", word)
    return text


def explain_slip(error: Any, command: Any, ctx: Any, given: list[str]) -> None:
    """Add to an error of usage what was probably meant, if that can be told.

    Args:
        error: the error, which is changed.
        command: the command that was called.
        ctx: its context.
        given: its options and arguments as they were written.
    """
    error.message = ranges_in_words(error.message)
    for word, plain in _PLAIN.items():
        error.message = error.message.replace(word, plain)
    parameter: Any = getattr(error, "param", None)
    if hasattr(error, "possibilities"):  # no such option
        error.possibilities = None  # Typer's own guess, which misses --lr
        option = error.option_name
        error.message = _sentences(f"No such option: {option}.", _other_option(option, command, ctx, given))
    elif hasattr(error, "param_type") and (choices := _choices(parameter)):  # a missing option
        flag, word = parameter.opts[0], next((word for word in given if word in choices), "")
        ctx.fail(
            f"Missing option {flag}. "
            + (f"Did you mean {flag} {word}?" if word else f"Choose from {', '.join(choices)}.")
        )
    elif choices := _choices(parameter):
        words = [word.rpartition("=")[2] for word in given]
        wrong = next((word for word in words if error.message.startswith(f"{word!r} is not one of ")), "")
        error.message = _sentences(error.message, did_you_mean(wrong, choices))
    elif "unexpected extra argument" in error.message:
        error.message = _sentences(f"{error.message}.", _option_for(command, ctx, given))


def _other_option(option: str, command: Any, ctx: Any, given: list[str]) -> str:
    own, commands = [*_flags(command, ctx)], _commands(ctx)
    if option in _WRITTEN:
        flag, form = _WRITTEN[option]
        written = f"{flag} {form}={_value_of(option, given)}"
        return (
            f"Did you mean {written}?"
            if flag in own
            else f"The operating point belongs to the run: cxr calibrate {written}."
        )
    if meant := _by_other_name(option, own):
        return meant
    word = option.lstrip("-")
    if (name := _OTHER_NAMES.get(word, word)) in getattr(command, "commands", {}):
        return f"Did you mean {ctx.command_path} {name}?"
    others = [f"cxr {name}" for name, other in commands.items() if option in _flags(other, ctx)]
    group = ctx.find_root().command
    if command is not group and option in _flags(group, ctx):
        return f"It comes before the command: cxr {option} … {ctx.info_name}"
    if others and command is group:
        return f"It comes after the command: cxr COMMAND {option}"
    if others:
        return f"It is an option of {' and '.join(others)}."
    long = [flag for flag in own if flag.startswith("--")]
    return did_you_mean(option, long) or f"All options: {ctx.command_path} --help"


def _by_other_name(word: str, choices: Collection[str]) -> str:
    meant = _OTHER_NAMES.get(word)
    return f"Did you mean {meant}?" if meant in choices else ""


def _value_of(option: str, given: list[str]) -> str:
    """The value that was written for an option; 0.5 where none was."""
    for word, following in zip(given, [*given[1:], "0.5"], strict=True):
        if word.partition("=")[0] == option:
            return word.partition("=")[2] or following
    return "0.5"


def _option_for(command: Any, ctx: Any, given: list[str]) -> str:
    """The option that a word without one was probably meant for."""
    own = [*_flags(command, ctx)]
    for word in given:
        for parameter in command.params:
            if word in _choices(parameter):
                return f"Did you mean {parameter.opts[0]} {word}?"
        if re.fullmatch(r"0?\.\d+", word) and "--operating-point" in own:
            return f"Did you mean --operating-point threshold={word}?"
        for flag, there in {"--metadata": Path.is_file, "--folders": Path.is_dir}.items():
            if flag in own and there(Path(word)):
                return f"Did you mean {flag} {word}?"
    return f"All options: {ctx.command_path} --help"


def _flags(command: Any, ctx: Any) -> Iterator[str]:
    for parameter in command.get_params(ctx):
        if not getattr(parameter, "hidden", False):
            yield from (flag for flag in [*parameter.opts, *parameter.secondary_opts] if flag.startswith("-"))


def _commands(ctx: Any) -> Mapping[str, Any]:
    return getattr(ctx.find_root().command, "commands", {})


def _choices(parameter: Any) -> list[str]:
    return [str(choice) for choice in getattr(getattr(parameter, "type", None), "choices", ())]


def _sentences(*sentences: str) -> str:
    return " ".join(filter(None, sentences))
