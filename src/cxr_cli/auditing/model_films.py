"""The films of a model's audit: each is read, its lungs are found, and the model is asked about every view of it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cxr_cli.auditing.model_views import VIEWS, View
from cxr_cli.explanation.gallery_films import GalleryFilm, GalleryFilms
from cxr_cli.explanation.grading import LungGrade, grade_lungs
from cxr_cli.films.reader import read_film
from cxr_cli.films.transforms import resize
from cxr_cli.lungs.keep import segment_lungs
from cxr_cli.lungs.segment import find_reference, read_reference
from cxr_cli.prediction.predictor import Predictor
from cxr_cli.progress import track
from cxr_cli.threads import in_threads

_SIDE = 1024  # pixels: a larger film is reduced to it, which is still several times what a model is shown


@dataclass(frozen=True)
class LungMasks:
    """Where the lungs of the films are known from."""

    method: str  # a name of `SEGMENTATION_METHODS`
    folder: Path | None = None  # of masks, in place of the method

    @property
    def name(self) -> str:
        """The method, or the folder."""
        return str(self.folder) if self.folder else self.method


@dataclass(frozen=True)
class AskedFilm:
    """What the model gives for each view of a film."""

    film: GalleryFilm
    raw: np.ndarray  # (V,) float64, P(positive) before calibration, in the order of `VIEWS`
    heat: LungGrade  # of Grad-CAM's map of the positive class, on the film as it is


@dataclass(frozen=True)
class _Viewed:
    """A film, ready for the model."""

    film: GalleryFilm
    shown: np.ndarray  # (V, S, S) uint8
    lungs: np.ndarray | None  # (S, S) bool, as the model is shown them; None where the lungs were not found


def ask_about_films(predictor: Predictor, films: GalleryFilms, masks: LungMasks) -> tuple[list[AskedFilm], int]:
    """Ask a run about every view of each film.

    Args:
        predictor: the run.
        films: of a part of a prepared dataset.
        masks: where their lungs are known from.

    Returns:
        The films whose lungs are known; and the number of the others, which are left out.

    Raises:
        ImageError: a film or mask can't be read.
    """
    asked: list[AskedFilm] = []
    viewed = in_threads(lambda film: _view(predictor, film, whole_film(film, films), masks), films.films)
    for one in track(viewed, "Showing films to the model in different ways", total=len(films.films)):
        if one.lungs is None:
            continue
        raw, cams = predictor.answers(one.shown)
        asked.append(AskedFilm(one.film, raw, grade_lungs(cams[0], one.lungs)))
    return asked, len(films.films) - len(asked)


def _view(predictor: Predictor, film: GalleryFilm, path: Path, masks: LungMasks) -> _Viewed:
    pixels, lungs = read_with_lungs(film, path, masks)
    if lungs is None:
        return _Viewed(film, np.zeros(0, np.uint8), None)
    framed = resize(lungs.astype(np.uint8) * 255, predictor.input_size) > 127
    return _Viewed(film, show_views(predictor, pixels, lungs), framed if framed.any() else None)


def read_with_lungs(film: GalleryFilm, path: Path, masks: LungMasks) -> tuple[np.ndarray, np.ndarray | None]:
    """Read a film and its lung mask: (H, W) uint8 and (H, W) bool; None where the lungs are not found for certain."""
    pixels = read_film(path)
    mask: np.ndarray | None
    if masks.folder:
        reference = find_reference(masks.folder, film.original)
        mask = read_reference(reference, path, pixels.shape) if reference else None
    else:
        segmented = segment_lungs(pixels, masks.method)
        mask = segmented.mask if segmented.ok else None
    if mask is None or not mask.any():
        return pixels, None
    share = _SIDE / max(pixels.shape)
    if share < 1:
        size = (round(pixels.shape[1] * share), round(pixels.shape[0] * share))
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
        mask = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
    return pixels, mask


def show_views(predictor: Predictor, pixels: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    """Make every view of a film, as the model is shown it.

    The run's own crop or mask follows the lungs of the film as it is: blacking out lungs must not hide them from it.

    Args:
        predictor: the run.
        pixels: (H, W) uint8, the whole film.
        lungs: (H, W) bool.

    Returns:
        (V, S, S) uint8, in the order of `VIEWS`.
    """
    return np.stack([_show(predictor, view, pixels, lungs) for view in VIEWS.values()])


def _show(predictor: Predictor, view: View, pixels: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    changed = view.change(pixels, lungs)
    where = view.change(lungs, lungs) if view.moves else lungs
    if predictor.record.segment:
        changed = np.where(where, changed, np.uint8(0))
    return resize(np.ascontiguousarray(changed), predictor.input_size)


def whole_film(film: GalleryFilm, films: GalleryFilms) -> Path:
    """The file that shows the whole film, from which the dataset's own may have been cut out."""
    return film.original if films.segmented else film.film
