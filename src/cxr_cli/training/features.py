"""The pooled features of a run's films, from the file that will predict; and the reference that is made of them."""

from pathlib import Path

import numpy as np

from cxr_cli.quiet import native_output_hidden
from cxr_cli.recipe.reference import fit_reference, save_reference
from cxr_cli.training.array_cache import Rows
from cxr_cli.training.export import answer_all
from cxr_cli.training.feeds import PartFilms
from cxr_cli.training.formats import FORMATS

_FILMS = 2000  # maximum number from each part, for the reference


def read_features(model: Path, films: Rows) -> np.ndarray:
    """Compute the pooled features of the exported network.

    From the file that will predict, not from Keras: the two differ in the last digits, and a tree jumps where a feature
    crosses its threshold.

    Args:
        model: `model.tflite`.
        films: (N, S, S) uint8.

    Returns:
        (N, C) float32.
    """
    with native_output_hidden():
        return answer_all(FORMATS["litert"].open(model), films)["features"]


def make_reference(
    path: Path, model: Path, parts: dict[str, PartFilms], *, known: dict[str, np.ndarray] | None = None
) -> None:
    """Write `reference.npz`, by which films unlike those of the run are recognized.

    Args:
        path: the file to write.
        model: `model.tflite`.
        parts: the films of "train" and "val".
        known: their features, (N, C) float32 each. Defaults to none: they are read from the file.
    """
    some = {name: slice(None, None, -(-len(part.films) // _FILMS)) for name, part in parts.items()}
    if known:
        features = {name: known[name][rows] for name, rows in some.items()}
    else:
        features = {name: read_features(model, parts[name].films[rows]) for name, rows in some.items()}
    save_reference(path, fit_reference(features["train"], features["val"]))
