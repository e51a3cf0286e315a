"""The films of a model's audit: each is read, its lungs are found, and the model is asked about every view of it."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from PIL import Image

from cxr_cli.auditing.model_views import VIEWS, View
from cxr_cli.explanation.gallery_films import GalleryFilm, GalleryFilms
from cxr_cli.explanation.grading import LungGrade, grade_lungs
from cxr_cli.films.reader import read_film
from cxr_cli.films.transforms import resize
from cxr_cli.lungs.framing import Framing, can_frame, frame_by
from cxr_cli.lungs.keep import segment_lungs
from cxr_cli.lungs.segment import find_reference, read_reference
from cxr_cli.prediction.predictor import Predictor
from cxr_cli.prediction.side_by_side import SideBySide
from cxr_cli.progress import track
from cxr_cli.threads import CORES, in_threads

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
class FilmToAudit:
    """A film whose lungs are known, at most 1024 pixels a side."""

    pixels: np.ndarray  # (H, W) uint8, the whole film
    lungs: np.ndarray  # (H, W) bool
    frame: np.ndarray | None  # (H, W) bool, by which the run crops or masks this film; None if it is shown all of it


@dataclass(frozen=True)
class _Viewed:
    """A film, ready for the model."""

    shown: np.ndarray  # (V, S, S) uint8
    lungs: np.ndarray  # (S, S) bool, where they are in the film as it is


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
    predictors = SideBySide(predictor.run)

    def ask(film: GalleryFilm) -> AskedFilm | None:
        with predictors.borrow() as one:
            viewed = _view(one, film, masks)
            if viewed is None:
                return None
            raw, cams = one.answers(viewed.shown)
            return AskedFilm(film, raw, grade_lungs(cams[0], viewed.lungs))

    answers = in_threads(ask, films.films, threads=CORES)
    answers = track(answers, "Showing films to the model in different ways", total=len(films.films))
    asked = [one for one in answers if one]
    return asked, len(films.films) - len(asked)


def _view(predictor: Predictor, film: GalleryFilm, masks: LungMasks) -> _Viewed | None:
    read = read_for_audit(predictor, film, masks)
    if read is None:
        return None
    framing = predictor.record.framing
    plain = framing and msgspec.structs.replace(framing, equalize=False)  # a mask has no gray levels to spread
    lungs = _shown(predictor, read.lungs.astype(np.uint8) * 255, read.frame, plain) > 127
    return _Viewed(show_views(predictor, read), lungs) if lungs.any() else None


def read_for_audit(predictor: Predictor, film: GalleryFilm, masks: LungMasks) -> FilmToAudit | None:
    """Read a film and find its lungs; None where they are not found for certain.

    Args:
        predictor: the run.
        film: the film.
        masks: where its lungs are known from.

    Raises:
        ImageError: the film or its mask can't be read.
    """
    pixels, framing = read_film(film.film), predictor.record.framing
    lungs: np.ndarray | None
    found = None if masks.folder else segment_lungs(pixels, masks.method)
    if found:
        lungs = found.mask if found.ok else None
    else:
        reference = find_reference(masks.folder, film.original) if masks.folder else None
        lungs = read_reference(reference, film.film, pixels.shape) if reference else None
    if lungs is None or not lungs.any():
        return None
    frame = None
    if framing:
        own = found if found and framing.method == masks.method else segment_lungs(pixels, framing.method)
        frame = own.mask if can_frame(own, framing) else None
    return FilmToAudit(_small(pixels), _small(lungs), None if frame is None else _small(frame))


def _small(values: np.ndarray) -> np.ndarray:
    """Reduce a film or a mask that is larger than the audit needs."""
    share = _SIDE / max(values.shape)
    if share >= 1:
        return values
    how = Image.Resampling.NEAREST if values.dtype == bool else Image.Resampling.BOX
    size = (round(values.shape[1] * share), round(values.shape[0] * share))
    return np.asarray(Image.fromarray(values).resize(size, how))


def show_views(predictor: Predictor, film: FilmToAudit) -> np.ndarray:
    """Make every view of a film, as the model is shown it.

    The run's own crop or mask follows the lungs of the film as it is: blacking out lungs must not hide them from it.

    Args:
        predictor: the run.
        film: the film.

    Returns:
        (V, S, S) uint8, in the order of `VIEWS`.
    """
    return np.stack([_show(predictor, view, film) for view in VIEWS.values()])


def _show(predictor: Predictor, view: View, film: FilmToAudit) -> np.ndarray:
    frame = film.frame
    if view.moves and frame is not None:
        frame = view.change(frame, film.lungs)
    return _shown(predictor, view.change(film.pixels, film.lungs), frame, predictor.record.framing)


def _shown(predictor: Predictor, pixels: np.ndarray, frame: np.ndarray | None, framing: Framing | None) -> np.ndarray:
    """Frame and resize: (H, W) uint8 -> (S, S) uint8."""
    if framing:
        pixels, _ = frame_by(pixels, frame, framing)
    return resize(np.ascontiguousarray(pixels), predictor.input_size)
