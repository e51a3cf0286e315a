"""The heat map of an answer, by any method."""

from dataclasses import dataclass

import numpy as np

from cxr_cli.errors import CxrError, WorkspaceError
from cxr_cli.explanation.methods import DEFAULT, MAP_METHODS, draw_map
from cxr_cli.prediction.predictor import Prediction, Predictor


@dataclass(frozen=True)
class HeatMap:
    """What is drawn over a film."""

    cam: np.ndarray  # (h, w) float32, not normalised; what is above 0 is drawn
    target: str  # the class whose evidence it is; empty for a method that shows none
    caption: str  # what it shows, in a sentence

    @property
    def blank(self) -> bool:
        """Whether nothing is drawn."""
        return bool(self.cam.max() <= 0)


def check_target(predictor: Predictor, method: str, target: str | None) -> None:
    """Refuse a class that there is no map of.

    Raises:
        CxrError: `target` is no class of the run, or the method knows no classes.
    """
    if target not in {None, predictor.negative, predictor.positive}:
        raise CxrError(
            f"Expected --target {predictor.negative} or {predictor.positive}. Received: {target!r}.",
            hint=f"For example: --target {predictor.positive}",
        )
    if target and not MAP_METHODS[method].of_class:
        raise CxrError(
            f"Expected no --target with {method}, which is the same for every class. Received: {target!r}.",
            hint="Leave --target out, or name another method: --method gradcam",
        )


def heat_map(predictor: Predictor, answer: Prediction, *, method: str = DEFAULT, target: str | None = None) -> HeatMap:
    """The heat map of an answer.

    Args:
        predictor: whose answer it is.
        answer: for one film.
        method: a name of `MAP_METHODS`.
        target: the class whose evidence is shown. Defaults to the answer.

    Raises:
        CxrError: see `check_target`.
        WorkspaceError: the run was exported before there were other methods than Grad-CAM.
    """
    check_target(predictor, method, target)
    label = target or answer.label
    row = MAP_METHODS[method]
    if method == DEFAULT:
        cam = answer.cams[label]
    elif answer.evidence is None:
        raise WorkspaceError(
            f"Expected a model that {row.title} can be made from. Received: {predictor.run.litert_model}, of "
            "an earlier cxr, gives Grad-CAM alone.",
            hint=_renewal(predictor),
        )
    else:
        # With one logit for two classes, the gradients of the negative class are the negated ones of the positive.
        sign = 1 if label == predictor.positive else -1
        cam = draw_map(method, answer.evidence.activations, sign * answer.evidence.gradients)
    return HeatMap(cam=cam, target=label if row.of_class else "", caption=_caption(predictor, cam, label, method))


def _caption(predictor: Predictor, cam: np.ndarray, label: str, method: str) -> str:
    row = MAP_METHODS[method]
    if not row.of_class:
        return f"{row.title} of {predictor.explained}: what it sees most of, blue little, red most; of no class."
    return predictor.caption_of(row.title, label, blank=bool(cam.max() <= 0))


def _renewal(predictor: Predictor) -> str:
    run = predictor.run
    if predictor.record.boosting:  # whose export has two files
        return f"Train it again: cxr train --arch {predictor.record.arch} --name {run.name}"
    return f"Export it again: cxr export {run.name} --format litert -o {run.litert_model} -w {run.root.parents[1]}"
