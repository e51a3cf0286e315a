"""`cxr compare`: several runs of a workspace side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_cli.cli import console
from cxr_cli.cli.completion import complete_own_runs
from cxr_cli.cli.exit_codes import ExitCode
from cxr_cli.cli.options import JsonOption, ReplaceOption, WorkspaceOption
from cxr_cli.disclaimer import DISCLAIMER

if TYPE_CHECKING:
    from cxr_cli.cli.tables import TableColumn
    from cxr_cli.doubts import Doubt
    from cxr_cli.evaluation.compare import Comparison
    from cxr_cli.evaluation.comparison import ComparedPair, ComparedRun
    from cxr_cli.metrics.table import Metric
    from cxr_cli.workspace.layout import Workspace

_LEGEND = (
    "bal. acc.: mean of sensitivity and specificity. MCC: Matthews' correlation coefficient.",
    "par.: parameters of the network.",
    "file: what cxr predict loads. train: the fit alone, on the machine that did it.",
)


def compare(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            autocompletion=complete_own_runs, help="Names of trained runs. Default: all.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the files. Default: comparison/ in the workspace.",
            show_default=False,
        ),
    ] = None,
    replace: ReplaceOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare trained runs: test metrics, size and time.

    A run without a current evaluation on the test films is tested first. The best run is then compared with each of the
    others, on the films that both have predictions for: DeLong's test for the AUC, McNemar's test for the classes, with
    p values corrected for all pairs of runs (Holm), and the difference in each metric with its interval.
    Writes the tables as CSV and Markdown, and a chart.

    Example: cxr compare mobilenetv2 xception
    """
    from cxr_cli.api.testing import compare as compare_runs
    from cxr_cli.workspace.layout import Workspace

    comparison = compare_runs(runs or (), output=output, replace=replace, workspace=workspace)
    show_comparison(comparison, Workspace.find(workspace), as_json=as_json)
    if runs and comparison.skipped:
        raise typer.Exit(ExitCode.ERROR)


def show_comparison(comparison: "Comparison", workspace: "Workspace", *, as_json: bool) -> None:
    """Print the runs side by side, what speaks against them, and why others were left out."""
    from cxr_cli.reporting.run_doubts import run_doubts

    doubts = run_doubts(workspace, *(workspace.run(row.run) for row in comparison.rows))
    for name, problem in comparison.skipped.items():
        console.note(f"Left out {name}. {problem.message}")
        console.note(problem.hint)
    if as_json:
        console.show_doubts(doubts, aside=True)
        console.result_json(
            {
                "test_films": comparison.films,
                "runs": [row.row for row in comparison.rows],
                "pairs": [pair.row for pair in comparison.pairs],
                "left_out": {name: problem.message for name, problem in comparison.skipped.items()},
                "files": str(comparison.folder.root),
            }
        )
    else:
        _show(comparison, doubts)


def _show(comparison: "Comparison", doubts: "Sequence[Doubt]") -> None:
    from cxr_cli.metrics.table import metrics_in
    from cxr_cli.numbers import UNDEFINED, spread

    console.result(comparison.title)
    console.show_doubts(doubts)
    console.result()
    shown = metrics_in("compare", ranked=True)
    console.show_table(_columns(shown), [_cells(row, shown) for row in comparison.rows], rule=True)
    console.result()
    with_interval = [metric for metric in shown if metric.compare_interval]
    console.show_table(
        ["95% intervals", *(metric.title for metric in with_interval)],
        [
            [row.title, *(spread(row.intervals[metric.name]) or UNDEFINED for metric in with_interval)]
            for row in comparison.rows
        ],
        rule=True,
    )
    console.result()
    if not all(row.same_dataset for row in comparison.rows):
        console.result(
            "* trained on another dataset or split than the prepared one: these test films may have been among its "
            "training films, so its figures don't test it."
        )
    for line in (*_LEGEND, comparison.timing):
        console.result(line)
    console.result()
    if comparison.pairs:
        _show_pairs(comparison.pairs)
    console.result(f"Files: {comparison.folder.root}", dim=True)
    console.result(DISCLAIMER, dim=True)


def _show_pairs(pairs: "Sequence[ComparedPair]") -> None:
    from cxr_cli.cli.tables import TableColumn
    from cxr_cli.evaluation.comparison import PAIRED, pair_notes
    from cxr_cli.films.in_words import count_in_words

    films = {(pair.films, pair.patients, pair.films_without_patient) for pair in pairs}
    counts = " or ".join(count_in_words(*numbers) for numbers in sorted(films))
    console.result(f"In pairs, on the films that both have predictions for: {counts}")
    console.result()
    tests = (
        TableColumn(),
        TableColumn("AUC difference"),
        TableColumn("p"),
        TableColumn("first right\nalone", drop=2),
        TableColumn("second right\nalone", drop=2),
        TableColumn("p", drop=1),
    )
    console.show_table(tests, [pair.cells for pair in pairs], rule=True)
    console.result()
    differences = [TableColumn(metric.column, drop=place) for place, metric in enumerate(PAIRED)]
    console.show_table([TableColumn("difference"), *differences], [pair.difference_cells for pair in pairs], rule=True)
    console.result()
    for line in pair_notes(pairs):
        console.result(line)
    console.result()


def _columns(shown: "Sequence[Metric]") -> "list[TableColumn]":
    """The first metric stays; what a run costs goes before any of the others."""
    from cxr_cli.cli.tables import TableColumn

    metrics = [TableColumn(metric.column, drop=place) for place, metric in enumerate(shown)]
    last = len(metrics)
    costs = [
        TableColumn("par.\nM", drop=last + 2),
        TableColumn("file\nMB", drop=last),
        TableColumn("time\nms", drop=last + 1),
    ]
    return [TableColumn("run"), *metrics, *costs, TableColumn("train\nmin", drop=last + 3)]


def _cells(row: "ComparedRun", shown: "Sequence[Metric]") -> list[str]:
    costs = (f"{row.bytes / 1e6:.1f}", f"{row.milliseconds:.1f}", row.training_minutes)
    figures = [row.cell(metric, interval=False) for metric in shown]
    return [row.title, *figures, f"{row.parameters / 1e6:.2f}", *costs]
