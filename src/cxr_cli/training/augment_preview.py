"""A training film and augmented variants of it, as training sees them, in one picture."""

from pathlib import Path

import numpy as np

from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.films.figures import PAGE, save_png
from cxr_cli.films.reader import read_at
from cxr_cli.recipe.architectures import ARCHITECTURES
from cxr_cli.recipe.options import Augmentation, TrainingOptions
from cxr_cli.training.engine import tf
from cxr_cli.training.input_pipeline import augment
from cxr_cli.workspace.layout import Workspace

_VARIANTS = 12


def draw_augment_preview(workspace: Workspace, options: TrainingOptions, path: Path) -> Path:
    """Draw the dataset's first training film at the model's size, and twelve variants that training may see.

    Args:
        workspace: where the dataset is.
        options: training options; the architecture, image size, augmentation and seed count.
        path: the PNG to write.

    Returns:
        The film's path.

    Raises:
        WorkspaceError: there is no dataset, or `path` can't be written to.
        ImageError: the film can't be read.
    """
    dataset = workspace.prepared()
    film = next(film for film in read_manifest(dataset) if film.split == "train")
    source = dataset.root / film.path
    size = options.image_size or ARCHITECTURES[options.arch].input_size
    still = read_at(source, size)
    variants = preview_variants(still, options.augmentation, seed=options.seed)
    _draw(path, still, variants, title=f"{film.path}\n{size} × {size} pixels, {options.augmentation}")
    return source


def preview_variants(film: np.ndarray, augmentation: Augmentation, *, seed: int) -> np.ndarray:
    """Draw twelve variants of a film, with the function that training uses.

    Args:
        film: (S, S) uint8.
        augmentation: how far the film is moved.
        seed: random seed.

    Returns:
        (12, S, S) uint8.
    """
    films = tf.constant(np.repeat(film[None], _VARIANTS, axis=0))
    return np.asarray(augment(films, augmentation, seed=tf.constant([seed, 0], tf.int64)))[..., 0]


def _draw(path: Path, film: np.ndarray, variants: np.ndarray, *, title: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PAGE, 3.6), layout="constrained")
    panels = figure.subplot_mosaic("FFFabcd;FFFefgh;FFFijkl")
    panels["F"].set_title("the film as it is", fontsize=8)
    panels["F"].imshow(film, cmap="gray", vmin=0, vmax=255)
    for number, variant in enumerate(variants):
        axes = panels["abcdefghijkl"[number]]
        axes.set_title(f"variant {number + 1}", fontsize=7)
        axes.imshow(variant, cmap="gray", vmin=0, vmax=255)
    for axes in panels.values():
        axes.set_axis_off()
    # A dollar sign in a file name must not start a formula.
    figure.suptitle(title, fontsize=9, parse_math=False)
    save_png(figure, path, alt=f"A training film and {len(variants)} augmented variants of it: {title}")
