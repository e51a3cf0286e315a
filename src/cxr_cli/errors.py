"""The errors that a user can fix. One boundary, in `cli`, prints them; a bug keeps its traceback."""

import re
import shlex
from functools import lru_cache

# The commands that a hint may name: each is a function of the Python API, too.
COMMANDS = (
    *("demo", "status", "prepare", "audit", "train", "calibrate", "runs", "evaluate", "crossval", "compare", "report"),
    *("predict", "gradcam", "segment", "serve", "listen", "export", "phantoms"),
)
_WORD = r"""'[^']*'|"[^"]*"|[^\s;,()'"]+"""
_COMMAND = re.compile(rf"\bcxr ({'|'.join(COMMANDS)})\b((?: (?:{_WORD}))*)")
_OPTION = re.compile(rf"(?<![\w-])--([a-z][a-z-]*)(?: ({_WORD})(?=$|[;,)]| or --))?")
_CALLED = {("runs", "rm"): "remove_run", ("runs", "rename"): "rename_run"}  # in Python
_SHORT = {"f": "format", "m": "model", "o": "output", "w": "workspace"}


class CxrError(Exception):
    """An error that the user can fix.

    Args:
        message: what was expected, what was received and where, in one or two sentences that name no command-line
            option.
        hint: the next command to run or thing to do, as typed on the command line. A traceback shows it as Python.
            Defaults to none.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if hint:
            self.add_note(in_python(hint))


@lru_cache  # thousands of films of a batch may fail for the same reason
def in_python(hint: str) -> str:
    """Write a hint in Python: `cxr train --arch xception` as `cxr.train(arch='xception')`, `--seed 1` as `seed=1`."""
    parts, end = [], 0
    for command in _COMMAND.finditer(hint):
        parts += [_options_in_python(hint[end : command.start()]), _call(command[1], command[2])]
        end = command.end()
    return "".join([*parts, _options_in_python(hint[end:])])


def _options_in_python(text: str) -> str:
    return _OPTION.sub(lambda option: _argument(option[1], option[2]), text)


def _call(command: str, words: str) -> str:
    tokens = shlex.split(words)
    if tokens and (command, tokens[0]) in _CALLED:
        command = _CALLED[command, tokens.pop(0)]
    if tokens == ["--help"]:
        return f"help(cxr.{command})"
    arguments: list[str] = []
    while tokens:
        token = tokens.pop(0)
        if not token.startswith("-"):
            arguments.append(repr(token))
            continue
        flag = token.lstrip("-")
        name = _SHORT.get(flag, flag)
        value = tokens.pop(0) if tokens and not tokens[0].startswith("-") else None
        arguments.append(_argument(name, value) if value else _argument(name, None) + "=True")
    return f"cxr.{command}({', '.join(arguments)})"


def _argument(flag: str, value: str | None) -> str:
    name = flag.replace("-", "_")
    name = "from_run" if name == "from" else name
    if value is None:
        return name
    value = value.strip("'\"")
    return f"{name}={value}" if re.fullmatch(r"\d+(\.\d+)?", value) else f"{name}={value!r}"


class UsageError(CxrError):
    """Options or arguments that don't go together, or have a value out of range."""


class ImageError(CxrError):
    """A file that is not a readable film."""


class AbstentionError(ImageError):
    """A picture that a run gives no class for.

    Args:
        picture: its path, or other name.
        reason: why, in a few words.
    """

    def __init__(self, picture: object, reason: str) -> None:
        super().__init__(
            f"Expected a frontal chest film. Received: {picture or 'a picture'}: {reason}.",
            hint="To have it predicted all the same: --force",
        )
        self.reason = reason


class MetadataError(CxrError):
    """A metadata file that can't be read, or that lacks a required column or value."""


class FolderError(CxrError):
    """A folder that can't be read, or class folders that can't be understood as a dataset."""


class SplitError(CxrError):
    """Films that can't be split into train, val and test with both classes in each."""


class WorkspaceError(CxrError):
    """Something in the workspace that is missing, damaged or in use."""


class InUseError(WorkspaceError):
    """Something in the workspace that another command is writing or reading.

    Args:
        message: see `CxrError`.
        holder: who uses it, in words.
        hint: see `CxrError`.
    """

    def __init__(self, message: str, *, holder: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.holder = holder


class NoRunError(WorkspaceError):
    """No trained run where one is needed."""


class WeightsError(CxrError):
    """Backbone weights that can't be obtained or don't fit the architecture."""


class ClusterError(CxrError):
    """A cluster that can't be reached or used."""


class PacsError(CxrError):
    """A DICOMweb server, or an address to listen on, that can't be reached or used."""


class ExportError(CxrError):
    """An exported model whose output differs from the Keras model's."""
