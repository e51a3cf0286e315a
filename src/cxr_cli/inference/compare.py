"""The runs of a workspace beside each other, on the test films of the prepared dataset."""

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.errors import CxrError, WorkspaceError
from cxr_cli.evaluation.comparison import Row, draw_comparison, write_markdown
from cxr_cli.imaging.reader import read_film
from cxr_cli.inference.evaluate import evaluate
from cxr_cli.inference.predictor import Predictor, open_predictor
from cxr_cli.progress import Track, untracked
from cxr_cli.workspace.files import write_table
from cxr_cli.workspace.layout import ComparisonFolder, RunFolder, Workspace
from cxr_cli.workspace.records import DatasetRecord, RunRecord, read_record
from cxr_cli.workspace.reports import ReportRecord

_WARM_UP, _TIMED = 3, 20  # answers


@dataclass(frozen=True)
class Comparison:
    """What `compare` made."""

    rows: list[Row]  # the best ROC AUC first; those whose figures are no test last
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
    notice: str,
    note: Callable[[str], None] = lambda _: None,
    track: Track = untracked,
) -> Comparison:
    """Put runs beside each other; one without a report on the prepared test films is tested first.

    Args:
        workspace: where the dataset and the runs are.
        runs: their names. Defaults to all.
        output: the folder for table and chart. Defaults to the workspace's.
        notice: the last line of the Markdown file.
        note: is told which run is tested first.
        track: is told of each film of such a test.

    Raises:
        WorkspaceError: no dataset, no run, none of that name, or none that can be read.
    """
    chosen = [workspace.run(name) for name in dict.fromkeys(runs)] if runs else workspace.runs() or [workspace.run()]
    dataset = workspace.prepared()
    made = read_record(dataset.record, DatasetRecord)
    tested = [film for film in read_manifest(dataset) if film.split == "test"]
    film = read_film(dataset.root / tested[0].path)
    reports: dict[str, ReportRecord] = {}
    predictors: dict[str, Predictor] = {}
    skipped: dict[str, CxrError] = {}
    for run in chosen:
        try:
            predictors[run.name] = open_predictor(run)
            predictors[run.name].answer(film)  # damaged weights are an error here, and of this run alone
            reports[run.name] = _report(workspace, predictors[run.name].record, run, made, note, track)
        except CxrError as problem:
            skipped[run.name] = problem
    if not reports:
        raise next(iter(skipped.values()))
    times = _milliseconds([predictors[name] for name in reports], film)
    rows = [_row(predictors[name], reports[name], times[name], made.fingerprint) for name in reports]
    rows.sort(key=lambda row: (not row.same_dataset, -(row.roc_auc or 0), -(row.balanced_accuracy or 0), row.run))
    comparison = Comparison(
        rows=rows,
        skipped=skipped,
        films=made.films["test"],
        title=_title(made, patients=len({film.group for film in tested})),
        timing=f"time: a film in memory to its answer, median of {_TIMED}, LiteRT on {os.cpu_count()} threads.",
        folder=ComparisonFolder(output) if output else workspace.comparison,
    )
    _write(comparison, notice)
    return comparison


def _title(made: DatasetRecord, *, patients: int) -> str:
    films = made.films["test"]
    counts = ", ".join(f"{count} {label}" for label, count in films.items())
    return f"Runs on {sum(films.values())} test films of {patients} patients ({counts})"


def _report(
    workspace: Workspace,
    trained: RunRecord,
    run: RunFolder,
    made: DatasetRecord,
    note: Callable[[str], None],
    track: Track,
) -> ReportRecord:
    """The run's report on the test films as they are now."""
    with contextlib.suppress(WorkspaceError):  # missing or damaged: it is made again
        report = read_record(workspace.evaluation(run.name, "test").record, ReportRecord)
        # To the second: a report of the same second may be that of an earlier run or dataset.
        if report.created > max(trained.created, made.created):
            return report
    note(f"{run.name} has no report on these test films: testing it first")
    return evaluate(workspace, run=run.name, split="test", track=track).report


def _milliseconds(predictors: Sequence[Predictor], film: np.ndarray) -> dict[str, float]:
    """By run. In turns, so that what else the machine does meanwhile falls on all alike."""
    laps: dict[str, list[float]] = {predictor.run.name: [] for predictor in predictors}
    for _ in range(_WARM_UP + _TIMED):
        for predictor in predictors:
            start = time.perf_counter()
            predictor.answer(film)
            laps[predictor.run.name].append(1000 * (time.perf_counter() - start))
    return {name: round(statistics.median(times[_WARM_UP:]), 2) for name, times in laps.items()}


def _row(predictor: Predictor, report: ReportRecord, milliseconds: float, dataset_fingerprint: str) -> Row:
    run, record = predictor.run, predictor.record
    files = [run.litert_model, *([run.booster] if record.boosting else [])]
    return Row(
        run=run.name,
        arch=record.arch,
        accuracy=report.metrics["accuracy"],
        balanced_accuracy=report.metrics["balanced_accuracy"],
        sensitivity=report.metrics["sensitivity"],
        specificity=report.metrics["specificity"],
        roc_auc=report.metrics["roc_auc"],
        parameters=record.parameters,
        bytes=sum(file.stat().st_size for file in files),
        milliseconds=milliseconds,
        training_seconds=round(record.seconds["fit"] + record.seconds.get("boost", 0), 1),
        same_dataset=record.dataset_fingerprint == dataset_fingerprint,
    )


def _write(comparison: Comparison, notice: str) -> None:
    folder, rows = comparison.folder, comparison.rows
    write_table(folder.csv, [column.name for column in fields(Row)], (asdict(row) for row in rows))
    write_markdown(folder.markdown, rows, title=comparison.title, notes=[comparison.timing, notice])
    draw_comparison(folder.picture, rows, title=comparison.title)
