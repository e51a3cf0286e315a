"""A plan of folds in; each fold trained and tested, and one report of all of them out."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from cxr_cli.dataset.folds import Fold
from cxr_cli.dataset.manifest import Film
from cxr_cli.errors import CxrError
from cxr_cli.evaluation.crossval.apart import train_apart
from cxr_cli.evaluation.crossval.plan import Plan, title, write_fold
from cxr_cli.evaluation.crossval.pooling import Answers, FoldAnswers, across_folds, by_subgroup, figures, pool
from cxr_cli.evaluation.crossval.record import CrossvalFold, CrossvalRecord, SkippedFold
from cxr_cli.evaluation.crossval.report import write_report
from cxr_cli.metrics.intervals import METHOD
from cxr_cli.metrics.sample import count_confusion
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.progress import note, track
from cxr_cli.recipe.options import TrainingOptions
from cxr_cli.recipe.record import RunRecord
from cxr_cli.training.checkpoints import is_trained
from cxr_cli.workspace.files import lock
from cxr_cli.workspace.folders import PARTS
from cxr_cli.workspace.layout import CrossvalFolder, Workspace
from cxr_cli.workspace.records import stamp

_TEST = PARTS[-1]


@dataclass(frozen=True)
class CrossValidated:
    """What `cross_validate` made."""

    folder: CrossvalFolder
    record: CrossvalRecord


def cross_validate(plan: Plan, options: TrainingOptions, *, name: str | None = None) -> CrossValidated:
    """Train and test in each fold, and report; a fold that is whole from an earlier call is kept.

    Nothing of a fold's test films has a part in its training: the epoch, the temperature and the operating point are
    chosen on its own validation films.

    Args:
        plan: the folds.
        options: of the training, the same in each fold.
        name: the folder's. Defaults to the architecture's and the plan's.

    Raises:
        CxrError: a fold can't be trained or tested.
        WorkspaceError: the workspace is in use.
        KeyboardInterrupt: stopped by the user within a training.
    """
    folder = plan.workspace.crossval(name or f"{options.arch}-{plan.name}")
    with lock(plan.workspace.root):
        answered = []
        for number, fold in enumerate(plan.folds, start=1):
            counts = ", ".join(f"{fold.parts.count(part)} {part}" for part in PARTS)
            note(f"[{number}/{len(plan.folds)}] {title(plan.column, fold.name)}: {counts} films")
            place = folder.fold(number)
            write_fold(plan, fold, place)
            _train(place, options)
            answered.append(_answer(plan, fold, open_predictor(place.run(options.arch))))
        for number in _beyond(folder, len(plan.folds)):
            shutil.rmtree(folder.fold(number).root, ignore_errors=True)
        films, answers = pool(answered)
        record = _record(plan, options, answered, films, answers)
        write_report(folder, record, answered)
    return CrossValidated(folder=folder, record=record)


def _train(place: Workspace, options: TrainingOptions) -> None:
    if is_trained(place, options):
        note("Trained before, on these films with these options: kept.")
        return
    note("Loading TensorFlow")
    try:
        train_apart(place, options)
    except KeyboardInterrupt:
        note("Stopped within a fold. The same command goes on with that fold, and keeps the earlier ones.")
        raise
    # What the frozen layers made of the films is of no use to another fold, whose films are others.
    shutil.rmtree(place.cache, ignore_errors=True)


def _answer(plan: Plan, fold: Fold, predictor: Predictor) -> FoldAnswers:
    films = [film for film, part in zip(plan.films, fold.parts, strict=True) if part == _TEST]
    paths = [plan.workspace.dataset.root / film.path for film in films]
    answers = predictor.predict_all(paths, segmented=bool(plan.made.segment))
    probabilities, called = np.empty(len(films)), np.empty(len(films), bool)
    for at, (_, answer) in enumerate(track(answers, "Answering its test films", total=len(films))):
        if isinstance(answer, CxrError):
            raise answer
        probabilities[at] = answer.probabilities[predictor.positive]
        called[at] = answer.label == predictor.positive
    return FoldAnswers(
        name=fold.name,
        run=predictor.record,
        films=films,
        answers=Answers(
            positives=np.array([film.label == predictor.positive for film in films]),
            probabilities=probabilities,
            called=called,
            groups=np.array([film.group for film in films]),
        ),
    )


def _beyond(folder: CrossvalFolder, count: int) -> list[int]:
    """The numbers of the folds of an earlier plan of that name that this one has not."""
    numbers = [path.name.removeprefix("fold-") for path in folder.root.glob("fold-*")]
    return [int(number) for number in numbers if number.isdecimal() and int(number) > count]


def _record(
    plan: Plan, options: TrainingOptions, folds: Sequence[FoldAnswers], films: Sequence[Film], answers: Answers
) -> CrossvalRecord:
    metrics, intervals = figures(answers, seed=plan.seed)
    tested = [_fold(plan, fold, answered) for fold, answered in zip(plan.folds, folds, strict=True)]
    return CrossvalRecord(
        schema_version=CrossvalRecord.VERSION,
        **stamp(),
        arch=options.arch,
        options=asdict(options),
        left_out=plan.column,
        seed=plan.seed,
        dataset_fingerprint=plan.made.fingerprint,
        positive=plan.made.classes.positive,
        negative=plan.made.classes.negative,
        films=len(films),
        patients=len(np.unique(answers.groups)),
        positives=int(answers.positives.sum()),
        negatives=int((~answers.positives).sum()),
        folds=tested,
        skipped=[SkippedFold(name=lost.name, films=lost.films, reason=lost.reason) for lost in plan.skipped],
        across_folds=across_folds(tested),
        metrics=metrics,
        intervals=intervals,
        interval_method=METHOD,
        confusion_matrix=asdict(count_confusion(answers.positives, answers.called)),
        subgroups=by_subgroup(films, answers, seed=plan.seed),
        notes=_notes(plan, folds),
    )


def _fold(plan: Plan, fold: Fold, answered: FoldAnswers) -> CrossvalFold:
    metrics, intervals = figures(answered.answers, seed=plan.seed)
    groups = {
        part: {film.group for film, own in zip(plan.films, fold.parts, strict=True) if own == part} for part in PARTS
    }
    run: RunRecord = answered.run
    return CrossvalFold(
        name=fold.name,
        films=run.films,
        patients={part: len(members) for part, members in groups.items()},
        without_part=fold.parts.count(""),
        epochs=run.epochs,
        best_epoch=run.best_epoch,
        temperature=run.calibration.temperature if run.calibration else None,
        threshold=run.threshold,
        metrics=metrics,
        intervals=intervals,
        seconds=round(sum(run.seconds.values()), 3),
    )


def _notes(plan: Plan, folds: Sequence[FoldAnswers]) -> list[str]:
    notes = [
        f"The {plan.column} {lost.name} was not left out, and its {lost.films} films not tested: {lost.reason}."
        for lost in plan.skipped
    ]
    alike = [f"{fold.name} ({fold.films[0].label})" for fold in folds if len({film.label for film in fold.films}) == 1]
    if alike:
        notes.append(f"Films of one class only, so that half of the figures have no value: {'; '.join(alike)}.")
    without = max(fold.parts.count("") for fold in plan.folds)
    if without:
        notes.append(
            f"A patient with a film of the {plan.column} left out has no part in that training, whatever the others "
            f"show: up to {without} films a fold are neither trained on nor tested there."
        )
    if plan.made.given_parts:
        notes.append("The dataset's own split is not used: its parts are pooled.")
    return [*notes, *plan.made.notes]
