"""Several runs of a workspace side by side, on the test films of the prepared dataset."""

import os
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from cxr_cli.dataset.manifest import Film, read_manifest
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.errors import CxrError
from cxr_cli.evaluation.comparison import PAIRED, ComparedPair, ComparedRun, draw_comparison, write_markdown
from cxr_cli.evaluation.evaluate import current_test
from cxr_cli.evaluation.predicted import EvaluatedFilm, read_predictions
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.films.in_words import count_in_words
from cxr_cli.films.reader import read_film
from cxr_cli.metrics.chance import Standing, run_standing_in_words, standing
from cxr_cli.metrics.holm import corrected
from cxr_cli.metrics.paired_differences import Difference, paired_difference
from cxr_cli.metrics.paired_tests import delong, mcnemar
from cxr_cli.metrics.sample import Sample
from cxr_cli.metrics.table import RANKED_BY
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.workspace.files import write_table
from cxr_cli.workspace.folders import ComparisonFolder, DatasetFolder, RunFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record
from cxr_cli.workspace.staging import staged_folder

_WARM_UP, _TIMED = 3, 20  # predictions


@dataclass(frozen=True)
class Comparison:
    """What `compare` made."""

    rows: list[ComparedRun]  # the best ROC AUC first; runs whose figures don't test them last
    pairs: list[ComparedPair]  # the first of `rows` with each other one, on the films that both have predictions for
    skipped: dict[str, CxrError]  # run -> why it has no row
    films: dict[str, int]  # label -> test films
    title: str
    timing: str  # how the milliseconds were measured
    folder: ComparisonFolder


def compare(
    workspace: Workspace,
    runs: Sequence[str] = (),
    *,
    output: Path | None = None,
) -> Comparison:
    """Compare runs; one whose evaluation on the prepared test films is missing or not current is tested first.

    Args:
        workspace: where the dataset and the runs are.
        runs: their names. Defaults to all.
        output: the folder for table and chart. Defaults to the workspace's.

    Raises:
        WorkspaceError: there is no dataset, no run, no run of that name, or none that can be read.
    """
    folder = ComparisonFolder(output) if output else workspace.comparison
    chosen = [workspace.run(name) for name in dict.fromkeys(runs)] if runs else workspace.runs() or [workspace.run()]
    dataset = workspace.prepared()
    with workspace.reading_dataset(), workspace.lock_result(folder.root):
        return _compare(workspace, chosen, dataset, folder)


def _compare(
    workspace: Workspace, chosen: Sequence[RunFolder], dataset: DatasetFolder, folder: ComparisonFolder
) -> Comparison:
    made = read_record(dataset.record, DatasetRecord)
    tested = [film for film in read_manifest(dataset) if film.split == "test"]
    film = read_film(dataset.root / tested[0].path)
    evaluations: dict[str, EvaluationRecord] = {}
    predictors: dict[str, Predictor] = {}
    skipped: dict[str, CxrError] = {}
    for run in chosen:
        try:
            predictors[run.name] = open_predictor(run)
            predictors[run.name].predict(film, force=True)  # so that damaged weights are an error of this run only
            evaluations[run.name] = current_test(workspace, predictors[run.name])
        except CxrError as problem:
            skipped[run.name] = problem
    if not evaluations:
        raise next(iter(skipped.values()))
    times = _milliseconds([predictors[name] for name in evaluations], film)
    rows = [_row(predictors[name], evaluations[name], times[name], made.fingerprint) for name in evaluations]
    rows.sort(key=_rank)
    films = {row.run: _predictions(workspace, evaluations[row.run]) for row in rows}
    comparison = Comparison(
        rows=rows,
        pairs=_pairs(films, predictors[rows[0].run].positive),
        skipped=skipped,
        films=made.films["test"],
        title=_title(made, tested),
        timing=f"time: from film in memory to prediction, median of {_TIMED}, LiteRT on {os.cpu_count()} threads.",
        folder=folder,
    )
    _write(comparison)
    return comparison


def _rank(row: ComparedRun) -> tuple[bool, float, float, str]:
    return not row.same_dataset, -(row.metrics[RANKED_BY] or 0), -(row.metrics["balanced_accuracy"] or 0), row.run


def _title(made: DatasetRecord, tested: Sequence[Film]) -> str:
    films = made.films["test"]
    counts = ", ".join(f"{count} {label}" for label, count in films.items())
    patients, without = len({film.group for film in tested}), sum(not film.patient for film in tested)
    return f"Runs on {count_in_words(len(tested), patients, without, kind='test films')} ({counts})"


def _predictions(workspace: Workspace, evaluation: EvaluationRecord) -> dict[str, EvaluatedFilm]:
    """A run's predictions for the test films, by image."""
    folder = workspace.evaluation(evaluation.run, "test")
    return {film.image: film for film in read_predictions(folder, evaluation)}


def _pairs(films: Mapping[str, Mapping[str, EvaluatedFilm]], positive: str) -> list[ComparedPair]:
    """The first run with each other one, given the predictions of all runs, the best run first.

    The best run was picked on these very films. So the p values of both tests are corrected for all pairs of runs.
    """
    best = next(iter(films))
    pairs = [_pair(one, other, films, positive) for one, other in combinations(films, 2)]
    p_values = corrected([p for pair in pairs for p in (pair.auc_p, pair.answers_p)])
    return [
        replace(
            pair,
            auc_p_holm=p_values[2 * place],
            answers_p_holm=p_values[2 * place + 1],
            tests=sum(p is not None for p in p_values),
            differences=_differences(*_on_both(best, pair.b, films), positive),
        )
        for place, pair in enumerate(pairs)
        if pair.a == best
    ]


def _on_both(
    a: str, b: str, films: Mapping[str, Mapping[str, EvaluatedFilm]]
) -> tuple[list[EvaluatedFilm], list[EvaluatedFilm]]:
    """The films that both runs have predictions for, as the one and as the other predicts them."""
    both = [image for image in films[a] if image in films[b]]
    return [films[a][image] for image in both], [films[b][image] for image in both]


def _pair(a: str, b: str, films: Mapping[str, Mapping[str, EvaluatedFilm]], positive: str) -> ComparedPair:
    sides = _on_both(a, b, films)
    positives = np.array([film.truth == positive for film in sides[0]], bool)
    groups = np.array([film.group for film in sides[0]])
    # As the network gives them: calibration does not change their order, but may round some of them to the same.
    scores = [np.array([film.raw_probability for film in side]) for side in sides]
    correct = [np.array([film.correct for film in side], bool) for side in sides]
    areas = delong(positives, scores[0], scores[1], groups) if positives.any() and not positives.all() else None
    classes = mcnemar(correct[0], correct[1], groups)
    return ComparedPair(
        a=a,
        b=b,
        films=len(groups),
        patients=len(set(groups)),
        films_without_patient=sum(not film.patient for film in sides[0]),
        auc_difference=areas.difference if areas else None,
        auc_low=areas.interval.low if areas and areas.interval else None,
        auc_high=areas.interval.high if areas and areas.interval else None,
        auc_p=areas.p if areas else None,
        only_a_right=classes.only_a,
        only_b_right=classes.only_b,
        answers_p=classes.p,
    )


def _differences(a: Sequence[EvaluatedFilm], b: Sequence[EvaluatedFilm], positive: str) -> dict[str, Difference]:
    groups = np.array([film.group for film in a])
    first, second = (
        Sample(
            positives=np.array([film.truth == positive for film in side], bool),
            probabilities=np.array([film.probability for film in side], np.float64),
            called=np.array([film.class_ == positive for film in side], bool),
        )
        for side in (a, b)
    )
    return {metric.name: paired_difference(metric, first, second, groups) for metric in PAIRED}


def _milliseconds(predictors: Sequence[Predictor], film: np.ndarray) -> dict[str, float]:
    """The median time by run. The runs take turns, so that other load on the machine affects all of them alike."""
    laps: dict[str, list[float]] = {predictor.run.name: [] for predictor in predictors}
    for _ in range(_WARM_UP + _TIMED):
        for predictor in predictors:
            start = time.perf_counter()
            predictor.predict(film, force=True)
            laps[predictor.run.name].append(1000 * (time.perf_counter() - start))
    return {name: round(statistics.median(times[_WARM_UP:]), 2) for name, times in laps.items()}


def _row(
    predictor: Predictor, evaluation: EvaluationRecord, milliseconds: float, dataset_fingerprint: str
) -> ComparedRun:
    run, record = predictor.run, predictor.record
    laps = [record.seconds[step] for step in ("fit", "boost") if step in record.seconds]
    files = [run.litert_model, *([run.booster] if record.boosting else [])]
    return ComparedRun(
        run=run.name,
        arch=record.arch,
        metrics=evaluation.metrics,
        intervals=evaluation.intervals,
        parameters=record.parameters,
        bytes=sum(file.stat().st_size for file in files),
        milliseconds=milliseconds,
        training_seconds=round(sum(laps), 1) if laps else None,
        same_dataset=record.dataset_fingerprint == dataset_fingerprint,
    )


def _not_better_than_chance(rows: Sequence[ComparedRun]) -> list[str]:
    around = {row.run: row.intervals["roc_auc"] for row in rows}
    return [
        run_standing_in_words(run, "test", interval)
        for run, interval in around.items()
        if standing(interval) is not Standing.BETTER
    ]


def _write(comparison: Comparison) -> None:
    rows = comparison.rows
    with staged_folder(comparison.folder.root, keep=True) as stage:
        folder = ComparisonFolder(stage)
        write_table(folder.csv, list(rows[0].row), (row.row for row in rows))
        if comparison.pairs:
            write_table(folder.pairs, list(comparison.pairs[0].row), (pair.row for pair in comparison.pairs))
        else:
            folder.pairs.unlink(missing_ok=True)  # from an earlier comparison
        notes = [*_not_better_than_chance(rows), comparison.timing, DISCLAIMER]
        write_markdown(folder.markdown, rows, comparison.pairs, title=comparison.title, notes=notes)
        draw_comparison(folder.picture, rows, title=comparison.title)
