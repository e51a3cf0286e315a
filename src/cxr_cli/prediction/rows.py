"""The row of every table of predictions for films whose truth is not known: CSV, JSON and the Parquet of a cluster."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from cxr_cli.errors import AbstentionError, ImageError, UsageError
from cxr_cli.films.find import Films
from cxr_cli.prediction.answer import Answer
from cxr_cli.prediction.predictor import Prediction, Predictor
from cxr_cli.progress import note
from cxr_cli.recipe.sets import PredictionSets
from cxr_cli.workspace.files import partial
from cxr_cli.workspace.tables import CsvTable

_DIGITS = 6  # after the point, of confidence and probabilities in CSV and JSON


@dataclass(frozen=True, kw_only=True, slots=True)
class PredictionRow:
    """What a run predicts for one file: nothing if it gives no class or cannot read it. See docs/reference."""

    image: str
    class_: str | None = None  # the predicted class
    confidence: float | None = None  # of that class, in [0, 1]
    probability: float | None = None  # P(positive), calibrated where the run is
    raw_probability: float | None = None  # P(positive) as the network, or its trees, give it
    positive: str  # the name of the positive class
    model: str  # the run; the model in the package with its version
    threshold: float  # of the probability, from which on the positive class is predicted
    set_: str | None = None  # a class, both or neither: see `PredictionSets`; None unless it is asked for
    seen: str | None = None  # of `HOW_SEEN`; empty for none of them, None where it is not known
    note: str | None = None  # why a run of films cropped to the lungs, or of lungs alone, was shown the whole film
    reason: str | None = None  # why the film gets no class; with `force`, why it would get none
    error: str | None = None  # why the file can't be read

    def answer(self, rule: str = "") -> Answer | None:
        """The class with what decided it, in words; None for a file without a class.

        Args:
            rule: that chose the operating point. Defaults to one that is not known.
        """
        if self.class_ is None or self.probability is None:
            return None
        return Answer(self.class_, self.positive, self.probability, self.threshold, rule)

    def rounded(self) -> "PredictionRow":
        """The row with six decimal places, as in CSV and JSON."""

        def short(value: float | None) -> float | None:
            return None if value is None else round(value, _DIGITS)

        return replace(
            self,
            confidence=short(self.confidence),
            probability=short(self.probability),
            raw_probability=short(self.raw_probability),
        )

    def as_json(self, negative: str) -> dict[str, Any]:
        """The row as `predict --json` prints it.

        Args:
            negative: the name of the negative class, for `probabilities`.
        """
        values = {name.removesuffix("_"): value for name, value in asdict(self.rounded()).items()}
        positive = values["probability"]
        values["probabilities"] = (
            None if positive is None else {negative: round(1 - positive, _DIGITS), self.positive: positive}
        )
        return values


_TABLE = CsvTable(PredictionRow, made_by="cxr predict FOLDER --csv FILE")


def make_row(
    predictor: Predictor,
    image: str,
    prediction: Prediction,
    *,
    seen: str | None = None,
    sets: PredictionSets | None = None,
) -> PredictionRow:
    """The row of one film.

    Args:
        predictor: the run that predicted it.
        image: its file.
        prediction: what the run predicts.
        seen: how the run knows the film. Defaults to not known.
        sets: gives the film's prediction set. Defaults to none.
    """
    return PredictionRow(
        image=image,
        class_=prediction.label,
        confidence=prediction.confidence,
        probability=prediction.probabilities[predictor.positive],
        raw_probability=prediction.raw,
        positive=predictor.positive,
        model=predictor.run.name_and_version,
        threshold=predictor.record.threshold,
        set_=sets.of(prediction.raw) if sets else None,
        seen=seen,
        note=prediction.whole or None,
        reason=prediction.doubt or None,
    )


def make_failed_row(predictor: Predictor, image: str, error: ImageError) -> PredictionRow:
    """The row of a film that gets no class, or of a file that can't be read."""
    reason = error.reason if isinstance(error, AbstentionError) else None
    return PredictionRow(
        image=image,
        positive=predictor.positive,
        model=predictor.run.name_and_version,
        threshold=predictor.record.threshold,
        reason=reason,
        error=None if reason else error.message,
    )


@contextmanager
def rows_written(path: Path | None) -> Iterator[Callable[[PredictionRow], None]]:
    """Write rows to a CSV file as they come; if the block fails, report where the rows so far are.

    Args:
        path: the file. None writes nothing.

    Raises:
        WorkspaceError: it can't be written.
    """
    if path is None:
        yield lambda row: None
        return
    try:
        with _TABLE.growing(path) as write:
            yield lambda row: write(row.rounded())
    except BaseException:
        if partial(path).is_file():
            note(f"Predictions so far: {partial(path)}")
        raise


def rows_to(stream: TextIO) -> Callable[[PredictionRow], None]:
    """Write the header of a CSV file to an open stream; what is returned writes a row, as in the file."""
    write = _TABLE.to(stream)
    return lambda row: write(row.rounded())


def refuse_film(csv: Path, films: Films) -> None:
    """Refuse to write predictions over a film, however the two paths are spelled, and through links.

    Raises:
        UsageError: `csv`, or the file that keeps its rows until it is whole, is one of `films`.
    """
    outputs = {_identity(path) for path in (csv, partial(csv)) if path.exists()}
    if outputs and (film := next((film for film in films if _identity(film) in outputs), None)):
        raise UsageError(
            f"Expected a CSV file that is not one of the films. Received: {csv}, which would replace the film {film}.",
            hint="Name another file: --csv predictions.csv",
        )


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of the file that `path` leads to."""
    try:
        status = path.stat()
    except OSError:  # a missing film is reported later, as its own error
        return None
    return status.st_dev, status.st_ino
