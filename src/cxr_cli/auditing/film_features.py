"""The features of films that the audit of a dataset asks for the class: of their parts, and of a frozen network."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr_cli.auditing.areas import BORDER, CORNERS, DETAIL, SIDE, WITHOUT_LUNGS, detail_of, small_film
from cxr_cli.auditing.model_views import VIEWS
from cxr_cli.films.reader import read_at
from cxr_cli.films.transforms import resize
from cxr_cli.lungs.keep import segment_lungs
from cxr_cli.lungs.methods import DEFAULT_METHOD
from cxr_cli.prediction.predictor import Predictor
from cxr_cli.prediction.side_by_side import SideBySide
from cxr_cli.threads import CORES, in_threads
from cxr_cli.workspace.layout import bundled_run, has_bundled_run

MOST_FILMS = 2000  # whose lungs are found and which the network sees: some 35 ms of processor time each
_SMALL = 64  # pixels a side of the films that are kept for the classes' mean films


@dataclass(frozen=True, slots=True)
class LungFeatures:
    """Of one film whose lungs were found."""

    without_lungs: np.ndarray  # (F,) float32, of the film with its lungs filled from their surroundings
    frozen: np.ndarray  # (1280,) float32, what the bundled model's backbone, which saw no class of a film, makes of it;
    # none where the package lacks that model
    frozen_without: np.ndarray  # likewise, of the film with its lungs filled


@dataclass(frozen=True, slots=True)
class FilmFeatures:
    """Of one film."""

    border: np.ndarray  # (F,) float32
    corners: np.ndarray
    detail: np.ndarray
    small: np.ndarray  # (64, 64) uint8, all of it
    lungs: LungFeatures | None = None  # None where the lungs were not found, or not looked for


def describe_films(paths: Sequence[Path], groups: Sequence[str], *, seed: int) -> Iterator[FilmFeatures]:
    """Read films and describe them, in their order.

    Args:
        paths: of the films.
        groups: the patient of each film. Of more than 2,000 films, the lungs are looked for in those of some patients.
        seed: of the choice of these patients.

    Raises:
        ImageError: a film can't be read.
        WorkspaceError: the model in the package is damaged.
    """
    chosen = _chosen(groups, seed)
    bundled = SideBySide(bundled_run()) if has_bundled_run() else None

    def describe(place: int) -> FilmFeatures:
        with bundled.borrow() if bundled else nullcontext() as predictor:
            return _describe(paths[place], predictor, find_lungs=chosen[place])

    return in_threads(describe, range(len(paths)), threads=CORES)


def _chosen(groups: Sequence[str], seed: int) -> np.ndarray:
    """Films of randomly drawn patients, at most 2,000 (or all of one patient): (N,) bool."""
    names, members, sizes = np.unique(np.array(groups), return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    drawn = order[np.cumsum(sizes[order]) <= MOST_FILMS]
    return np.isin(members, drawn if drawn.size else order[:1])


def _describe(path: Path, predictor: Predictor | None, *, find_lungs: bool) -> FilmFeatures:
    film = read_at(path, SIDE)
    gray = film.astype(np.float32) / 255
    detail = detail_of(gray)
    found = segment_lungs(film, DEFAULT_METHOD) if find_lungs else None
    return FilmFeatures(
        border=BORDER.features(gray, detail),
        corners=CORNERS.features(gray, detail),
        detail=DETAIL.features(detail, detail),
        small=small_film(gray, _SMALL),
        lungs=_describe_lungs(film, found.mask, predictor) if found and found.ok else None,
    )


def _describe_lungs(film: np.ndarray, mask: np.ndarray, predictor: Predictor | None) -> LungFeatures:
    filled = VIEWS["lungs_filled"].change(film, mask)
    frozen = frozen_without = np.zeros(0, np.float32)
    if predictor:
        size = predictor.input_size
        frozen, frozen_without = predictor.features(np.stack([resize(shown, size) for shown in (film, filled)]))
    gray = filled.astype(np.float32) / 255
    return LungFeatures(WITHOUT_LUNGS.features(gray, detail_of(gray)), frozen, frozen_without)
