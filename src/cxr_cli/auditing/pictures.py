"""The pictures of an audit's page."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from cxr_cli.auditing.areas import FilmArea
from cxr_cli.auditing.files import FileProperties
from cxr_cli.dataset.overview import CLASS_COLORS
from cxr_cli.films.reader import read_film

_SIDE = 320  # of a picture of all films together, in pixels
_THUMB = 240
_HEAT = (164, 22, 26)
_PALE = 0.45  # of the film that lies under the heat


def size_chart(files: Sequence[FileProperties], positives: np.ndarray, labels: Sequence[str]) -> bytes:
    """Widths and heights of films, by class, as SVG; the circles are pixels, so that it stays small.

    Args:
        files: of the films.
        positives: (N,) bool.
        labels: the negative one first.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    sizes = np.array([(file.width, file.height) for file in files])
    count = len(files)
    with rc_context({"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10, "svg.hashsalt": "cxr"}):
        figure = Figure(figsize=(5.6, 4.2), layout="constrained")
        axes = figure.add_subplot()
        for side, label, color in zip((False, True), labels, CLASS_COLORS, strict=True):
            (width, height), films = _unique(sizes[positives == side])
            area = 12 + 600 * films / count
            axes.scatter(width, height, s=area, alpha=0.5, lw=0, color=color, rasterized=True)
            axes.scatter([], [], s=30, lw=0, color=color, label=label)
        axes.set(xlabel="width, pixels", ylabel="height, pixels", aspect="equal")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, loc="lower right")
        data = io.BytesIO()
        figure.savefig(data, format="svg", dpi=200, metadata={"Date": None})
    text = data.getvalue()
    return text[text.index(b"<svg") :]


def _unique(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, 2) -> (2, M) the distinct sizes, and (M,) the number of films of each."""
    kinds, films = np.unique(sizes, axis=0, return_counts=True)
    return kinds.T, films


def mean_film(small: np.ndarray) -> Image.Image:
    """The mean of films.

    Args:
        small: (N, 64, 64) uint8.
    """
    mean = Image.fromarray(np.rint(small.mean(axis=0)).astype(np.uint8))
    return mean.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)


def heat_on(film: Image.Image, place: FilmArea, importances: np.ndarray) -> Image.Image:
    """What a probe used, drawn over a pale film: the redder, the more it was used. It saw only the colored part."""
    shown = place.map(importances)
    strength = np.kron(shown / max(shown.max(), 1e-12), np.ones((_SIDE // place.blocks,) * 2))[..., None]
    gray = 255 - (255 - np.asarray(film, dtype=np.float32)[..., None]) * _PALE
    mixed = gray * (1 - 0.9 * strength) + np.array(_HEAT, dtype=np.float32) * 0.9 * strength
    return Image.fromarray(np.rint(mixed).astype(np.uint8))


def thumbnail(path: Path) -> Image.Image:
    """A film, small."""
    film = Image.fromarray(read_film(path))
    film.thumbnail((_THUMB, _THUMB), Image.Resampling.BILINEAR)
    return film
