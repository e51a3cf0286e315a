"""A film in; its answer, as the page shows it, out. Nothing of a film is held after its answer."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cxr_cli.errors import ImageError
from cxr_cli.films.overlay import draw_heat
from cxr_cli.films.reader import read_film
from cxr_cli.prediction.predictor import Prediction, Predictor, open_predictor
from cxr_cli.workspace.layout import Workspace

_READ_AT_ONCE = 4  # a large film takes hundreds of megabytes while it is read
_OPEN_AT_MOST = 4  # predictors in memory; those asked for least recently go first
_SHOWN_SIDE = 1024  # pixels: more than a page has room for
_HEAT_SIDE = 128  # pixels: the maps have 5 to 20 a side and are smooth, and a browser enlarges them smoothly


@dataclass(frozen=True)
class ShownPrediction:
    """One answer, and its two pictures."""

    prediction: Prediction
    run: str
    caption: str  # what the heat map shows
    size: tuple[int, int]  # (width, height) of the film as it came
    film: Image.Image  # gray, at most 1024 pixels a side
    heat: Image.Image  # RGBA, the answer's evidence, to lay over the film


class RunPredictors:
    """Answers for any run of a workspace, from any thread; each run is opened once, and again when trained again.

    Args:
        workspace: where the runs are. They are looked up at each call, so that new ones are there at once.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._lock = threading.Lock()  # a LiteRT interpreter is not for several threads, and uses all cores itself
        self._reading = threading.BoundedSemaphore(_READ_AT_ONCE)
        self._opened: OrderedDict[Path, tuple[int, Predictor]] = OrderedDict()

    def prepare(self, run: str | None = None) -> None:
        """Open the run called `run`, or the latest, before the first film asks for it.

        Raises:
            NoRunError: there is none.
            WorkspaceError: a file of the run is missing or damaged.
        """
        with self._lock:
            self._open(run)

    def predict(self, path: Path, *, name: str, run: str | None = None) -> ShownPrediction:
        """Read a film and answer for it.

        Args:
            path: where it is.
            name: what a person calls it.
            run: the run's name. Defaults to the latest.

        Raises:
            ImageError: it can't be read; the message has `name` for `path`, which is nothing to a person.
            WorkspaceError: no such run, or it can't be read.
        """
        with self._reading:
            try:
                film = read_film(path)
            except ImageError as error:
                raise ImageError(error.message.replace(str(path), name), hint=error.hint) from error
            with self._lock:
                predictor = self._open(run)
                answer = predictor.predict_file(path, film=film)
            picture = Image.fromarray(film)
            picture.thumbnail((_SHOWN_SIDE, _SHOWN_SIDE))
        return ShownPrediction(
            prediction=answer,
            run=predictor.run.name,
            caption=predictor.caption(answer, answer.label),
            size=(film.shape[1], film.shape[0]),
            film=picture,
            heat=draw_heat(answer.cams[answer.label], size=_heat_size(film)),
        )

    def _open(self, run: str | None) -> Predictor:
        """Only with the lock."""
        folder = self.workspace.run(run)
        made = folder.record.stat().st_mtime_ns
        known = self._opened.pop(folder.root, None)
        predictor = known[1] if known and known[0] == made else open_predictor(folder)
        self._opened[folder.root] = (made, predictor)
        while len(self._opened) > _OPEN_AT_MOST:
            self._opened.popitem(last=False)
        return predictor


def _heat_size(film: np.ndarray) -> tuple[int, int]:
    height, width = film.shape
    scale = _HEAT_SIDE / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))
