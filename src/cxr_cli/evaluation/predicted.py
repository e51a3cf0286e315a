"""A run's predictions for films whose truth is known: as arrays to measure, and as rows of `predictions.csv`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from cxr_cli.dataset.manifest import Film
from cxr_cli.errors import CxrError, WorkspaceError
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.metrics.sample import Confusion, call_positive
from cxr_cli.prediction.predictor import Predictor
from cxr_cli.progress import track
from cxr_cli.recipe.predictions import FilmPrediction
from cxr_cli.workspace.folders import EvaluationFolder
from cxr_cli.workspace.tables import CsvTable


@dataclass(frozen=True, kw_only=True)
class EvaluatedFilm(FilmPrediction):
    """A row of `predictions.csv`."""

    threshold: float  # of the calibrated probability, at or above which a film is called positive
    class_: str  # the class that was predicted
    correct: bool
    original: str  # the file that the film came from
    patient: str
    source: str
    view: str
    sex: str
    age: str
    finding: str
    reason: str  # why the film would get no class from `cxr predict`; empty if it gets one
    seen: str  # how the run knows the film from its training: film, copy, maybe copy or patient; empty where it doesn't


PREDICTIONS = CsvTable(EvaluatedFilm, made_by=EvaluationRecord.MADE_BY)
_DIGITS = 9  # of a probability in the tables: float32 has no more


@dataclass(frozen=True)
class PredictedFilms:
    """Predictions for films whose truth is known, by one run, or by the runs of several folds."""

    films: Sequence[Film]
    positives: np.ndarray  # (N,) bool, the truth
    raw: np.ndarray  # (N,) float64, P(positive) as the model gives it
    probabilities: np.ndarray  # (N,) float64, calibrated where the run is
    thresholds: np.ndarray  # (N,) float64, of the run that predicted the film
    seen: Sequence[str]  # how the run knows each film from its training; empty where it doesn't
    doubts: Sequence[str]  # why each film would get no class from `cxr predict`; empty if it gets one

    @property
    def called(self) -> np.ndarray:
        """(N,) bool, predicted positive."""
        return call_positive(self.probabilities, threshold=self.thresholds)

    @property
    def groups(self) -> np.ndarray:
        """(N,) the patient, or group of duplicates, of each film."""
        return np.array([film.group for film in self.films])

    def rows(self, *, negative: str, positive: str) -> Iterator[EvaluatedFilm]:
        """One row per film, given the names of the classes."""
        names = {False: negative, True: positive}
        called = self.called
        for place, film in enumerate(self.films):
            truth, predicted = bool(self.positives[place]), bool(called[place])
            yield EvaluatedFilm(
                image=film.path,
                group=film.group,
                truth=names[truth],
                probability=_rounded(self.probabilities[place]),
                raw_probability=_rounded(self.raw[place]),
                threshold=_rounded(self.thresholds[place]),
                class_=names[predicted],
                correct=predicted == truth,
                original=film.original,
                patient=film.patient,
                source=film.source,
                view=film.view,
                sex=film.sex,
                age=film.age,
                finding=film.finding,
                reason=self.doubts[place],
                seen=self.seen[place],
            )


def predict_films(
    predictor: Predictor,
    films: Sequence[Film],
    paths: Sequence[Path],
    *,
    framed: bool,
    description: str,
    seen: Sequence[str] = (),
) -> PredictedFilms:
    """Predict films whose truth is known, also those that would get no class.

    Args:
        predictor: the run.
        films: the films.
        paths: where their files are.
        framed: the files show what the run is to see: their lungs are not looked for again.
        description: what a watcher shows, for example "Predicting test films".
        seen: how the run knows each film from its training. Defaults to not at all.

    Raises:
        CxrError: a film can't be read.
    """
    raw, probabilities, doubts = np.empty(len(films)), np.empty(len(films)), []
    predictions = predictor.predict_all(paths, framed=framed, force=True)
    for place, (_, prediction) in enumerate(track(predictions, description, total=len(films))):
        if isinstance(prediction, CxrError):
            raise prediction
        doubts.append(prediction.doubt)
        raw[place], probabilities[place] = prediction.raw, prediction.probabilities[predictor.positive]
    return PredictedFilms(
        films=films,
        positives=np.array([film.label == predictor.positive for film in films]),
        raw=raw,
        probabilities=probabilities,
        thresholds=np.full(len(films), predictor.record.threshold),
        seen=seen or [""] * len(films),
        doubts=doubts,
    )


def read_predictions(folder: EvaluationFolder, evaluation: EvaluationRecord) -> list[EvaluatedFilm]:
    """The rows of `predictions.csv`.

    Args:
        folder: of the evaluation.
        evaluation: its record.

    Raises:
        WorkspaceError: the table is missing or damaged, or is not of this evaluation.
    """
    rows = PREDICTIONS.read(folder.predictions)
    classes = {evaluation.positive, evaluation.negative}
    for number, row in enumerate(rows, start=1):
        scores = (row.probability, row.raw_probability, row.threshold)
        if not {row.truth, row.class_} <= classes or not all(0 <= score <= 1 for score in scores):
            raise WorkspaceError(
                f"Expected {' or '.join(sorted(classes))} and probabilities in row {number} of {folder.predictions}. "
                f"Received: {row.truth}, {row.class_} and {', '.join(map(str, scores))}.",
                hint=f"Make it again: {EvaluationRecord.MADE_BY} --model {evaluation.run}",
            )
    cells = Counter(((row.truth == evaluation.positive), (row.class_ == evaluation.positive)) for row in rows)
    counted = Confusion(
        true_positive=cells[True, True],
        false_positive=cells[False, True],
        false_negative=cells[True, False],
        true_negative=cells[False, False],
    )
    if asdict(counted) != evaluation.confusion_matrix:
        raise WorkspaceError(
            f"Expected the predictions that {folder.record} counts, {evaluation.confusion_matrix}, in "
            f"{folder.predictions}. Received: {asdict(counted)}.",
            hint=f"Make it again: {EvaluationRecord.MADE_BY} --model {evaluation.run}",
        )
    return rows


def _rounded(probability: float) -> float:
    return float(f"{probability:.{_DIGITS}g}")
