"""A run's answers on one part of the prepared dataset, and what they are worth."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cxr_cli.dataset.manifest import Film, read_manifest
from cxr_cli.dataset.record import DatasetRecord, Leak
from cxr_cli.errors import CxrError, WorkspaceError
from cxr_cli.evaluation.kin import count_kin, find_kin, small_of
from cxr_cli.evaluation.record import ReportRecord, SeenFilms
from cxr_cli.evaluation.report import Answers, make_report, write_report
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.progress import note, track
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.files import lock, staged_folder
from cxr_cli.workspace.folders import PARTS, EvaluationFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record


@dataclass(frozen=True)
class FilmSet:
    """Films to test a run on."""

    name: str  # train, val or test; or that of films from elsewhere
    films: Sequence[Film]
    paths: Sequence[Path]  # where they are
    small: np.ndarray  # (N, 96, 96) uint8: near-twins are known by it
    segmented: bool = False  # they show the lungs alone already
    same_dataset: bool = False  # the run was trained on this very split
    trained_on: bool = False  # they had a part in the training, as everybody knows
    leaks: list[Leak] = field(default_factory=list)  # of a split that was given, with other parts


@dataclass(frozen=True)
class Evaluated:
    """What `evaluate` made."""

    folder: EvaluationFolder
    report: ReportRecord
    leaks: list[Leak]  # of a split that was given: what these films have in common with another part


def evaluate(
    workspace: Workspace,
    *,
    run: str | None = None,
    split: str = "test",
    drop_seen: bool = False,
    prevalence: float | None = None,
) -> Evaluated:
    """Test a run on one part of the dataset, at its own threshold and temperature.

    Args:
        workspace: where the dataset and the run are, and where the report goes.
        run: its name. Defaults to the latest.
        split: train, val or test; only test is a test.
        drop_seen: leave out films that the run was trained or validated on, near-twins, and films of their patients.
        prevalence: in (0, 1), for predictive values. Defaults to none.

    Raises:
        CxrError: `split` is no part of a dataset, or no film is left.
        WorkspaceError: no dataset, no run, or one of other classes.
    """
    if split not in PARTS:
        raise CxrError(f"Expected a split: {', '.join(PARTS)}. Received: {split!r}.", hint="For example: --split test")
    predictor = open_predictor(workspace.run(run))
    chosen = _part(workspace, predictor, split)
    found, seen = answer(workspace, predictor, chosen, drop_seen=drop_seen)
    report = make_report(
        predictor, found, split=split, same_dataset=chosen.same_dataset, seen=seen, prevalence=prevalence
    )
    return Evaluated(folder=write(workspace, report, found), report=report, leaks=chosen.leaks)


def report_on_test(
    workspace: Workspace,
    predictor: Predictor,
) -> ReportRecord:
    """A run's report on the prepared test films as they are now; made first where it is missing or outdated.

    Args:
        workspace: where the dataset is, and the report.
        predictor: the run.

    Raises:
        WorkspaceError: no dataset, or one of other classes.
    """
    run, made = predictor.run.name, read_record(workspace.prepared().record, DatasetRecord)
    with contextlib.suppress(WorkspaceError):  # missing or damaged: it is made again
        report = read_record(workspace.evaluation(run, "test").record, ReportRecord)
        # To the second: a report of the same second may be that of an earlier run or dataset.
        if report.created > max(predictor.record.created, made.created) and _as_answered(report, predictor.record):
            return report
    note(f"{run} has no report on these test films: testing it first")
    return evaluate(workspace, run=run, split="test").report


def answer(
    workspace: Workspace, predictor: Predictor, chosen: FilmSet, *, drop_seen: bool
) -> tuple[Answers, SeenFilms | None]:
    """A run's answers for films, those it was trained on found, and left out where that is asked for.

    Raises:
        CxrError: a film can't be read, or none is left.
        WorkspaceError: films are to be left out, and the run has no record of those it was trained on.
    """
    known: list[str] | None = None
    if chosen.same_dataset and not chosen.leaks and not chosen.trained_on:
        known = [""] * len(chosen.films)  # `prepare` has seen to it
    elif drop_seen or not chosen.trained_on:
        known = find_kin(workspace, predictor, chosen.films, chosen.small)
    kin = known or [""] * len(chosen.films)
    if drop_seen:
        if known is None:
            raise WorkspaceError(
                f"Expected a run that keeps a record of its training films. Received: {predictor.run.name}, which has "
                "none, and the prepared dataset is not the one it was trained on.",
                hint=f"Make the run again, or leave out --drop-seen: {RunRecord.MADE_BY}",
            )
        kept = [place for place, how in enumerate(kin) if not how]
        if not kept:
            raise CxrError(
                f"Expected films that {predictor.run.name} was not trained on. Received: {len(kin)} films, each of "
                "them, or its kin, was among its training or validation films.",
                hint="Test it on other films: cxr evaluate --external --metadata FILE",
            )
        films, paths = [chosen.films[place] for place in kept], [chosen.paths[place] for place in kept]
        chosen, kin = replace(chosen, films=films, paths=paths), [""] * len(kept)
    raw, probabilities = np.empty(len(kin)), np.empty(len(kin))
    answered = predictor.predict_all(chosen.paths, segmented=chosen.segmented)
    for place, (_, one) in enumerate(track(answered, f"Answering {chosen.name} films", total=len(kin))):
        if isinstance(one, CxrError):
            raise one
        raw[place], probabilities[place] = one.raw, one.probabilities[predictor.positive]
    positives = np.array([film.label == predictor.positive for film in chosen.films])
    seen = None if known is None else count_kin(known, dropped=drop_seen)
    return Answers(chosen.films, positives, raw, probabilities, kin), seen


def write(workspace: Workspace, report: ReportRecord, found: Answers) -> EvaluationFolder:
    """Write a report to its place in the workspace."""
    target = workspace.evaluation(report.run, report.split)
    with lock(workspace.root), staged_folder(target.root) as stage:
        write_report(EvaluationFolder(stage), report, found)
    return target


def _part(workspace: Workspace, predictor: Predictor, split: str) -> FilmSet:
    dataset = workspace.prepared()
    made = read_record(dataset.record, DatasetRecord)
    if made.classes != predictor.classes:
        raise WorkspaceError(
            f"Expected films of the run's classes {predictor.record.class_indices}. "
            f"Received: {dataset.root} has {made.class_indices}.",
            hint="Prepare the dataset with the run's --positive, or train again",
        )
    if made.segment and made.segment != predictor.record.segment:
        raise WorkspaceError(
            f"Expected films as the run {predictor.run.name} was trained on: "
            f"{predictor.record.segment or 'whole'}. Received: {dataset.root} shows the lungs alone ({made.segment}).",
            hint="Prepare the dataset as it was for that run, or train again",
        )
    everything = read_manifest(dataset)
    places = [place for place, film in enumerate(everything) if film.split == split]
    films = [everything[place] for place in places]
    return FilmSet(
        name=split,
        films=films,
        paths=[dataset.root / film.path for film in films],
        small=small_of(dataset, places),
        segmented=bool(made.segment),
        trained_on=split != "test",
        same_dataset=made.fingerprint == predictor.record.dataset_fingerprint,
        leaks=[leak for leak in made.leaks if split in (leak.earlier, leak.later)],
    )


def _as_answered(report: ReportRecord, run: RunRecord) -> bool:
    """Whether the run still has the threshold and temperature that the report was made with."""
    temperature = run.calibration.temperature if run.calibration else None
    return (report.threshold, report.calibration.temperature) == (run.threshold, temperature)
