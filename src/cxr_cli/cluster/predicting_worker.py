"""What a worker does with a partition: look up its films in the plan, predict them, and write one part."""

import threading
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args, get_type_hints

from cxr_cli.bundled.files import LUNG_UNET
from cxr_cli.cluster.partitions import OneByOne, died_on, require_shared, require_version
from cxr_cli.cluster.tables import read_films, read_part, text, write_part
from cxr_cli.errors import AbstentionError, ClusterError, ImageError
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.prediction.rows import PredictionRow, make_failed_row, make_row
from cxr_cli.recipe.sets import PredictionSets
from cxr_cli.workspace.folders import PredictionsFolder, RunFolder


def _arrow_type(kind: object) -> str:
    """Arrow's name for a column of str, float, or one of these or None."""
    return "double" if float in (kind, *get_args(kind)) else "string"


Counts = Counter[str | None]  # class -> films; empty: no class; None: could not be read
_COLUMNS = {name.removesuffix("_"): _arrow_type(kind) for name, kind in get_type_hints(PredictionRow).items()}
_opened = threading.local()


@dataclass(frozen=True)
class PartitionTask:
    """What all partitions of an archive have in common. All paths are absolute."""

    folder: PredictionsFolder
    run: RunFolder
    fingerprint: str  # that the run must have
    size: int  # films of a partition
    version: str  # of cxr that the worker must have
    force: bool  # predict pictures that should get no class, too
    prevalence: float | None = None  # to shift probabilities to
    sets: PredictionSets | None = None  # gives each film's prediction set


def predict_partition(task: PartitionTask, number: int) -> Counts:
    """Predict the films of a partition and write its part, unless it is there.

    Raises:
        ClusterError: this worker has another cxr, another run, or not the same files.
        WorkspaceError: the part can't be written.
    """
    require_version(task.version)
    require_shared(task.folder.films)
    require_shared(task.run.record)
    films = read_films(task.folder.films, number=number, size=task.size)
    part = task.folder.part(number)
    # It is there if Dask thought the worker dead, or lost the result with it.
    done = predictions_in(part, films=len(films))
    if done is not None:
        return done
    if not any(film.exists() for film in films):
        require_shared(films[0])
    predictor = _predictor(task)
    rows = [_row(predictor, film, task.sets, force=task.force) for film in films]
    return _write(part, rows)


def predict_one(task: PartitionTask, film: Path) -> dict[str, Any]:
    """Predict one film of a partition on which one worker after another died: its row.

    Raises:
        ClusterError: as `predict_partition`.
    """
    require_version(task.version)
    require_shared(task.run.record)
    return _row(_predictor(task), film, task.sets, force=task.force)


def predict_piecewise(task: PartitionTask, predictor: Predictor, number: int, one_by_one: OneByOne) -> Counts:
    """Write a partition's part, on the client, from the rows of its films.

    Args:
        task: of the partition.
        predictor: the run, as the client has it.
        number: of the partition.
        one_by_one: has workers predict the films.

    Raises:
        WorkspaceError: the part can't be written.
    """
    films = read_films(task.folder.films, number=number, size=task.size)
    rows = [
        row or _as_columns(make_failed_row(predictor, text(film), ImageError(text(died_on(film).message))))
        for film, row in zip(films, one_by_one(partial(predict_one, task), films), strict=True)
    ]
    return _write(task.folder.part(number), rows)


def _write(part: Path, rows: list[dict[str, Any]]) -> Counts:
    write_part(part, rows, _COLUMNS)
    return Counter(_counted(row["class"], row["reason"]) for row in rows)


def predictions_in(part: Path, *, films: int) -> Counts | None:
    """The films of a part by class; None if it is missing or incomplete."""
    table = read_part(part, rows=films)
    if table is None:
        return None
    return Counter(map(_counted, table["class"].to_pylist(), table["reason"].to_pylist()))


def _counted(label: str | None, reason: str | None) -> str | None:
    return label or ("" if reason else None)


def predictions_fingerprint(predictor: Predictor, *, force: bool) -> str:
    """Hash all that the predictions of a run depend on: 64 hex digits; `force` as in `Predictor.predict`."""
    run, record = predictor.run, predictor.record
    digest = sha256(f"{predictor.negative} {predictor.positive} {record.threshold!r} {record.framing}".encode())
    if record.calibration:
        digest.update(f"{record.calibration.slope!r} {record.calibration.intercept!r}".encode())
    if force:
        digest.update(b"force")
    others = [path for path in (run.booster, run.reference) if path.is_file()]
    for path in (run.litert_model, LUNG_UNET, *others):
        digest.update(sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _predictor(task: PartitionTask) -> Predictor:
    """The run, opened once per thread: an interpreter serves one thread at a time."""
    if getattr(_opened, "task", None) != task:
        predictor = open_predictor(task.run, threads=1, prevalence=task.prevalence)
        if predictions_fingerprint(predictor, force=task.force) != task.fingerprint:
            raise ClusterError(
                f"Expected the run {task.run.name} as it was at the start. Received: a changed run.",
                hint="Name another folder for the new predictions: --output FOLDER",
            )
        _opened.task, _opened.predictor = task, predictor
    opened: Predictor = _opened.predictor
    return opened


def _row(predictor: Predictor, film: Path, sets: PredictionSets | None, *, force: bool) -> dict[str, Any]:
    try:
        row = make_row(predictor, text(film), predictor.predict_file(film, force=force), sets=sets)
    except AbstentionError as error:
        row = make_failed_row(predictor, text(film), error)
    except ImageError as error:
        row = make_failed_row(predictor, text(film), ImageError(text(error.message)))
    return _as_columns(row)


def _as_columns(row: PredictionRow) -> dict[str, Any]:
    return {name.removesuffix("_"): value for name, value in asdict(row).items()}
