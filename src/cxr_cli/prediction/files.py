"""Predictions for files, film by film: rows, a growing CSV file, and whether the run has seen the films."""

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from cxr_cli.dataset.seen import COPY, FILM, MAYBE_COPY, SeenIndex, open_seen
from cxr_cli.errors import ImageError
from cxr_cli.films.find import Films
from cxr_cli.films.reader import read_film
from cxr_cli.prediction.predictor import Prediction, Predictor
from cxr_cli.prediction.rows import PredictionRow, make_failed_row, make_row, refuse_film, rows_written
from cxr_cli.progress import track
from cxr_cli.recipe.sets import PredictionSets
from cxr_cli.workspace.folders import DatasetFolder
from cxr_cli.workspace.outputs import refuse_existing

_SEEN_AS = {
    FILM: "was trained or validated on this film",
    COPY: "was trained or validated on a copy of this film (altered, such as cropped or mirrored)",
    MAYBE_COPY: "may have been trained or validated on a copy of this film",
}

_COPIES = {COPY: "altered copies", MAYBE_COPY: "possible copies"}


@dataclass(frozen=True)
class PredictedFile:
    """What a run predicts for one file."""

    film: Path
    row: PredictionRow
    error: ImageError | None  # of a film that gets no class, or a file that can't be read


def predict_files(
    predictor: Predictor,
    films: Films,
    *,
    dataset: DatasetFolder,
    csv: Path | None = None,
    replace: bool = False,
    sets: PredictionSets | None = None,
    force: bool = False,
    by_name: bool = False,
) -> Generator[PredictedFile]:
    """Predict files on all cores, in their order. A film without a prediction gives its error, and the others go on.

    Args:
        predictor: the run.
        films: the files; any number, few films are in memory at once.
        dataset: the prepared dataset, whose small pictures confirm that a film is a copy of one that the run has seen.
            It may be missing.
        csv: a CSV file to write a row per film to, as they come. Defaults to none. It appears when all films are done;
            until then its rows are in a file beside it.
        replace: overwrite `csv` if it is there. Defaults to False.
        sets: gives each film's prediction set. Defaults to none.
        force: predict any picture, also one that should get no class. Defaults to False.
        by_name: name films in the rows by their file names alone, because the folder is temporary. Defaults to False.

    Raises:
        UsageError: `csv` is one of the films.
        WorkspaceError: `csv` is there already, or can't be written, or the run's record of the films it has seen is
            damaged.
    """
    if csv:
        refuse_film(csv, films)
    refuse_existing(csv, replace=replace)
    return _predicted(predictor, films, open_seen_by(predictor, dataset), csv, sets, force=force, by_name=by_name)


def open_seen_by(predictor: Predictor, dataset: DatasetFolder) -> SeenIndex | None:
    """Open the index of the films that a run has seen; None where it is not known. See `open_seen`."""
    record = predictor.record
    return open_seen(predictor.run, dataset, trained_on=record.dataset_fingerprint, digests=record.sha256)


def how_seen(seen: SeenIndex | None, path: Path, prediction: Prediction) -> str | None:
    """How the run knows a film that it predicted: of `HOW_SEEN`, or empty; None where it is not known."""
    if seen is None:
        return None
    try:
        return seen.match_file(path, read_film(path) if prediction.small is None else prediction.small)
    except (OSError, ImageError):  # the file was removed, or replaced, since it was predicted
        return None


def seen_sentence(run: str, seen_as: str) -> str:
    """The note on a prediction for a film that the run has seen."""
    return f"Note: {run} {_SEEN_AS[seen_as]}, so this prediction doesn't test the run."


def seen_summary(run: str, counts: Counter[str], films: int) -> str:
    """The note on predictions for `films` films if the run has seen some; `counts` by how it knows them."""
    kinds = "; ".join(f"{words}: {counts[kind]}" for kind, words in _COPIES.items() if counts[kind])
    which = f" ({kinds})" if kinds else ""
    return (
        f"Note: {run} was trained or validated on {counts.total()} of these {films} films{which}, so these "
        "predictions don't test the run. Which films: the column seen of CSV and JSON."
    )


def _predicted(
    predictor: Predictor,
    films: Films,
    seen: SeenIndex | None,
    csv: Path | None,
    sets: PredictionSets | None,
    *,
    force: bool,
    by_name: bool,
) -> Generator[PredictedFile]:
    predictions = predictor.predict_all(films, force=force)
    with rows_written(csv) as write:
        for path, prediction in (
            track(predictions, "Predicting films", total=len(films)) if len(films) > 1 else predictions
        ):
            image = path.name if by_name else str(path)
            if isinstance(prediction, ImageError):
                result = PredictedFile(path, make_failed_row(predictor, image, prediction), prediction)
            else:
                known = how_seen(seen, path, prediction)
                row = make_row(predictor, image, prediction, seen=known, sets=sets)
                result = PredictedFile(path, row, None)
            write(result.row)
            yield result
