"""A document as data, from which its HTML, Markdown and JSON are written."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from PIL import Image

from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.doubts import Doubt, Weight
from cxr_cli.metrics.intervals import Interval
from cxr_cli.numbers import figure, spread
from cxr_cli.pages.markdown import markdown_table, markdown_text
from cxr_cli.pages.render import can_embed

_LISTED = 30  # films in Markdown


class Figure(msgspec.Struct, frozen=True):
    """A number with its 95% interval, rounded only where it is shown."""

    value: float | None
    interval: Interval | None = None
    digits: int = 3


Cell = Figure | str | int | None


class Text(msgspec.Struct, frozen=True, tag="text"):
    """A paragraph."""

    kind: ClassVar[str] = "text"
    text: str
    tone: str = ""  # "" or "note"; or "ok", "warning" or "alarm" for what a person should not overlook


class Figures(msgspec.Struct, frozen=True, tag="figures"):
    """A few figures in large type: the name, the figure, and a note beside it."""

    kind: ClassVar[str] = "figures"

    items: list[tuple[str, Figure | int, str]]


class TableBlock(msgspec.Struct, frozen=True, tag="table"):
    """Rows under a header; the first `left` columns hold words."""

    kind: ClassVar[str] = "table"

    header: list[str]
    rows: list[list[Cell]]
    left: int = 1
    caption: str = ""
    folded: str = ""  # what a long table has, in a few words: on a page, a click on them opens it


class FilmRow(msgspec.Struct, frozen=True):
    """A film with its prediction; in JSON without its pictures."""

    name: str
    patient: str
    truth: str
    called: str  # the class that was predicted
    probability: float
    correct: bool
    view: str
    thumbnail: Image.Image | None = None
    pair: Image.Image | None = None  # the film beside its heat map


class FilmTable(msgspec.Struct, frozen=True, tag="films"):
    """Films with their predictions; on a page they can be sorted and filtered, and open beside their heat maps."""

    kind: ClassVar[str] = "films"

    positive: str
    rows: list[FilmRow]

    @property
    def header(self) -> list[str]:
        """The titles of the columns."""
        return ["film", "patient", "truth", "called", f"P({self.positive})", "result", "view"]


class Pictures(msgspec.Struct, frozen=True, tag="pictures"):
    """Pictures with their captions; in JSON the captions alone."""

    kind: ClassVar[str] = "pictures"

    items: list[tuple[Path | Image.Image, str]]
    large: bool = False
    films: bool = False


def charts(*files: tuple[Path, str]) -> list[Pictures]:
    """Pictures of files with their captions, in one block; without those that are missing or damaged."""
    there = [(path, caption) for path, caption in files if can_embed(path)]
    return [Pictures(list(there), large=True)] if there else []


Block = Text | Figures | TableBlock | FilmTable | Pictures


class Section(msgspec.Struct, frozen=True):
    """A heading and what is below it."""

    title: str
    blocks: list[Block]
    holds: tuple[str, ...] = ()  # results that are in it, of `RESULTS`: a checklist points to it only for these


class Document(msgspec.Struct, frozen=True):
    """A whole document."""

    title: str
    lead: str
    origin: str  # when it was made, by what, from what
    sections: list[Section]
    doubts: list[Doubt] = []  # all that speaks against its subject, the loudest first
    evidence: dict[str, str] = {}  # the text of a doubt -> the title of the section that shows it

    @property
    def headline(self) -> Doubt | None:
        """The loudest doubt, if it is an alarm: it stands above everything else, and not among the caveats again."""
        return headline(self.doubts)


def headline(doubts: Sequence[Doubt]) -> Doubt | None:
    """The first of the doubts, if it is an alarm."""
    return doubts[0] if doubts and doubts[0].weight is Weight.ALARM else None


def to_builtins(document: object) -> Any:
    """A document, or a part of one, for programs, with unrounded numbers."""

    def plain(value: Any) -> Any:
        return None  # of a picture there is only its caption

    return msgspec.to_builtins(document, enc_hook=plain)


def to_markdown(document: Document) -> str:
    """The document as Markdown; of pictures only the captions."""
    lines = [f"# {markdown_text(document.title)}"]
    if document.headline:
        lines.append(f"**{markdown_text(str(document.headline))}**")
    lines += [markdown_text(document.lead), f"**{DISCLAIMER}**"]
    for section in document.sections:
        lines.append(f"## {markdown_text(section.title)}")
        for block in section.blocks:
            lines.extend(_markdown(block))
    return "\n\n".join([*lines, markdown_text(document.origin)]) + "\n"


def shown(cell: Cell) -> str:
    """A cell as text."""
    if isinstance(cell, Figure):
        around = spread(cell.interval, cell.digits)
        return f"{figure(cell.value, cell.digits)} ({around})" if around else figure(cell.value, cell.digits)
    return "–" if cell is None else f"{cell:,}" if isinstance(cell, int) else cell


def _markdown(block: Block) -> Iterator[str]:
    if isinstance(block, Text):
        strong = "**" if block.tone == "alarm" else ""
        yield f"{strong}{markdown_text(block.text)}{strong}"
    elif isinstance(block, Figures):
        items = (f"{name}: {shown(value)}{f', {note}' if note else ''}" for name, value, note in block.items)
        yield "\n".join(f"- {markdown_text(item)}" for item in items)
    elif isinstance(block, TableBlock):
        if block.caption:
            yield markdown_text(block.caption)
        rows = [block.header, *([shown(cell) for cell in row] for row in block.rows)]
        yield markdown_table(rows, left=block.left)
    elif isinstance(block, FilmTable):
        films = [
            [
                *(film.name, film.patient, film.truth, film.called, figure(film.probability)),
                *("right" if film.correct else "wrong", film.view),
            ]
            for film in block.rows[:_LISTED]
        ]
        if films:
            yield markdown_table([block.header, *films], left=4)
    else:
        yield "\n".join(f"- {markdown_text(caption)}" for _, caption in block.items)
