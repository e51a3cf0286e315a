"""How `cxr predict` and `cxr gradcam` print the answer for one film: words, and on a terminal an axis of P."""

import sys
from typing import TYPE_CHECKING

from cxr_cli.cli import console
from cxr_cli.cli.terminal import WIDEST, shows, width_of

if TYPE_CHECKING:
    from cxr_cli.prediction.answer import Answer

_LONGEST = 60  # characters of an axis; a longer one says no more
_SHORTEST = 12
# The part below the operating point, the operating point, the part from there on, P(positive).
_LINES = ("─", "┃", "━", "●")
_ASCII = ("-", "|", "=", "o")


def show_answer(answer: "Answer") -> None:
    """Print the class, its confidence where it is the more probable one, and what decided."""
    console.result(f"  Class      : {answer.label}")
    if answer.confidence:
        console.result(f"  Confidence : {answer.confidence}")
    if answer.decision:
        console.result(f"  Decided by : {answer.decision}")
    columns = width_of(sys.stdout)
    if columns is not None:
        label = f"  {f'P({answer.positive})':<10} : 0% "
        width = min(columns, WIDEST) - 1 - len(label) - len(" 100%")
        if width >= _SHORTEST:
            marks = _LINES if shows("".join(_LINES), sys.stdout) else _ASCII
            console.result(f"{label}{axis(answer, width=min(width, _LONGEST), marks=marks)} 100%")


def axis(answer: "Answer", *, width: int, marks: tuple[str, str, str, str]) -> str:
    """P(positive) and the operating point on a line from 0 to 1.

    Args:
        answer: the answer for a film.
        width: of the line, in characters; at least 3.
        marks: the line below the operating point, the operating point, the line from there on, P.
    """
    below, here, above, mark = marks
    # Room for P on either side of the operating point, and P always on its right side, also where both round the same.
    point = min(max(round(answer.threshold * (width - 1)), 1), width - 2)
    place = round(answer.probability * (width - 1))
    place = max(place, point + 1) if answer.called_positive else min(place, point - 1)
    line = [*below * point, here, *above * (width - point - 1)]
    line[place] = mark
    return "".join(line)
