"""Several runs side by side: one row per run, as Markdown and as a chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from cxr_cli.films.figures import (
    CHANCE,
    CURVE,
    GRID,
    PAGE,
    RAW,
    SECOND,
    add_legend,
    new_chart,
    save_figure,
    set_figure_title,
)
from cxr_cli.films.in_words import narrow_in_words
from cxr_cli.metrics.intervals import Interval
from cxr_cli.metrics.paired_differences import Difference
from cxr_cli.metrics.table import METRICS, RANKED_BY, Metric, metrics_in
from cxr_cli.numbers import p_value, with_spread
from cxr_cli.pages.markdown import markdown_table, markdown_text
from cxr_cli.workspace.files import write_text

_NOT_COMPARABLE = (
    "\\* trained on another dataset or split than the prepared one: these test films may have been among its "
    "training films, so its figures don't test it."
)


@dataclass(frozen=True)
class ComparedRun:
    """One run: how well it does on the test films, and what it costs."""

    run: str
    arch: str
    metrics: dict[str, float | None]  # all of the table, by name
    intervals: dict[str, Interval | None]
    parameters: int  # of the network
    bytes: int  # of the files that `cxr predict` loads
    milliseconds: float  # per film
    training_seconds: float | None  # None of the model in the package, which keeps no times
    same_dataset: bool  # trained on this very split; otherwise its figures don't test it

    @property
    def title(self) -> str:
        """The run's name, with an asterisk if its figures don't test it."""
        return self.run if self.same_dataset else f"{self.run}*"

    @property
    def training_minutes(self) -> str:
        """The time of its training as tables show it; empty where it is not known."""
        return "" if self.training_seconds is None else f"{self.training_seconds / 60:.1f}"

    @property
    def figures(self) -> dict[str, float | None]:
        """The metrics that are compared: each as NAME, and its interval as NAME_low and NAME_high where it is shown."""
        figures: dict[str, float | None] = {}
        for metric in metrics_in("compare"):
            figures[metric.name] = self.metrics[metric.name]
            if metric.compare_interval:
                interval = self.intervals[metric.name]
                figures[f"{metric.name}_low"] = interval.low if interval else None
                figures[f"{metric.name}_high"] = interval.high if interval else None
        return figures

    @property
    def row(self) -> dict[str, object]:
        """Its row of `comparison.csv`, by column, and its JSON."""
        return {
            "run": self.run,
            "arch": self.arch,
            **self.figures,
            "parameters": self.parameters,
            "bytes": self.bytes,
            "milliseconds": self.milliseconds,
            "training_seconds": self.training_seconds,
            "same_dataset": self.same_dataset,
        }

    def cell(self, metric: Metric, *, interval: bool = True) -> str:
        """A metric as tables show it, with its interval where it has one to show."""
        around = self.intervals[metric.name] if interval and metric.compare_interval else None
        return with_spread(self.metrics[metric.name], around)


@dataclass(frozen=True)
class ComparedPair:
    """Two runs on the films that both have predictions for."""

    a: str
    b: str
    films: int
    patients: int
    films_without_patient: int  # of them, that name no patient
    auc_difference: float | None  # a's - b's; None where the films are of one class
    auc_low: float | None  # its 95% interval
    auc_high: float | None
    auc_p: float | None  # of no difference: DeLong's test, in its form for patients with several films
    only_a_right: int  # films that only a predicts correctly, each run at its own operating point
    only_b_right: int
    answers_p: float  # of no difference: McNemar's exact test, over patients
    auc_p_holm: float | None = None  # both p values, corrected for all tests between all runs
    answers_p_holm: float | None = None
    tests: int = 0  # how many p values were corrected together
    differences: Mapping[str, Difference] = field(default_factory=dict)  # a's - b's, by the metrics of `PAIRED`

    @property
    def row(self) -> dict[str, object]:
        """Its row of `pairs.csv`, by column, and its JSON: of a metric, NAME_difference, NAME_low and NAME_high."""
        own = {column.name: getattr(self, column.name) for column in fields(self) if column.name != "differences"}
        for name, difference in self.differences.items():
            around = difference.interval
            own[f"{name}_difference"] = difference.value
            own |= {f"{name}_low": around.low if around else None, f"{name}_high": around.high if around else None}
        return own

    @property
    def cells(self) -> list[str]:
        """As text for the table of tests."""
        areas = [_signed(self.auc_difference, self.auc_low, self.auc_high), p_value(self.auc_p_holm)]
        return [self.title, *areas, str(self.only_a_right), str(self.only_b_right), p_value(self.answers_p_holm)]

    @property
    def title(self) -> str:
        """Both runs."""
        return f"{self.a} - {self.b}"

    @property
    def difference_cells(self) -> list[str]:
        """As text for the table of differences: one cell for each metric of `PAIRED`."""
        shown = []
        for metric in PAIRED:
            difference = self.differences[metric.name]
            around = difference.interval
            shown.append(_signed(difference.value, around.low if around else None, around.high if around else None))
        return [self.title, *shown]


PAIRED = [metric for metric in metrics_in("compare") if metric.name != RANKED_BY]
_SELECTION = "The best run was chosen on these same films, so its lead is slightly overestimated."


def pair_notes(pairs: Sequence[ComparedPair]) -> list[str]:
    """What the tables of pairs show, and what was corrected, in sentences."""
    notes = [
        "AUC difference: 95% interval and p by DeLong's test, in Obuchowski's form for patients with several films.",
        "Right alone: films that only one of the two predicts correctly, each at its own operating point; p by "
        "McNemar's exact test, over patients.",
        f"Both p values are corrected for all {pairs[0].tests} tests between all runs (Holm). The intervals "
        "are not corrected.",
        "Other differences: 95% intervals over patients (MOVER).",
    ]
    narrow = narrow_in_words(pairs[0].films, pairs[0].films_without_patient)
    return [*notes, *filter(None, [narrow]), *([_SELECTION] if len(pairs) > 1 else [])]


def write_markdown(
    path: Path, rows: Sequence[ComparedRun], pairs: Sequence[ComparedPair], *, title: str, notes: Sequence[str]
) -> None:
    """Write the tables as Markdown, under `title` and above `notes`."""
    columns = {
        "run": [row.title for row in rows],
        "architecture": [row.arch for row in rows],
        **{
            f"{metric.title} (95%)" if metric.compare_interval else metric.title: [row.cell(metric) for row in rows]
            for metric in metrics_in("compare", ranked=True)
        },
        "parameters": [f"{row.parameters:,}" for row in rows],
        "file (MB)": [f"{row.bytes / 1e6:.1f}" for row in rows],
        "ms per film": [f"{row.milliseconds:.1f}" for row in rows],
        "training (min)": [row.training_minutes for row in rows],
    }
    table = markdown_table([list(columns), *zip(*columns.values(), strict=True)], left=2)
    marked = [] if all(row.same_dataset for row in rows) else [_NOT_COMPARABLE]
    paired = []
    if pairs:
        header = ["on the same films", "AUC difference", "p", "first right alone", "second right alone", "p"]
        differences = ["difference", *(metric.title for metric in PAIRED)]
        paired = [
            markdown_table([header, *(pair.cells for pair in pairs)], left=1),
            markdown_table([differences, *(pair.difference_cells for pair in pairs)], left=1),
            *pair_notes(pairs),
        ]
    write_text(path, "\n\n".join([f"# {markdown_text(title)}", table, *marked, *paired, *notes]) + "\n")


def _signed(value: float | None, low: float | None, high: float | None) -> str:
    around = None if low is None or high is None else Interval(low=low, high=high)
    return with_spread(value, around, signed=True)


def draw_comparison(path: Path, rows: Sequence[ComparedRun], *, title: str) -> None:
    """Draw the runs as lines: ROC AUC and balanced accuracy with their intervals, milliseconds per film, megabytes.

    Args:
        path: the PNG to write; the SVG beside it has the same name.
        rows: the runs.
        title: above the chart.
    """
    chart, (quality, time, size) = new_chart(PAGE, 1.7 + 0.42 * len(rows), columns=[2.4, 1, 1], sharey=True)
    places = range(len(rows))
    # Two marks per run; the upper one is the AUC's.
    for name, shift, color, marker in (("roc_auc", -0.17, CURVE, "o"), ("balanced_accuracy", 0.17, SECOND, "s")):
        for place, row in zip(places, rows, strict=True):
            value, interval = row.metrics[name], row.intervals[name]
            if value is None:
                continue
            if interval:
                quality.plot([interval.low, interval.high], [place + shift] * 2, color=color, linewidth=1.4)
            quality.plot(value, place + shift, marker, color=color, markersize=5)
        quality.plot([], [], f"{marker}-", color=color, markersize=5, label=f"{METRICS[name].title}, 95%")
    quality.axvline(0.5, color=CHANCE, linewidth=1, label="chance")
    ends = [end for row in rows for name in ("roc_auc", "balanced_accuracy") for end in _ends(row, name)]
    quality.set_xlim(max(0.0, min([0.48, *(end - 0.03 for end in ends)])), 1.0)
    quality.set(xlabel="share", ylim=(len(rows) - 0.5, -0.5))
    quality.set_yticks(places, [row.title for row in rows])
    quality.grid(axis="x", color=GRID)
    add_legend(chart, handles=quality.get_legend_handles_labels()[0], loc="outside lower left", ncols=3)
    _bars(time, [row.milliseconds for row in rows], "milliseconds per film")
    _bars(size, [row.bytes / 1e6 for row in rows], "file, MB")
    starred = "" if all(row.same_dataset for row in rows) else "\n* trained on another dataset or split, so not a test"
    set_figure_title(chart, title + starred)
    areas = sorted((row.metrics["roc_auc"] or 0.0, row.run) for row in rows)
    highest = f"the highest AUC is {areas[-1][0]:.3f} ({areas[-1][1]})"
    lowest = f" and the lowest {areas[0][0]:.3f} ({areas[0][1]})" if len(areas) > 1 else ""
    save_figure(chart, path, alt=f"Comparison of {len(rows)} runs: {highest}{lowest}.")


def _ends(row: ComparedRun, name: str) -> list[float]:
    interval = row.intervals[name]
    return [interval.low] if interval else [value for value in [row.metrics[name]] if value is not None]


def _bars(axes: Any, values: Sequence[float], name: str) -> None:
    bars = axes.barh(range(len(values)), values, 0.5, color=RAW)
    axes.bar_label(bars, [f"{value:.1f}" for value in values], padding=3, fontsize=8)
    axes.set(xlim=(0, max(values) * 1.45), xlabel=name)
