"""A film in; its prediction, as the page shows it, out. Nothing of a film is kept afterwards."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cxr_cli.dataset.seen import SeenIndex
from cxr_cli.errors import AbstentionError, ImageError
from cxr_cli.films.overlay import draw_heat, on_whole_film
from cxr_cli.films.reader import read_film
from cxr_cli.prediction.files import how_seen, open_seen_by, seen_sentence
from cxr_cli.prediction.predictor import Prediction, Predictor, open_predictor
from cxr_cli.recipe.sets import PredictionSets, open_sets
from cxr_cli.workspace.layout import Workspace

_OPEN_AT_MOST = 2  # predictors in memory; the one used least recently goes first
_SHOWN_SIDE = 1024  # pixels: more than a page has room for
_HEAT_SIDE = 128  # pixels: the maps have 5 to 20 a side and are smooth, and a browser enlarges them smoothly


@dataclass(frozen=True)
class ShownPrediction:
    """A prediction, and the two pictures that are shown with it."""

    prediction: Prediction
    run: str
    caption: str  # what the heat map shows
    size: tuple[int, int]  # (width, height) of the film as it came
    film: Image.Image  # gray, at most 1024 pixels a side
    heat: Image.Image  # RGBA, the evidence for the predicted class, to lay over the film
    seen: str = ""  # a sentence if the run was trained or validated on the film
    sets: Sequence[str] = ()  # the film's prediction set, and what it promises, in sentences


@dataclass(frozen=True)
class _Opened:
    """A run in memory."""

    made: int  # when its record was written
    predictor: Predictor
    seen: SeenIndex | None
    sets: PredictionSets | None


@dataclass(frozen=True)
class ShownAbstention:
    """A picture that gets no class, and why."""

    run: str
    reason: str
    size: tuple[int, int]  # (width, height) of the picture as it came
    film: Image.Image  # gray, at most 1024 pixels a side


class RunPredictors:
    """Predicts with any run of a workspace. A run is opened once, and again when it is trained again.

    Args:
        workspace: where the runs are. They are looked up at each call, so that new ones are available at once.
        alpha: show each film's prediction set too; see `open_sets`. Defaults to none.
    """

    def __init__(self, workspace: Workspace, *, alpha: float | None = None) -> None:
        self.workspace = workspace
        self.alpha = alpha
        self._opened: OrderedDict[Path, _Opened] = OrderedDict()

    def prepare(self, run: str | None = None) -> None:
        """Open the run called `run`, or the latest, before the first film comes.

        Raises:
            NoRunError: there is none.
            WorkspaceError: a file of the run is missing or damaged.
        """
        self._open(run)

    def predict(self, path: Path, *, name: str, run: str | None = None) -> ShownPrediction | ShownAbstention:
        """Read a film and predict it.

        Args:
            path: where it is.
            name: its name, for messages.
            run: the run's name. Defaults to the latest.

        Raises:
            ImageError: it can't be read. The message has `name` in place of `path`, which means nothing to users.
            WorkspaceError: no such run, or it can't be read.
        """
        opened = self._open(run)
        predictor = opened.predictor
        try:
            film = read_film(path)
            picture, size = Image.fromarray(film), (film.shape[1], film.shape[0])
            picture.thumbnail((_SHOWN_SIDE, _SHOWN_SIDE))
            prediction = predictor.predict_file(path, film=film)
            seen_as = how_seen(opened.seen, path, prediction)
        except AbstentionError as error:
            return ShownAbstention(predictor.run.name, error.reason, size, picture)
        except ImageError as error:
            raise ImageError(error.message.replace(str(path), name), hint=error.hint) from error
        return ShownPrediction(
            prediction=prediction,
            run=predictor.run.name_and_version,
            caption=predictor.caption(prediction, prediction.label),
            size=size,
            film=picture,
            heat=draw_heat(on_whole_film(prediction.cams[prediction.label], prediction.box), size=_heat_size(film)),
            seen=seen_sentence(predictor.run.name_and_version, seen_as) if seen_as else "",
            sets=_describe(opened.sets, prediction),
        )

    def _open(self, run: str | None) -> _Opened:
        folder = self.workspace.run(run)
        made = folder.record.stat().st_mtime_ns
        opened = self._opened.pop(folder.root, None)
        if not opened or opened.made != made:
            predictor = open_predictor(folder)
            sets = None if self.alpha is None else open_sets(folder, self.alpha)
            opened = _Opened(made, predictor, open_seen_by(predictor, self.workspace.dataset), sets)
        self._opened[folder.root] = opened
        while len(self._opened) > _OPEN_AT_MOST:
            self._opened.popitem(last=False)
        return opened


def _describe(sets: PredictionSets | None, prediction: Prediction) -> Sequence[str]:
    return [f"{sets.name}: {sets.in_words(sets.of(prediction.raw))}", *sets.notes] if sets else ()


def _heat_size(film: np.ndarray) -> tuple[int, int]:
    height, width = film.shape
    scale = _HEAT_SIDE / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))
