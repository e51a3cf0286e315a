"""What a terminal can show: its width, its colors, and where a line of words breaks.

Only a terminal has a width: in a pipe or a file each sentence stays in one line, so that scripts can search for it.
"""

import os
import re
import shutil
import textwrap
from typing import TextIO

_DEFAULT_WIDTH = 80
_DEFAULT_ROWS = 24
_IN_ASCII = str.maketrans("│┊├┤─●", "|:||-o")
WIDEST = 100  # letters in a line of words, which longer ones make hard to read; tables may be wider
# Colors are the terminal's own, and color no sentence: its yellow may be too pale to read on white.
_STYLES = {
    "alarm": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow", "bold": True},
    "strong": {"bold": True},
    "dim": {"dim": True},
}
# "Files      : " or "Warning: ": what follows stays to the right of it.
_LABEL = r"\s*[A-Z][\w-]*(?: [\w-]+ )?\s*: "
# Patterns, compiled by the first line that is too long: a short answer needs none of them.
# A command with its arguments, and an option with its value, which a person may copy.
_WORD = r"""(?:'[^']*'|"[^"]*"|(?!-)[\w./~:=-]*[\w/])"""
_OPTION = rf"--?[a-z][a-z-]*(?:[ =]{_WORD})?"
_COMMAND = rf"\bcxr [a-z]+(?: {_WORD}){{0,2}}(?: {_OPTION}| [A-Z]+\b)*|(?<![\w-]){_OPTION}"
_KEPT = "\0"  # stands for a space that no line ends at; no text that is shown has one


def width_of(stream: TextIO) -> int | None:
    """The columns of the terminal that a stream writes to; None where it is no terminal."""
    if not stream.isatty():
        return None
    try:
        asked = int(os.environ.get("COLUMNS", ""))
    except ValueError:
        asked = 0
    if asked > 0:
        return asked
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):  # a stream of this process, which only says that it is a terminal
        size = shutil.get_terminal_size()
    return size.columns or _DEFAULT_WIDTH


def has_colors(stream: TextIO) -> bool:
    """Whether to color what a stream shows: ``NO_COLOR``, ``FORCE_COLOR`` and ``TERM=dumb`` come before what it is."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return os.environ.get("TERM") != "dumb" and stream.isatty()


def styled(text: str, style: str, stream: TextIO) -> str:
    """Text in the style of its meaning (alarm, warning, strong, dim), where the stream shows colors."""
    if not style or not text or not has_colors(stream):
        return text
    from typer import style as with_codes

    return with_codes(text, **_STYLES[style])  # type: ignore[arg-type]


def wrapped(text: str, stream: TextIO) -> list[str]:
    """The lines of a text, for the terminal of a stream: broken between words, and all but the first indented.

    A command stays in one line if it fits into one; a word that is too long, as a path may be, is not broken.
    """
    width = width_of(stream)
    return [text] if width is None else wrap(text, min(width, WIDEST))


def wrap(text: str, width: int) -> list[str]:
    """As `wrapped`, for a width."""
    if len(text) <= width:
        return [text]
    label = re.match(_LABEL, text)
    indent = len(text) - len(text.lstrip())
    hang = min(indent + 2, width // 3)
    # A path that is too long is better off without the label's indent.
    if label and len(label[0]) <= width // 3 and max(map(len, text.split())) <= width - len(label[0]):
        hang = len(label[0])
    room = width - hang

    def keep(command: re.Match[str]) -> str:
        return command[0].replace(" ", _KEPT) if len(command[0]) <= room else command[0]

    lines = textwrap.wrap(
        re.sub(_COMMAND, keep, text),
        width,
        subsequent_indent=" " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_KEPT, " ") for line in lines]


def rows_of(stream: TextIO) -> int:
    """The rows of the terminal that a stream writes to; 24 where it is none, or doesn't say."""
    try:
        return os.get_terminal_size(stream.fileno()).lines or _DEFAULT_ROWS
    except (OSError, ValueError, AttributeError):
        return _DEFAULT_ROWS


def drawn(text: str, stream: TextIO) -> str:
    """Lines and dots, in ASCII where a stream has no others."""
    return text if shows(text, stream) else text.translate(_IN_ASCII)


def shows(text: str, stream: TextIO) -> bool:
    """Whether a stream shows the characters of a text; a dumb terminal shows only those of ASCII."""
    if os.environ.get("TERM") == "dumb" and stream.isatty():
        return text.isascii()
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def interval_bar(value: float, low: float, high: float, *, columns: int, chance: float | None = None) -> str:
    """A figure in [0, 1] and its interval on an axis of text, such as ``│         ├───●──┤ │``; see `drawn`.

    Args:
        value: the figure.
        low: the lower end of its interval.
        high: the upper end.
        columns: of the whole axis, both ends included.
        chance: where a figure would be by chance; marked where the interval leaves it free. Defaults to nowhere.
    """

    def place(share: float) -> int:
        return 1 + round(min(max(share, 0.0), 1.0) * (columns - 3))

    axis = ["│", *" " * (columns - 2), "│"]
    if chance is not None:
        axis[place(chance)] = "┊"
    first, last = place(low), place(high)
    axis[first : last + 1] = "─" * (last - first + 1)
    axis[first], axis[last] = "├", "┤"
    axis[place(value)] = "●"
    return "".join(axis)
