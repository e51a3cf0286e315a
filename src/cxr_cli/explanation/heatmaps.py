"""The heat map of a prediction, by any method, and the picture of it."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.errors import UsageError, WorkspaceError
from cxr_cli.explanation.methods import DEFAULT, MAP_METHODS, draw_map
from cxr_cli.films.figures import encode_picture
from cxr_cli.films.overlay import draw_heat_map, lay_heat, on_whole_film
from cxr_cli.prediction.predictor import Prediction, Predictor
from cxr_cli.workspace.files import write_bytes, write_free

PICTURE_FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
ARRAY_SUFFIX = ".npy"


@dataclass(frozen=True)
class HeatMap:
    """The heat map of one film. ``np.asarray(heat)`` gives its values."""

    cam: np.ndarray  # (h, w) float32, not normalized, over the whole film; values above 0 are drawn
    part: np.ndarray  # (h, w) float32, the same over what the model was shown: the whole film, or its crop
    film: np.ndarray  # (H, W) uint8, the film it is drawn over
    prediction: Prediction
    run: str  # name of the run that predicted the film
    explained: str  # the model that the map explains: the run, or a part of it
    method: str  # a name of `MAP_METHODS`
    target: str  # the class whose evidence is shown; empty for a method without classes
    caption: str  # what the map shows, in a sentence

    @property
    def blank(self) -> bool:
        """Whether no value is above 0, so that nothing is drawn."""
        return bool(self.cam.max() <= 0)

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        """Give the values to NumPy: (h, w) float32, not normalized."""
        return np.array(self.cam, dtype=dtype, copy=True) if copy else np.asarray(self.cam, dtype=dtype)

    def picture(
        self, *, alpha: float = 0.5, truth: str = "", outline: np.ndarray | None = None, beside: bool = True
    ) -> Image.Image:
        """Draw the map over the film, with the bare film beside it, a title, a color bar and the caption.

        Args:
            alpha: opacity of the heat, in [0, 1]. Defaults to 0.5.
            truth: the true class, for the title. Defaults to none.
            outline: (H, W) bool mask whose outline is drawn. Defaults to none.
            beside: whether the bare film is at the left. Defaults to True.
        """
        title = self.prediction.answer.short + (f", truth {truth}" if truth else "")
        return draw_heat_map(
            self.film,
            self.cam,
            alpha=alpha,
            title=title,
            caption=" ".join(filter(None, (self.caption, self.prediction.part, DISCLAIMER))),
            outline=outline,
            box=self.prediction.box,
            beside=beside,
        )

    def overlay(self, *, alpha: float = 0.5, outline: np.ndarray | None = None) -> Image.Image:
        """Draw the map over the film, pixel by pixel of the film, and nothing around it; see `picture`."""
        film = Image.fromarray(self.film)
        return lay_heat(film, self.cam, alpha=alpha, outline=outline, box=self.prediction.box)

    def save(self, path: str | Path, *, alpha: float = 0.5, overlay_only: bool = False, replace: bool = True) -> Path:
        """Write the map to a file.

        Args:
            path: a picture with the map over the film, or the values alone if the suffix is .npy.
            alpha: opacity of the heat in a picture, in [0, 1]. Defaults to 0.5.
            overlay_only: the map over the film alone, see `overlay`. Defaults to False: see `picture`.
            replace: overwrite another file that is there; otherwise take the next free name, such as heat-2.png.
                Defaults to True.

        Returns:
            The path of the file.

        Raises:
            UsageError: the suffix is unknown.
            WorkspaceError: the file can't be written.
        """
        path = Path(path)
        check_suffix(path, [*PICTURE_FORMATS, ARRAY_SUFFIX])
        if path.suffix.lower() == ARRAY_SUFFIX:
            values = io.BytesIO()
            np.save(values, self.cam)
            data = values.getvalue()
        else:
            drawn = self.overlay(alpha=alpha) if overlay_only else self.picture(alpha=alpha)
            data = encode_picture(drawn, kind=PICTURE_FORMATS[path.suffix.lower()])
        if not replace:
            return write_free(path, data)
        write_bytes(path, data)
        return path


def check_suffix(path: Path, suffixes: list[str]) -> None:
    """Refuse a file name with another suffix.

    Raises:
        UsageError: the suffix is not one of `suffixes`.
    """
    if path.suffix.lower() not in suffixes:
        raise UsageError(
            f"Expected an output file ending in {', '.join(suffixes)}. Received: {path}.",
            hint=f"For example: --output heat{suffixes[0]}",
        )


def find_method(name: str) -> str:
    """Find a heat-map method by its name; case and hyphens don't matter, so that "Grad-CAM" is found too.

    Raises:
        UsageError: there is no such method.
    """
    wanted = name.lower().replace("-", "")
    if wanted not in MAP_METHODS:
        raise UsageError(
            f"Expected a method: {', '.join(MAP_METHODS)}. Received: {name!r}.", hint=f"For example: --method {DEFAULT}"
        )
    return wanted


def check_target(predictor: Predictor, method: str, target: str | None) -> None:
    """Refuse a class that there is no map of.

    Raises:
        UsageError: `target` is not a class of the run, or the method has no classes.
    """
    negative, positive = predictor.classes
    if target not in {None, negative, positive}:
        raise UsageError(
            f"Expected the target {negative} or {positive}. Received: {target!r}.",
            hint=f"For example: --target {positive}",
        )
    if target and not MAP_METHODS[method].of_class:
        raise UsageError(
            f"Expected no target with {method}, whose map is the same for every class. Received: {target!r}.",
            hint=f"Leave out --target, or use another method: --method {DEFAULT}",
        )


def heat_map(
    predictor: Predictor,
    prediction: Prediction,
    film: np.ndarray,
    *,
    method: str = DEFAULT,
    target: str | None = None,
) -> HeatMap:
    """Make the heat map of a prediction.

    Args:
        predictor: the run that made the prediction.
        prediction: for one film.
        film: (H, W) uint8, the pixels to draw the map over.
        method: a name of `MAP_METHODS`. Defaults to Grad-CAM.
        target: the class whose evidence is shown. Defaults to the predicted class.

    Raises:
        UsageError: see `check_target`.
        WorkspaceError: the run was exported by a version that had no method but Grad-CAM.
    """
    check_target(predictor, method, target)
    label = target or prediction.label
    row = MAP_METHODS[method]
    if method == DEFAULT:
        cam = prediction.cams[label]
    elif prediction.evidence is None:
        raise WorkspaceError(
            f"Expected a model with the outputs that {row.title} needs. Received: {predictor.run.litert_model}, from "
            "an earlier version of cxr, which has those of Grad-CAM only.",
            hint=_renewal(predictor),
        )
    else:
        # With one logit for two classes, the gradients of the negative class are the negated ones of the positive.
        sign = 1 if label == predictor.classes.positive else -1
        cam = draw_map(method, prediction.evidence.activations, sign * prediction.evidence.gradients)
    return HeatMap(
        cam=on_whole_film(cam, prediction.box),
        part=cam,
        film=film,
        prediction=prediction,
        run=predictor.run.name_and_version,
        explained=predictor.explained,
        method=method,
        target=label if row.of_class else "",
        caption=_caption(predictor, cam, label, method),
    )


def _caption(predictor: Predictor, cam: np.ndarray, label: str, method: str) -> str:
    row = MAP_METHODS[method]
    if not row.of_class:
        return f"{row.title} of {predictor.explained}: its strongest pattern, for no class; the lighter, the stronger."
    return predictor.caption_of(row.title, label, blank=bool(cam.max() <= 0))


def _renewal(predictor: Predictor) -> str:
    run = predictor.run
    if predictor.record.boosting:  # the export of such a run has two files
        return f"Train it again: cxr train --arch {predictor.record.arch} --name {run.name}"
    return (
        f"Export it again: cxr export {run.name} --format litert -o {run.litert_model} --replace "
        f"-w {run.root.parents[1]}"
    )
