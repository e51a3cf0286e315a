"""Pages from the templates beside this file: one HTML file each, with its style, its pictures and a small script.

A template extends `base.html` (blocks `title`, `lead`, `content`, `origin`) and takes its parts from `parts.html`. Each
`<h2>` of its content is listed in the contents. A page requests nothing and can be read without its script.
"""

import base64
import hashlib
import io
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.films.figures import OTHER, POSITIVE, Chart, read_chart
from cxr_cli.numbers import UNDEFINED, figure, percent, spread
from cxr_cli.pages.markup import code, linked, prose, sections
from cxr_cli.visible import visible
from cxr_cli.workspace.files import write_text

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = Path(__file__).parent
_KINDS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp", b"<svg": "svg+xml"}
_QUALITY = 85  # of a film as JPEG: a page of forty films stays below 2 MB


def write_page(path: Path, template: str, /, **context: object) -> None:
    """Write a page atomically, and create its folder if it is missing.

    Args:
        path: the HTML file.
        template: its name in this folder, "audit.html".
        context: the values that the template uses. A missing one is an error.

    Raises:
        WorkspaceError: the place can't be written to.
    """
    write_text(path, render_page(template, **context))


def render_page(template: str, /, **context: object) -> str:
    """A page's text; see `write_page`."""
    return _environment().get_template(template).render(**context)


def data_uri(picture: Path | bytes | Image.Image) -> str:
    """A picture as a self-contained data URI.

    Args:
        picture: a file or its bytes, PNG, JPEG, WebP or SVG; or a picture: gray and RGB become a JPEG, all else a PNG.

    Raises:
        ValueError: the bytes are of another kind.
    """
    if isinstance(picture, Image.Image):
        kind, data = ("JPEG" if picture.mode in {"L", "RGB"} else "PNG"), io.BytesIO()
        picture.save(data, format=kind, quality=_QUALITY)
        picture = data.getvalue()
    content = picture.read_bytes() if isinstance(picture, Path) else picture
    for head, kind in _KINDS.items():
        if content.startswith(head):
            return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    raise ValueError(f"expected a PNG, JPEG, WebP or SVG picture, received {content[:8]!r}")


def can_embed(path: Path) -> bool:
    """Whether `data_uri` takes the file; not where it is missing or damaged."""
    try:
        with path.open("rb") as stream:
            return stream.read(4).startswith(tuple(_KINDS))
    except OSError:
        return False


def chart_of(picture: object) -> Chart | None:
    """The chart of which a picture is the file, as SVG with its alternative text; None for any other picture."""
    return read_chart(picture) if isinstance(picture, Path) else picture if isinstance(picture, Chart) else None


def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: visible(value) if type(value) is str else value,  # not of what is escaped already
    )
    environment.filters.update(
        chart=chart_of,
        code=code,
        linked=linked,
        prose=prose,
        sections=sections,
        data_uri=data_uri,
        figure=figure,
        percent=percent,
        spread=spread,
        thousands="{:,}".format,
    )
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.globals.update(
        made_by=f"cxr {version('cxr-cli')}",
        undefined=UNDEFINED,
        disclaimer=DISCLAIMER,
        positive_color=POSITIVE,  # in bars and keys as in the charts beside them
        other_color=OTHER,
        script=Markup(script),
        script_hash=f"sha256-{digest}",  # no other script runs, even if a name from a file got into the page as one
    )
    return environment
