"""The columns that every table of predictions with truth has, and `validation.csv`, which has no others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxr_cli.dataset.manifest import Film
from cxr_cli.errors import WorkspaceError
from cxr_cli.metrics.calibration import Calibration
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.digests import check_digest
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import TRAIN_COMMAND
from cxr_cli.workspace.tables import CsvTable


@dataclass(frozen=True, kw_only=True)
class FilmPrediction:
    """What a run predicted for a film whose truth is known: a row of `validation.csv`."""

    image: str  # the film's path, from the dataset's folder
    group: str  # its patient, or its group of duplicates
    truth: str  # the name of its class
    probability: float  # P(positive), calibrated
    raw_probability: float  # P(positive) as the network, or its trees, give it


@dataclass(frozen=True, kw_only=True)
class _OlderPrediction:
    """A row of `validation.csv` from before version 0.2, which called the raw probability `probability`."""

    image: str
    group: str
    truth: str
    probability: float


VALIDATION = CsvTable(FilmPrediction, made_by=TRAIN_COMMAND)
_OLDER_VALIDATION = CsvTable(_OlderPrediction, made_by=TRAIN_COMMAND)


def write_validation(run: RunFolder, films: Sequence[Film], raw: np.ndarray, *, calibration: Calibration) -> None:
    """Keep the predictions for the validation films, so that another operating point needs no training.

    Args:
        run: the folder of the run.
        films: the validation films.
        raw: (N,) float, P(positive) as the network, or its trees, give it.
        calibration: of the run.
    """
    calibrated = calibration.apply(raw)
    VALIDATION.write(
        run.validation,
        [
            FilmPrediction(
                image=film.path,
                group=film.group,
                truth=film.label,
                probability=float(probability),
                raw_probability=float(value),
            )
            for film, probability, value in zip(films, calibrated, raw, strict=True)
        ],
    )


def read_validation(run: RunFolder, record: RunRecord) -> Sequence[FilmPrediction]:
    """The predictions for a run's validation films; in an older file `probability` is the raw one too.

    Args:
        run: the folder of the run.
        record: its record.

    Returns:
        Films of both classes.

    Raises:
        WorkspaceError: the run has none, because it was trained by an early version; or the file is damaged, or isn't
            the one that the record knows.
    """
    hint = f"Make it again: {TRAIN_COMMAND}"
    check_digest(run.validation, record.sha256, hint=hint)
    films, classes = _read(run), record.classes
    for number, film in enumerate(films, start=1):
        if film.truth not in classes or not (0 <= film.probability <= 1 and 0 <= film.raw_probability <= 1):
            raise WorkspaceError(
                f"Expected {' or '.join(classes)} and probabilities in row {number} of {run.validation}. "
                f"Received: {film.truth}, {film.probability} and {film.raw_probability}.",
                hint=hint,
            )
    if len({film.truth for film in films}) < 2:
        raise WorkspaceError(
            f"Expected films of both classes, {' and '.join(classes)}, in {run.validation}. "
            f"Received: {len(films)} of {' and '.join({film.truth for film in films}) or 'none'}.",
            hint=hint,
        )
    return films


def _read(run: RunFolder) -> Sequence[FilmPrediction]:
    try:
        return VALIDATION.read(run.validation)
    except WorkspaceError:
        try:
            older = _OLDER_VALIDATION.read(run.validation)
        except WorkspaceError:
            older = None
        if older is None:
            raise
    return [
        FilmPrediction(
            image=row.image,
            group=row.group,
            truth=row.truth,
            probability=row.probability,
            raw_probability=row.probability,
        )
        for row in older
    ]
