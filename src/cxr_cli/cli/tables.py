"""Tables for people, as lines that are never wider than the terminal.

Where one would be, its names fold between words, the figures in brackets go below their figure, then the columns that
matter least are left out, and only at last words break. In a pipe or a file a table is as wide as it is.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

_GAP = 2  # spaces between columns
_COMFORTABLE = 24  # letters of a name, which fold only after figures do; only a longer word may break
_NARROWEST = 10  # of a column whose words break, where nothing else is left
_PART = re.compile(r"\([^)]*\)\S*|\S+(?: \*(?!\S))?")  # a mark stays beside its name
_FIGURE = re.compile(r"\([^)]*\)\S*|[^\s(]\S*(?: [^\s(]\S*)*")  # with its unit


class TableColumn(NamedTuple):
    """A column of a table.

    Args:
        title: its heading; a line feed breaks it.
        drop: 0 keeps the column on every terminal; of the others, the highest number is left out first, of equal ones
            the last.
        words: it has words or names, which are set to the left and may break anywhere. Defaults to the first column.
    """

    title: str = ""
    drop: int = 0
    words: bool = False


class Lines(NamedTuple):
    """A table."""

    header: list[str]
    body: list[str]
    left_out: list[str]  # titles of the columns that had no room


def lay_out(columns: Sequence[TableColumn], rows: Sequence[Sequence[str]], *, width: int | None) -> Lines:
    """Lay out a table.

    Args:
        columns: from the left.
        rows: the cells of each, as many as `columns`. A line feed in a cell breaks it.
        width: of the terminal; None for as much as it takes.
    """
    shown = list(range(len(columns)))
    if width is not None:
        droppable = sorted((i for i in shown if columns[i].drop), key=lambda i: (columns[i].drop, i))
        while droppable and sum(_least(columns, rows, i) + _GAP for i in shown) - _GAP > width:
            shown.remove(droppable.pop())
    widths = _widths(columns, rows, shown, width)
    titles = [columns[i].title for i in shown]
    header = _line(titles, widths, [_is_words(columns, i) for i in shown], bottom=True) if any(titles) else []
    body = [
        line for row in rows for line in _line([row[i] for i in shown], widths, [_is_words(columns, i) for i in shown])
    ]
    left_out = [" ".join(columns[i].title.split()) for i in range(len(columns)) if i not in shown]
    return Lines(header, body, left_out)


def _is_words(columns: Sequence[TableColumn], place: int) -> bool:
    return columns[place].words or place == 0


def _texts(columns: Sequence[TableColumn], rows: Sequence[Sequence[str]], place: int) -> list[str]:
    return [columns[place].title, *(row[place] for row in rows)]


def _natural(columns: Sequence[TableColumn], rows: Sequence[Sequence[str]], place: int) -> int:
    return max(_cells(line) for text in _texts(columns, rows, place) for line in text.split("\n"))


def _least(columns: Sequence[TableColumn], rows: Sequence[Sequence[str]], place: int) -> int:
    """A word isn't broken, nor a figure with its unit, but an interval may go below it."""
    words = _is_words(columns, place)
    parts = _parts(columns[place].title)
    parts += [part for row in rows for part in (_parts if words else _FIGURE.findall)(row[place])]
    longest = max(map(_cells, parts), default=0)
    return min(longest, _COMFORTABLE) if words else longest


def _parts(text: str) -> list[str]:
    """What stays in one line: an interval in brackets, or each word, with the mark behind it."""
    return _PART.findall(text)


def _width_of_words(columns: Sequence[TableColumn], rows: Sequence[Sequence[str]], place: int) -> int:
    """Where not even intervals below their figures have room, they break too."""
    return max(_cells(word) for text in _texts(columns, rows, place) for word in text.split() or [""])


def _widths(
    columns: Sequence[TableColumn], rows: Sequence[Sequence[str]], shown: Sequence[int], width: int | None
) -> list[int]:
    """As wide as the cells are; where that is too much, first long names fold, then figures, then short names."""
    natural = [_natural(columns, rows, i) for i in shown]
    if width is None:
        return natural
    least = [_least(columns, rows, i) for i in shown]
    words = [_is_words(columns, i) for i in shown]
    widths, room = natural.copy(), width - _GAP * (len(shown) - 1)

    def narrow(to: Sequence[int], *, names: bool) -> None:
        while sum(widths) > room:
            wider = [i for i in range(len(widths)) if words[i] == names and widths[i] > to[i]]
            if not wider:
                return
            widest = max(wider, key=lambda i: widths[i])
            # A figure whose interval goes below it needs no more than either; a name takes what there is.
            widths[widest] = widths[widest] - 1 if names else to[widest]

    narrow([max(_COMFORTABLE, at_least) for at_least in least], names=True)
    narrow(least, names=False)
    narrow(least, names=True)
    narrow([min(at_least, _NARROWEST) for at_least in least], names=True)
    narrow([_width_of_words(columns, rows, i) for i in shown], names=False)
    for i, is_words in enumerate(words):
        if is_words:
            widths[i] = min(natural[i], widths[i] + max(room - sum(widths), 0))
    return widths


def _line(cells: Sequence[str], widths: Sequence[int], words: Sequence[bool], *, bottom: bool = False) -> list[str]:
    folded = [_fold(cell, width) for cell, width in zip(cells, widths, strict=True)]
    height = max(map(len, folded))
    padded = [
        [""] * (height - len(lines)) + lines if bottom else lines + [""] * (height - len(lines)) for lines in folded
    ]
    return [
        (" " * _GAP)
        .join(_pad(lines[i], width, left=left) for lines, width, left in zip(padded, widths, words, strict=True))
        .rstrip()
        for i in range(height)
    ]


def _pad(text: str, width: int, *, left: bool) -> str:
    space = " " * (width - _cells(text))
    return text + space if left else space + text


def _fold(text: str, width: int) -> list[str]:
    """The lines of a cell: broken between its parts, and inside one that is too long for the column."""
    lines = []
    for given in text.split("\n"):
        if _cells(given) <= width:
            lines.append(given)
            continue
        line = ""
        for part in _parts(given):
            joined = f"{line} {part}" if line else part
            if _cells(joined) <= width:
                line = joined
                continue
            if line:
                lines.append(line)
            line = part
            while _cells(line) > width:
                end = _end(line, width)
                lines.append(line[:end])
                line = line[end:]
        lines.append(line)
    return lines


def _end(text: str, width: int) -> int:
    """How many letters fit; after a hyphen, slash or underscore if one is in the second half."""
    end = len(text)
    while _cells(text[:end]) > width:
        end -= 1
    end = max(end, 1)
    good = max(text.rfind(sign, end // 2, end) for sign in "-_/.")
    return good + 1 if good > 0 else end


def _cells(text: str) -> int:
    """The columns that a text takes on a terminal: some letters take two, and some none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
