"""Cross-validation: train and test in each fold, then average the figures of the folds."""

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from cxr_cli.dataset.folds import Fold
from cxr_cli.dataset.record import check_unchanged
from cxr_cli.errors import UsageError
from cxr_cli.evaluation.crossval.across import (
    FoldPredictions,
    across_folds,
    measure_predictions,
    subgroups_across,
)
from cxr_cli.evaluation.crossval.apart import TrainingProcess
from cxr_cli.evaluation.crossval.naming import study_name
from cxr_cli.evaluation.crossval.output import write_crossval
from cxr_cli.evaluation.crossval.plan import FoldPlan, plan_folds, write_fold
from cxr_cli.evaluation.crossval.record import CrossvalFold, CrossvalRecord, SkippedFold, what_intervals_are_of
from cxr_cli.evaluation.predicted import predict_films
from cxr_cli.extras import TRAINING, require_modules
from cxr_cli.films.in_words import narrow_in_words
from cxr_cli.metrics.intervals import METHOD
from cxr_cli.metrics.over_folds import RECIPE_METHOD, times_as_wide
from cxr_cli.metrics.sample import count_confusion, count_patients
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.progress import Watcher, note, watched_by
from cxr_cli.recipe.architectures import ARCHITECTURES, CLASSIFIERS
from cxr_cli.recipe.decision import check_operating_point
from cxr_cli.recipe.options import TrainingOptions, change_options, check_task, read_options
from cxr_cli.recipe.record import RunRecord
from cxr_cli.recipe.reproduction import find_original
from cxr_cli.training.checkpoints import is_trained
from cxr_cli.training.runs import require_boosting
from cxr_cli.workspace.folders import PARTS
from cxr_cli.workspace.layout import CrossvalFolder, Workspace
from cxr_cli.workspace.records import stamp
from cxr_cli.workspace.staging import staged_folder

_, _VALIDATION, _TEST = PARTS
_USUAL = 5  # folds; the interval of a mean over fewer is much wider


@dataclass(frozen=True)
class CrossValidated:
    """A finished cross-validation: where its files are, and its record."""

    folder: CrossvalFolder
    record: CrossvalRecord


def cross_validate(
    workspace: Workspace,
    *,
    folds: int | None = None,
    repeats: int = 1,
    leave_out: str | None = None,
    from_run: str | None = None,
    name: str | None = None,
    replace_study: bool = False,
    **options: Any,
) -> CrossValidated:
    """Train and test a recipe in folds: each film is predicted by a model that saw no film of its patient.

    A fold's test films have no influence on its training: the epoch, the calibration and the operating point are chosen
    on its own validation films. The dataset's own split is not used. A call that was stopped continues where it was
    when it is made again: a fold that was finished, with these options on these films, is kept.

    Args:
        workspace: where the dataset is and the folds go.
        folds: see `plan_folds`.
        repeats: see `plan_folds`.
        leave_out: see `plan_folds`.
        from_run: the name of a run, or the path of its run.json, whose options are used, except for those given here.
        name: the name of the folder. Defaults to "mobilenetv2-5-folds", by architecture and plan; where a finished
            study of other options or another dataset has that name, with the next free number.
        replace_study: overwrite a finished study of that name. Defaults to False.
        **options: training options by the names of `TRAINING_OPTIONS`, the same in each fold. The seed draws the folds
            too; that of each further repeat is one more.

    Raises:
        CxrError: an option that is out of range, or a fold that can't be trained or tested.
        NoRunError: no run of the name `from_run`.
        SplitError: the films can't be divided like this.
        WorkspaceError: no dataset, a damaged one, or another command is writing this cross-validation; or `name` is
            that of a finished study of other options or another dataset.
        KeyboardInterrupt: stopped by the user during training.
    """
    require_modules(*TRAINING, needed_by="training")
    chosen = _options(workspace, from_run, options)
    require_boosting(chosen.arch)
    with workspace.reading_dataset():
        plan = plan_folds(workspace, folds=folds, repeats=repeats, leave_out=leave_out, seed=chosen.seed)
        for fold in plan.folds:
            own = [film for film, part in zip(plan.films, fold.parts, strict=True) if part == _VALIDATION]
            check_operating_point(own, plan.made.classes.positive, chosen.operating_point)
        name = study_name(
            workspace,
            name or f"{chosen.arch}-{plan.name}",
            chosen,
            plan.made.fingerprint,
            asked=name is not None,
            replace_study=replace_study,
        )
        folder = workspace.crossval(name)
        with workspace.lock_crossval(name), TrainingProcess(workspace) as process:
            answered: list[FoldPredictions] = []
            tested: list[CrossvalFold] = []

            def test(fold: Fold) -> None:
                predictor = open_predictor(folder.fold(fold.number, fold.repeat).run(chosen.arch))
                answered.append(_predict(plan, fold, predictor))
                tested.append(_fold(plan, fold, answered[-1]))
                check_unchanged(workspace, plan.made)

            for number, fold in enumerate(plan.folds):
                counts = ", ".join(f"{fold.parts.count(part)} {part}" for part in PARTS)
                note(f"[{number + 1}/{len(plan.folds)}] {plan.title(fold)}: {counts} films")
                place = folder.fold(fold.number, fold.repeat)
                write_fold(plan, fold, place)
                with _training(place, replace(chosen, seed=plan.seed_of(fold)), process):
                    if number:
                        test(plan.folds[number - 1])
            test(plan.folds[-1])
            record = _record(plan, chosen, answered, tested)
            with staged_folder(folder.root, keep=True) as stage:
                made = CrossvalFolder(stage)
                _remove_others(made, plan)
                write_crossval(made, record, answered)
    return CrossValidated(folder=folder, record=record)


def _options(workspace: Workspace, from_run: str | None, changes: Mapping[str, Any]) -> TrainingOptions:
    options = TrainingOptions()
    if from_run:
        original = find_original(workspace, from_run)
        options = read_options(original.record.options, original.folder.record)
    if options.strategy == "multi-worker":
        # Folds are trained on one machine; several machines would come to the same weights.
        options = change_options(options, {"strategy": "none"})
    options = change_options(options, changes)
    if ARCHITECTURES[options.arch].finds_lungs:
        raise UsageError(
            f"Expected a classifier for cross-validation. Received: {options.arch}, which finds lungs.",
            hint=f"Architectures: {', '.join(CLASSIFIERS)}",
        )
    check_task(options, changes)
    if options.strategy == "multi-worker":
        raise UsageError(
            "Expected a strategy for one machine, none or mirrored, for cross-validation. Received: multi-worker.",
            hint="For example: cxr crossval --strategy mirrored",
        )
    return options


@contextmanager
def _training(place: Workspace, options: TrainingOptions, process: TrainingProcess) -> Iterator[None]:
    """Train a fold's run while the block does something else, unseen: two bars at once would overwrite each other."""
    if is_trained(place, options):
        note("Already trained on these films with these options: kept.")
        yield
        return
    try:
        with process.training(place, options), watched_by(Watcher()):
            yield
    except KeyboardInterrupt:
        note("Stopped during a fold. The same command resumes that fold, and keeps the earlier ones.")
        raise


def _predict(plan: FoldPlan, fold: Fold, predictor: Predictor) -> FoldPredictions:
    films = [film for film, part in zip(plan.films, fold.parts, strict=True) if part == _TEST]
    predicted = predict_films(
        predictor,
        films,
        [plan.workspace.dataset.root / film.path for film in films],
        framed=bool(plan.made.framing),
        description=f"Predicting its test films ({plan.title(fold)})",
    )
    return FoldPredictions(name=fold.name, repeat=fold.repeat, run=predictor.record, predicted=predicted)


def _remove_others(folder: CrossvalFolder, plan: FoldPlan) -> None:
    """Remove the folds that an earlier plan of that name had and this one has not; further repeats of it stay."""
    for repeat in range(1, plan.repeats + 1):
        prefix = folder.fold_prefix(repeat)
        for path in folder.root.glob(f"{prefix}*"):
            number = path.name.removeprefix(prefix)
            if number.isdecimal() and int(number) > plan.in_repeat:
                shutil.rmtree(path, ignore_errors=True)


def _record(
    plan: FoldPlan, options: TrainingOptions, folds: Sequence[FoldPredictions], tested: list[CrossvalFold]
) -> CrossvalRecord:
    once = [fold.predicted for fold in folds[: plan.in_repeat]]
    positives, groups = (np.concatenate([getattr(one, name) for one in once]) for name in ("positives", "groups"))
    counted = Counter[str]()
    for fold in folds:
        counted.update(asdict(count_confusion(fold.predicted.positives, fold.predicted.called)))
    return CrossvalRecord(
        schema_version=CrossvalRecord.VERSION,
        **stamp(),
        arch=options.arch,
        options=asdict(options),
        left_out=plan.column,
        repeats=plan.repeats,
        seed=plan.seed,
        dataset_fingerprint=plan.made.fingerprint,
        positive=plan.made.classes.positive,
        negative=plan.made.classes.negative,
        films=len(positives),
        patients=len(np.unique(groups)),
        films_without_patient=_unnamed(plan, folds),
        positives=int(positives.sum()),
        negatives=int((~positives).sum()),
        folds=tested,
        skipped=[SkippedFold(name=lost.name, films=lost.films, reason=lost.reason) for lost in plan.skipped],
        across_folds=across_folds(
            [fold.metrics for fold in tested],
            in_repeat=plan.in_repeat,
            patients=None if plan.column else count_patients(positives, groups),  # they say nothing of other sources
        ),
        interval_of=what_intervals_are_of(plan.column),
        interval_method=RECIPE_METHOD,
        fold_interval_method=METHOD,
        confusion_matrix=dict(counted),
        subgroups=subgroups_across(folds, in_repeat=plan.in_repeat, left_out=plan.column),
        notes=_notes(plan, folds),
    )


def _fold(plan: FoldPlan, fold: Fold, answered: FoldPredictions) -> CrossvalFold:
    metrics, intervals = measure_predictions(answered.predicted)
    groups = {
        part: {film.group for film, own in zip(plan.films, fold.parts, strict=True) if own == part} for part in PARTS
    }
    run: RunRecord = answered.run
    return CrossvalFold(
        name=fold.name,
        repeat=fold.repeat,
        films=run.films,
        patients={part: len(members) for part, members in groups.items()},
        without_part=fold.parts.count(""),
        epochs=run.epochs,
        best_epoch=run.best_epoch,
        slope=run.calibration.slope if run.calibration else None,
        intercept=run.calibration.intercept if run.calibration else None,
        threshold=run.threshold,
        metrics=metrics,
        intervals=intervals,
        seconds=round(sum(run.seconds.values()), 3),
    )


def _unnamed(plan: FoldPlan, folds: Sequence[FoldPredictions]) -> int:
    """How many of the tested films name no patient."""
    return sum(not film.patient for fold in folds[: plan.in_repeat] for film in fold.predicted.films)


def _notes(plan: FoldPlan, folds: Sequence[FoldPredictions]) -> list[str]:
    notes = [
        f"The {plan.column} {lost.name} was not left out, and its {lost.films} films not tested: {lost.reason}."
        for lost in plan.skipped
    ]
    alike = [
        f"{plan.title(fold)} ({answered.predicted.films[0].label})"
        for fold, answered in zip(plan.folds, folds, strict=True)
        if len({film.label for film in answered.predicted.films}) == 1
    ]
    if alike:
        notes.append(
            f"Test films of one class: {'; '.join(alike)}. Such a fold has a sensitivity or a specificity, but no AUC "
            "and nothing else that needs both classes; it is left out of these means."
        )
    if plan.column is None and plan.in_repeat < _USUAL:
        times = times_as_wide(plan.in_repeat, than=_USUAL)
        notes.append(
            f"The spread of only {plan.in_repeat} folds is hardly known, so the intervals of the means are about "
            f"{times:.1f} times as wide as those of {_USUAL} folds of the same spread. Use --folds {_USUAL}."
        )
    without = max(fold.parts.count("") for fold in plan.folds)
    if without:
        notes.append(
            f"A patient with a film of the {plan.column} left out is not used in that training run at all: up to "
            f"{without} films per fold are neither trained on nor tested there."
        )
    unnamed = _unnamed(plan, folds)
    if unnamed:
        notes += [
            narrow_in_words(sum(len(fold.predicted.films) for fold in folds[: plan.in_repeat]), unnamed),
            "A patient with several such films may be both in training and in the test of a fold, which would "
            "make the figures too good.",
        ]
    if plan.made.given_parts:
        notes.append("The dataset's own split is not used: its parts are pooled.")
    return [*notes, *plan.made.notes]
