"""The pictures of an audit's page."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from cxr_cli.auditing.areas import FilmArea
from cxr_cli.auditing.files import FileProperties
from cxr_cli.films.figures import COLUMN, OTHER, PAGE, POSITIVE, Chart, draw_chart, new_chart
from cxr_cli.films.reader import read_film

_SIDE = 320  # of a picture of all films together, in pixels
_THUMB = 240
_HEAT = (164, 22, 26)
_PALE = 0.45  # of the film that lies under the heat
_DIVERGING = ("#00395C", OTHER, "#FFFFFF", POSITIVE, "#7A4B00")  # as dark at both ends
_LEAST_RANGE = 5.0  # gray levels at the ends of the palette, so that it doesn't magnify noise


def size_chart(files: Sequence[FileProperties], positives: np.ndarray, labels: Sequence[str]) -> Chart:
    """Widths and heights of films, a panel for each class; the circles are pixels, so that it stays small.

    Args:
        files: of the films.
        positives: (N,) bool.
        labels: the negative one first.
    """
    sizes = np.array([(file.width, file.height) for file in files])
    kinds, places = np.unique(sizes, axis=0, return_inverse=True)
    counts = np.stack([np.bincount(places[positives == side], minlength=len(kinds)) for side in (False, True)])
    figure, panels = new_chart(PAGE, 3.4, columns=[1, 1], sharex=True, sharey=True)
    limits = (0, 1.08 * sizes.max())
    for axes, films, label, color in zip(panels, counts, labels, (OTHER, POSITIVE), strict=True):
        (width, height), there = kinds[films > 0].T, films[films > 0]
        area = 12 + 600 * there / len(files)
        axes.scatter(width, height, s=area, alpha=0.5, lw=0, color=color, rasterized=True)
        noun = "size" if len(there) == 1 else "sizes"
        axes.set_title(f"{label}: {films.sum():,} films, {len(there):,} {noun}", fontsize=9)
        axes.set(xlabel="width, pixels", aspect="equal", xlim=limits, ylim=limits)
    panels[0].set_ylabel("height, pixels")
    lone = int(counts[:, (counts > 0).sum(axis=0) == 1].sum())
    noun = "size" if len(kinds) == 1 else "sizes"
    return draw_chart(
        figure,
        alt=f"Image sizes by class: {lone:,} of {len(files):,} films have a size that only one class has; there are "
        f"{len(kinds):,} {noun}.",
    )


def difference_chart(small: np.ndarray, positives: np.ndarray, labels: Sequence[str]) -> Chart | None:
    """The mean film of the positive class less that of the other, with a color bar in gray levels.

    Args:
        small: (N, 64, 64) uint8.
        positives: (N,) bool.
        labels: the negative one first.

    Returns:
        None without films of both classes.
    """
    from matplotlib.colors import LinearSegmentedColormap

    if positives.all() or not positives.any():
        return None
    apart = small[positives].mean(axis=0) - small[~positives].mean(axis=0)
    most = max(float(np.abs(apart).max()), _LEAST_RANGE)
    palette = LinearSegmentedColormap.from_list("classes", _DIVERGING)
    negative, positive = labels
    figure, axes = new_chart(COLUMN, 3.6)
    drawn = axes.imshow(apart, cmap=palette, vmin=-most, vmax=most, interpolation="none")
    axes.set_axis_off()
    bar = figure.colorbar(drawn, ax=axes, shrink=0.9)
    bar.set_label(f"gray levels of 255\n{negative} films lighter ←  → {positive} films lighter")
    row, column = np.unravel_index(np.abs(apart).argmax(), apart.shape)
    where = (
        f"{('top', 'middle', 'bottom')[3 * row // len(apart)]} {('left', 'center', 'right')[3 * column // len(apart)]}"
    )
    lighter = positive if apart[row, column] > 0 else negative
    largest = f"{np.abs(apart).max():.0f} of 255 gray levels, at the {where}, where {lighter} films are lighter"
    return draw_chart(figure, alt=f"Difference of the mean films: at most {largest}.")


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
