"""Text as HTML: commands that don't break, code between backticks, and the headings of a page."""

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from cxr_cli.errors import COMMANDS
from cxr_cli.visible import visible

if TYPE_CHECKING:
    from markupsafe import Markup

# A command as a sentence has it: its options and their values, words in capitals, and a name that ends a clause.
_NAME = r"[\w./@=+:-]*[\w/]"
_WORDS = rf"(?: --?[a-zA-Z][\w-]*(?: (?!or\b|and\b|cxr\b){_NAME})?| [A-Z][A-Z_]+\b| {_NAME}(?=[.;,)]|$))"
_COMMAND = re.compile(rf"\bcxr (?:{'|'.join(COMMANDS)})\b{_WORDS}*")
_LONGEST = 34  # characters of a word that stays in one line on a phone
_LONG_WORD = re.compile(rf"[\w./-]{{{_LONGEST + 1},}}")
_PIECE = re.compile(r".{1,16}")
_SHORT = 26  # characters of code that stays in one line
_HEADING = re.compile(r"<h2>(.*?)</h2>", re.DOTALL)
_QUOTED = re.compile("“([^“”]+)”")
_TAG_OR_TEXT = re.compile(r"<[^>]*>|[^<]+")
_TAG = re.compile(r"<[^>]*>")


class Sections(NamedTuple):
    """The content of a page, whose headings can be linked to."""

    html: "Markup"
    titles: "dict[str, Markup]"  # by anchor


def sections(content: "Markup") -> Sections:
    """Give each `<h2>` of a page's content an anchor, and list them."""
    from markupsafe import Markup

    titles: dict[str, Markup] = {}

    def anchored(found: re.Match[str]) -> str:
        title = Markup(_TAG.sub("", found[1]).strip())
        name = anchor_of(title.unescape())
        while name in titles:
            name += "-"
        titles[name] = title
        return f'<h2 id="{name}">{found[1]}</h2>'

    return Sections(Markup(_HEADING.sub(anchored, content)), titles)


def linked(content: "Markup", titles: "Mapping[str, Markup]") -> "Markup":
    """Make each section's title that stands between quotation marks in a page's text a link to the section."""
    from markupsafe import Markup

    anchors = {str(title): anchor for anchor, title in titles.items()}

    def link(found: re.Match[str]) -> str:
        anchor = anchors.get(found[1])
        return f'“<a href="#{anchor}">{found[1]}</a>”' if anchor else found[0]

    return Markup(
        "".join(part if part[:1] == "<" else _QUOTED.sub(link, part) for part in _TAG_OR_TEXT.findall(content))
    )


def anchor_of(title: str) -> str:
    """Name a section by its title: "Operating point" is ``operating-point``."""
    plain = unicodedata.normalize("NFKD", title).lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "section"


def code(text: str) -> "Markup":
    """Text with the parts between backticks as code, and everything else escaped."""
    from markupsafe import Markup

    parts = text.split("`")
    return Markup("").join(_code(part) if i % 2 else _text(visible(part)) for i, part in enumerate(parts))


def prose(text: object) -> "Markup":
    """Text with its commands as code; what is HTML already stays as it is."""
    from markupsafe import Markup

    if isinstance(text, Markup):
        return text
    shown, parts, end = visible(str(text)), [], 0
    for command in _COMMAND.finditer(shown):
        parts += [_text(shown[end : command.start()]), _code(command[0])]
        end = command.end()
    return Markup("").join([*parts, _text(shown[end:])])


def _text(text: str) -> "Markup":
    """Escaped text, in which a word that is too long for a phone, such as a hash, may break."""
    from markupsafe import Markup, escape

    return Markup(_LONG_WORD.sub(lambda found: "<wbr>".join(_PIECE.findall(found[0])), str(escape(text))))


def _code(text: str) -> "Markup":
    """Code in which lines break between words only, never at a hyphen; short code doesn't break at all."""
    from markupsafe import Markup

    shown = visible(text)
    words = [shown] if len(shown) <= _SHORT else shown.split(" ")
    pieces = (Markup("<span>{}</span>" if len(word) <= _LONGEST else "{}").format(word) for word in words)
    return Markup("<code>{}</code>").format(Markup(" ").join(pieces))
