"""Pictures of a prepared dataset: how many films of which class are where, and what they look like."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cxr_cli.dataset.manifest import Film
from cxr_cli.imaging.figures import save_figure
from cxr_cli.imaging.reader import read_film

# Blue and orange of Okabe & Ito 2008: apart for color-blind readers and in gray print.
CLASS_COLORS = ("#0072B2", "#E69F00")
_SAMPLES = 6


def draw_distribution(path: Path, films: Mapping[str, Mapping[str, int]]) -> None:
    """Draw the films of each class in each part as bars, with their counts.

    Args:
        path: the PNG to write.
        films: part -> label -> films, the negative label first.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    labels = list(next(iter(films.values())))
    for index, label in enumerate(labels):
        places = np.arange(len(films)) + (index - 0.5) * 0.38
        counts = [part[label] for part in films.values()]
        axes.bar_label(axes.bar(places, counts, width=0.36, label=label, color=CLASS_COLORS[index]), padding=2)
    axes.set_xticks(np.arange(len(films)), list(films))
    axes.set_ylabel("films")
    axes.set_title("Films of each class in each part of the split")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    save_figure(figure, path)


def draw_samples(path: Path, root: Path, films: Sequence[Film], labels: Sequence[str], *, seed: int) -> None:
    """Draw a row of films for each class, from all parts, with their findings and views.

    Args:
        path: the PNG to write.
        root: the folder that the films' paths start from.
        films: all films of the dataset.
        labels: the classes, a row each.
        seed: draws the films.
    """
    from matplotlib.figure import Figure

    random = np.random.default_rng(seed)
    figure = Figure(figsize=(2.1 * _SAMPLES, 5.2), layout="constrained")
    grid = figure.subplots(len(labels), _SAMPLES, squeeze=False)
    for axis in grid.flat:
        axis.set_axis_off()
    for row, label in zip(grid, labels, strict=True):
        members = [film for film in films if film.label == label]
        chosen = random.choice(len(members), size=min(_SAMPLES, len(members)), replace=False)
        for axis, film in zip(row, (members[i] for i in chosen), strict=False):
            axis.imshow(read_film(root / film.path), cmap="gray", vmin=0, vmax=255)
            finding = film.finding if len(film.finding) < 26 else film.finding[:24] + "…"
            place = " · ".join(text for text in (film.view, film.split) if text)
            # A class folder's name is label and finding in one. A dollar sign is no formula.
            title = "\n".join(dict.fromkeys((label, finding, place)))
            axis.set_title(title, fontsize=8, parse_math=False)
    save_figure(figure, path)
