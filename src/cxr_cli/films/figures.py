"""Pictures and charts as files, written atomically; the colors and the type of all charts.

A chart is an SVG, for pages and screens, and a PNG of 300 dots per inch beside it, for print. The SVG carries its
alternative text, one sentence that states what the chart shows, which `read_chart` gives to a page.
"""

import io
import re
import warnings
from collections.abc import Callable, Sequence
from html import escape, unescape
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image

from cxr_cli.workspace.files import write_bytes, write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe & Ito 2008: apart for color-blind readers. Charts and pages name a color by what it means.
POSITIVE, OTHER = "#E69F00", "#0072B2"  # the classes: orange and blue
CALIBRATED, RAW = "#000000", "#888888"  # probabilities
CURVE, CHANCE, GRID = "#000000", "#888888", "#DDDDDD"
SECOND = "#009E73"  # green: a second thing, beside one in black, that is none of these
PHASE = "#56B4E9"  # sky blue: a stretch of epochs
THRESHOLD = {"color": "#000000", "linestyle": (0, (4, 2)), "linewidth": 1.2}  # a dashed line at an operating point
BAND = 0.18  # opacity of a 95% band in the color of its curve

COLUMN, PAGE = 5.1, 7.1  # inches: 130 and 180 mm, one and a half columns of a journal, and the width of its page
_DPI = 300
_TITLE = 60  # characters in a line above a chart of one column and a half
_TYPE = 9  # points
# What pages are set in. matplotlib lays text out in its own font, which is wider than any of these.
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
_STYLE: Any = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": _TYPE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "cxr",
}


class Chart(NamedTuple):
    """A chart for a page."""

    svg: str  # one <svg> element, for a page or a file
    alt: str  # one sentence that states what it shows


def save_picture(picture: Image.Image, path: Path, *, kind: str = "PNG") -> None:
    """Write a picture to `path` in a format that Pillow writes; create the folder if it is missing.

    Raises:
        WorkspaceError: the file can't be written.
    """
    write_bytes(path, encode_picture(picture, kind=kind))


def encode_picture(picture: Image.Image, *, kind: str = "PNG") -> bytes:
    """Encode a picture in a format that Pillow writes."""
    data = io.BytesIO()
    # A PNG takes a sixth of the time of Pillow's default level, and is 8% larger. Other formats ignore the level.
    picture.save(data, format=kind, compress_level=1)
    return data.getvalue()


def new_chart(
    width: float, height: float, *, rows: Sequence[float] = (1,), columns: Sequence[float] = (1,), **panels: Any
) -> tuple["Figure", Any]:
    """Make an empty chart in the type that all charts have.

    Args:
        width: in inches: `COLUMN` or `PAGE`.
        height: in inches.
        rows: the relative heights of the rows of panels. Defaults to one.
        columns: the relative widths of the columns of panels. Defaults to one.
        **panels: what else `Figure.subplots` takes.

    Returns:
        The figure, and its axes: one, or an array of several.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        return figure, figure.subplots(len(rows), len(columns), height_ratios=rows, width_ratios=columns, **panels)


def set_chart_title(axes: Any, title: str) -> None:
    """Put a title above the axes of a chart, in lines that fit."""
    axes.set_title("\n".join(fill(line, _TITLE) for line in title.splitlines()), fontsize=_TYPE + 1)


def set_figure_title(figure: "Figure", title: str) -> None:
    """Put a title above a chart of several panels, in lines that fit."""
    line = round(_TITLE * figure.get_figwidth() / COLUMN)
    figure.suptitle("\n".join(fill(one, line) for one in title.splitlines()), fontsize=_TYPE + 1)


def add_legend(chart: Any, **place: Any) -> None:
    """Add a legend to axes or to a whole chart; `place` is what matplotlib's `legend` takes."""
    # On white, so that no line crosses a word.
    chart.legend(**{"edgecolor": "none", "framealpha": 0.85, "fontsize": _TYPE - 1, **place})


def save_figure(figure: "Figure", path: Path, *, alt: str) -> None:
    """Write a chart to `path` as PNG at 300 dots per inch, and as SVG beside it; create the folder if it is missing.

    Args:
        figure: the chart.
        path: the PNG to write; the SVG has the same name.
        alt: one sentence that states what the chart shows, for those who can't see it. Both files carry it.

    Raises:
        WorkspaceError: a file can't be written.
    """
    write_text(path.with_suffix(".svg"), draw_chart(figure, alt=alt).svg)
    figure.set_layout_engine("none")  # the layout stays: it takes as long as the drawing
    save_png(figure, path, alt=alt)


def save_png(figure: "Figure", path: Path, *, alt: str) -> None:
    """Write a figure of films to `path` as PNG alone; see `save_figure`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(_DPI)
    # `savefig` draws twice. Pillow's default level of compression takes twice as long as all the drawing.
    options = {"metadata": {"Description": alt}, "pil_kwargs": {"compress_level": 3}}
    write_bytes(path, _drawn(figure, FigureCanvasAgg(figure).print_png, **options))


def draw_chart(figure: "Figure", *, alt: str) -> Chart:
    """Draw a chart for a page; see `save_figure`. The same chart gives the same text, without a date."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    text = _drawn(figure, FigureCanvasSVG(figure).print_svg, metadata=metadata).decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    # A page has other elements, which a rule for all of them would change.
    text = re.sub(r'<style type="text/css">.*?</style>', "", text, flags=re.DOTALL)
    style = f"font-family: {_FONTS}; stroke-linejoin: round; stroke-linecap: butt"
    text = text.replace("<svg", f'<svg role="img" aria-label="{escape(alt)}" style="{style}"', 1)
    text = re.sub(r"font-family: 'DejaVu Sans'[^;\"]*; ", "", text)
    text = re.sub(r" (?:d|x|y)=\"[^\"]*\"", lambda match: re.sub(r"(\.\d\d)\d+", r"\1", match[0]), text)
    # Two charts of a page must not have a name twice. What is referred to is named by a hash of what it is.
    used = set(re.findall(r"#([\w.-]+)", text))
    text = re.sub(r' id="([\w.-]+)"', lambda match: match[0] if match[1] in used else "", text)
    return Chart(re.sub(r"\n\s*\n+", "\n", text), alt)


def read_chart(path: Path) -> Chart | None:
    """Read the SVG beside a chart of `save_figure`.

    Args:
        path: of the PNG or the SVG.

    Returns:
        None where it is missing or is none of these, as in a workspace of an earlier version.
    """
    try:
        svg = path.with_suffix(".svg").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    alt = re.match(r'<svg role="img" aria-label="([^"]*)"', svg)
    return Chart(svg, unescape(alt[1])) if alt else None


def _drawn(figure: "Figure", draw: Callable[..., None], **options: Any) -> bytes:
    from matplotlib import rc_context
    from matplotlib.text import Text

    # A name with two dollar signs isn't mathematics, and a character that the font lacks is an empty box.
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    data = io.BytesIO()
    with rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")
        draw(data, **options)
    return data.getvalue()
