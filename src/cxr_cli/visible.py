"""Names from files, as a person may see them: what would steer a terminal or turn the reading direction is spelled."""

import re

# The control characters C0 (but for tab and line feed), DEL and C1; line and paragraph separators; and what Unicode
# has for the direction of text: marks, embeddings, overrides and isolates.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def visible(text: str) -> str:
    r"""Spell control characters and marks of direction as Python does: the character ESC becomes ``\x1b``."""
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def visible_line(text: str) -> str:
    r"""As `visible`, in one line: a line feed becomes ``\n``."""
    return visible(text).replace("\n", r"\n")


def visible_json(text: str) -> str:
    """As `visible`, for the text of a JSON document, which means the same afterwards."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
