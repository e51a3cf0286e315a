"""A trained run tested on one part of the prepared dataset."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cxr_cli.dataset.duplicates import read_small
from cxr_cli.dataset.manifest import Film, read_manifest
from cxr_cli.dataset.originals import whole_films
from cxr_cli.dataset.record import DatasetRecord, Leak
from cxr_cli.dataset.seen import COPY, FILM, MAYBE_COPY, PATIENT
from cxr_cli.dataset.selection import EXCLUDED, Exclusion
from cxr_cli.errors import CxrError, UsageError, WorkspaceError
from cxr_cli.evaluation.current import why_outdated
from cxr_cli.evaluation.predicted import PredictedFilms, predict_films, read_predictions
from cxr_cli.evaluation.record import EvaluationRecord, SeenFilms
from cxr_cli.evaluation.scoring import score, write_evaluation
from cxr_cli.metrics.conformal import DEFAULT_ALPHA
from cxr_cli.prediction.files import open_seen_by
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.progress import note
from cxr_cli.recipe.record import RunRecord
from cxr_cli.threads import importing
from cxr_cli.workspace.folders import PARTS, DatasetFolder, EvaluationFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record
from cxr_cli.workspace.staging import staged_folder

# Of what is measured and drawn afterwards.
_LIBRARIES = ("sklearn.metrics", "matplotlib.backends.backend_svg", "matplotlib.backends.backend_agg")


@dataclass(frozen=True)
class FilmSet:
    """Films to test a run on."""

    name: str  # train, val or test; or the name of films from elsewhere
    films: Sequence[Film]
    paths: Sequence[Path]  # where they are
    small: np.ndarray  # (N, 96, 96) uint8, by which copies are recognized
    framed: bool = False  # their files show what the run is to see
    fingerprint: str | None = None  # of the prepared dataset; None for films from elsewhere
    same_dataset: bool = False  # the run was trained on this very split
    trained_on: bool = False  # a part that training uses: train or val
    leaks: list[Leak] = field(default_factory=list)  # of a given split, with other parts


@dataclass(frozen=True)
class Evaluated:
    """What `evaluate` made."""

    folder: EvaluationFolder
    record: EvaluationRecord
    leaks: list[Leak]  # of a given split: what these films have in common with another part


def evaluate(
    workspace: Workspace,
    *,
    run: str | None = None,
    split: str = "test",
    drop_seen: bool = False,
    prevalence: float | None = None,
    alpha: float = DEFAULT_ALPHA,
    max_fpr: float | None = None,
) -> Evaluated:
    """Test a run on one part of the dataset, at its own threshold and calibration.

    Args:
        workspace: where the dataset and the run are, and where the evaluation goes.
        run: its name. Defaults to the latest.
        split: train, val or test; only test is a test.
        drop_seen: leave out films that the run was trained or validated on, near-duplicates of them, and other films
            of their patients.
        prevalence: in (0, 1), for predictive values, and to shift probabilities to. Defaults to none.
        alpha: in (0, 1), of the prediction sets. Defaults to 0.1.
        max_fpr: in (0, 1), the largest 1 - specificity of a partial AUC. Defaults to none.

    Raises:
        CxrError: `split` is not a part of a dataset, or no film is left.
        WorkspaceError: there is no dataset or no run, or their classes differ.
    """
    if split not in PARTS:
        raise UsageError(
            f"Expected a split: {', '.join(PARTS)}. Received: {split!r}.", hint="For example: --split test"
        )
    predictor = open_predictor(workspace.run(run))
    workspace.prepared()  # before a lock makes a folder
    with workspace.reading_dataset(), workspace.lock_result(workspace.evaluation(predictor.run.name, split).root):
        film_set = _part(workspace, predictor, split)
        predicted, seen = predict_set(workspace, predictor, film_set, drop_seen=drop_seen)
        record = score(
            predictor,
            predicted,
            split=split,
            same_dataset=film_set.same_dataset,
            dataset_fingerprint=film_set.fingerprint,
            seen=seen,
            prevalence=prevalence,
            alpha=alpha,
            max_fpr=max_fpr,
        )
        return Evaluated(folder=save(workspace, record, predicted), record=record, leaks=film_set.leaks)


def current_test(workspace: Workspace, predictor: Predictor) -> EvaluationRecord:
    """A run's evaluation on the prepared test films; made first where it is missing, damaged or not current.

    Args:
        workspace: where the dataset is, and the evaluation.
        predictor: the run.

    Raises:
        WorkspaceError: there is no dataset, or its classes are not the run's.
    """
    run, made = predictor.run.name, read_record(workspace.prepared().record, DatasetRecord)
    folder = workspace.evaluation(run, "test")
    try:
        evaluation = read_record(folder.record, EvaluationRecord)
        images = {row.image for row in read_predictions(folder, evaluation)}
    except WorkspaceError:  # missing, damaged, or of an earlier version
        note(f"{run} has no evaluation on these test films: testing it first")
    else:
        reason = why_outdated(evaluation, predictor.record, made)
        if not reason and not images <= {film.path for film in read_manifest(workspace.dataset)}:
            reason = f"{folder.predictions} has predictions for other films"
        if not reason:
            return evaluation
        note(f"{run} is tested again, because {reason}")
    return evaluate(workspace, run=run, split="test").record


def predict_set(
    workspace: Workspace, predictor: Predictor, film_set: FilmSet, *, drop_seen: bool
) -> tuple[PredictedFilms, SeenFilms | None]:
    """Predict the films of a set; find those that the run has seen in training, and leave them out on request.

    Raises:
        CxrError: a film can't be read, or none is left.
        WorkspaceError: films are to be left out, and the run has no record of those it was trained on.
    """
    known: list[str] | None = None
    began_with_others = predictor.run.fingerprints.is_file()  # with weights that were trained on other films
    if film_set.same_dataset and not (film_set.leaks or film_set.trained_on or began_with_others):
        known = [""] * len(film_set.films)  # `prepare` has made sure of it
    elif drop_seen or not film_set.trained_on:
        index = open_seen_by(predictor, workspace.dataset)
        known = index.match_films(film_set.films, film_set.small) if index else None
    if drop_seen:
        film_set = _without_seen(predictor, film_set, known)
    with importing(*_LIBRARIES):
        predicted = predict_films(
            predictor,
            film_set.films,
            film_set.paths,
            framed=film_set.framed,
            description=f"Predicting {film_set.name} films",
            seen=() if drop_seen else known or (),
        )
    return predicted, None if known is None else _count_seen(known, dropped=drop_seen)


def _without_seen(predictor: Predictor, film_set: FilmSet, known: Sequence[str] | None) -> FilmSet:
    if known is None:
        raise WorkspaceError(
            f"Expected a run that keeps a record of its training films. Received: {predictor.run.name}, which has "
            "none, and the prepared dataset is not the one it was trained on.",
            hint=f"Train the run again, or leave out --drop-seen: {RunRecord.MADE_BY}",
        )
    kept = [place for place, how in enumerate(known) if not how]
    if not kept:
        raise CxrError(
            f"Expected films that {predictor.run.name} was not trained on. Received: {len(known)} films, each of "
            "which, or a near-duplicate or film of the same patient, was among its training or validation films.",
            hint="Test it on other films: cxr evaluate --external --metadata FILE",
        )
    return replace(
        film_set, films=[film_set.films[place] for place in kept], paths=[film_set.paths[place] for place in kept]
    )


def save(
    workspace: Workspace, record: EvaluationRecord, predicted: PredictedFilms, *, excluded: Sequence[Exclusion] = ()
) -> EvaluationFolder:
    """Write an evaluation to its place in the workspace.

    Args:
        workspace: where it goes.
        record: its figures.
        predicted: the predictions that it is about.
        excluded: films from elsewhere that were left out. Defaults to none, and no table of them.
    """
    target = workspace.evaluation(record.run, record.split)
    with staged_folder(target.root) as stage:
        folder = EvaluationFolder(stage)
        if excluded:
            EXCLUDED.write(folder.excluded, excluded)
        write_evaluation(folder, record, predicted)
    return target


def _count_seen(seen: Sequence[str], *, dropped: bool) -> SeenFilms:
    counts = Counter(seen)
    return SeenFilms(
        films=counts[FILM],
        copies=counts[COPY],
        maybe_copies=counts[MAYBE_COPY],
        patients=counts[PATIENT],
        dropped=dropped,
    )


def _part(workspace: Workspace, predictor: Predictor, split: str) -> FilmSet:
    dataset = workspace.prepared()
    made = read_record(dataset.record, DatasetRecord)
    if made.classes != predictor.classes:
        raise WorkspaceError(
            f"Expected films of the run's classes {predictor.record.class_indices}. "
            f"Received: {dataset.root} has {made.class_indices}.",
            hint="Prepare the dataset with the run's --positive, or train again",
        )
    everything = read_manifest(dataset)
    places = [place for place, film in enumerate(everything) if film.split == split]
    films = [everything[place] for place in places]
    paths, framed = _files(dataset, made, films, predictor)
    return FilmSet(
        name=split,
        films=films,
        paths=paths,
        small=read_small(dataset, films=len(everything))[places],
        framed=framed,
        trained_on=split != "test",
        same_dataset=made.fingerprint == predictor.record.dataset_fingerprint,
        fingerprint=made.fingerprint,
        leaks=[leak for leak in made.leaks if split in (leak.earlier, leak.later)],
    )


def _files(
    dataset: DatasetFolder, made: DatasetRecord, films: Sequence[Film], predictor: Predictor
) -> tuple[Sequence[Path], bool]:
    """Where to read the films, and whether they are framed as the run wants them."""
    wanted = predictor.record.framing
    copies = [dataset.root / film.path for film in films]
    if made.framing and made.framing == wanted:
        return copies, True
    paths, whole = whole_films(copies, [film.original for film in films], made.framing)
    if not whole:
        raise WorkspaceError(
            f"Expected films as the run {predictor.run.name} was trained on, {wanted or 'whole'}, or the original "
            f"films. Received: {dataset.root} has {made.framing}, and the original films are gone.",
            hint="Prepare the dataset as it was for that run, or train again",
        )
    return paths, False
