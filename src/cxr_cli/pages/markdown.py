"""Text in Markdown documents: names from files stay text, whatever characters they have."""

import re
from collections.abc import Sequence

from cxr_cli.visible import visible

# What means something inside a line, and an underscore that isn't inside a word.
_INLINE = re.compile(r"[\\`*\[\]|~$]|(?<!\w)_|_(?!\w)")
_AT_START = re.compile(r"^(\s*)([#>+-]|=+|\d+[.)])(?=\s|$)")  # a heading, a quotation or a list
_ENTITIES = {"&": "&amp;", "<": "&lt;"}


def markdown_text(text: str) -> str:
    """Escape a text so that Markdown shows it as it is, in one line."""
    escaped = _INLINE.sub(lambda found: f"\\{found[0]}", visible(" ".join(text.splitlines())))
    for character, entity in _ENTITIES.items():
        escaped = escaped.replace(character, entity)
    return _AT_START.sub(lambda found: f"{found[1]}{found[2][:-1]}\\{found[2][-1]}", escaped)


def markdown_table(rows: Sequence[Sequence[str]], *, left: int) -> str:
    """A table of texts: the first row is the header, and the first `left` columns stand to the left."""
    header, *others = [[markdown_text(cell) for cell in row] for row in rows]
    rules = ["---"] * left + ["---:"] * (len(header) - left)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rules, *others))
