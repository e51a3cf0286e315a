"""A film in; what the page shows of it, out. Nothing of a film is kept afterwards."""

import io
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cxr_cli.dataset.seen import SeenIndex
from cxr_cli.doubts import Doubt, warning
from cxr_cli.errors import AbstentionError, ImageError
from cxr_cli.films.overlay import heat_levels, on_whole_film
from cxr_cli.films.reader import read_film
from cxr_cli.films.transforms import WHOLE_FILM
from cxr_cli.prediction.files import how_seen, open_seen_by, seen_sentence
from cxr_cli.prediction.predictor import Prediction, Predictor, open_predictor
from cxr_cli.prediction.rows import PredictionRow, make_failed_row, make_row
from cxr_cli.recipe.sets import PredictionSets, open_sets
from cxr_cli.web.answers import FilmAnswer, Problem, ShownHeat, page_doubts
from cxr_cli.workspace.layout import Workspace

_OPEN_AT_MOST = 2  # predictors in memory; the one used least recently goes first
_THUMBNAIL_SIDE = 160  # pixels
_HEAT_SIDE = 128  # pixels: the maps have 5 to 20 a side and are smooth, and a browser enlarges them smoothly


@dataclass(frozen=True)
class _Opened:
    """A run in memory."""

    made: int  # when its record was written
    predictor: Predictor
    seen: SeenIndex | None
    sets: PredictionSets | None


class RunPredictors:
    """Predicts with any run of a workspace. A run is opened once, and again when it is trained again.

    Args:
        workspace: where the runs are. They are looked up at each call, so that new ones are available at once.
        alpha: give each film's prediction set too; see `open_sets`. Defaults to none.
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

    def predict(self, path: Path, *, name: str, run: str | None = None) -> FilmAnswer:
        """Read a film and predict it.

        Args:
            path: where it is.
            name: its name, for messages.
            run: the run's name. Defaults to the latest.

        Returns:
            The answer; of a film that can't be read, the error, with `name` in place of `path`.

        Raises:
            WorkspaceError: no such run, or it can't be read.
        """
        opened = self._open(run)
        predictor = opened.predictor
        doubts = page_doubts(self.workspace, predictor.run)  # looked up each time: tests and audits go on
        known: dict[str, Any] = {"run": predictor.run.name_and_version}

        def row_of(row: PredictionRow) -> dict[str, Any]:
            return row.as_json(predictor.negative) | {"doubts": doubts}

        try:
            film = read_film(path)
            known |= {"size": (film.shape[1], film.shape[0]), "thumbnail": _thumbnail(film)}
            prediction = predictor.predict_file(path, film=film)
        except AbstentionError as error:
            return FilmAnswer(row=row_of(make_failed_row(predictor, name, error)), **known)
        except ImageError as error:
            named = ImageError(error.message.replace(str(path), name), hint=error.hint)
            return FilmAnswer(row=row_of(make_failed_row(predictor, name, named)), error=Problem.of(named), **known)
        seen_as = how_seen(opened.seen, path, prediction)
        return FilmAnswer(
            row=row_of(make_row(predictor, name, prediction, seen=seen_as, sets=opened.sets)),
            confidence=prediction.answer.confidence,
            sentences=[
                *filter(None, [prediction.answer.decision, prediction.part]),
                *_describe(opened.sets, prediction),
            ],
            doubts=[*([_seen(predictor.run.name_and_version, seen_as)] if seen_as else []), *doubts],
            heat=_heat(predictor, prediction, film),
            **known,
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


def _seen(run: str, seen_as: str) -> Doubt:
    return warning(seen_sentence(run, seen_as).removeprefix("Note: "))


def _describe(sets: PredictionSets | None, prediction: Prediction) -> Sequence[str]:
    return [f"{sets.name}: {sets.in_words(sets.of(prediction.raw))}", *sets.notes] if sets else ()


def _heat(predictor: Predictor, prediction: Prediction, film: np.ndarray) -> ShownHeat:
    """Draw the evidence for the class that is predicted."""
    height, width = film.shape
    by = _HEAT_SIDE / max(height, width)
    size = max(1, round(width * by)), max(1, round(height * by))
    levels = heat_levels(on_whole_film(prediction.cams[prediction.label], prediction.box), size=size)
    return ShownHeat(
        *size,
        levels.tobytes(),
        caption=predictor.caption(prediction, prediction.label),
        frame=() if prediction.box == WHOLE_FILM else prediction.box,
    )


def _thumbnail(film: np.ndarray) -> bytes:
    picture, data = Image.fromarray(film), io.BytesIO()
    picture.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE))
    picture.save(data, format="JPEG", quality=80)
    return data.getvalue()
