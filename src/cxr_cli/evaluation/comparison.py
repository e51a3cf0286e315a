"""Runs beside each other: one row a run, as Markdown and as a chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxr_cli.films.figures import save_figure
from cxr_cli.workspace.files import write_text

# Okabe & Ito 2008: apart for color-blind readers.
_BLUE, _ORANGE, _GREEN, _GRAY = "#0072B2", "#E69F00", "#009E73", "#888888"
_NOT_COMPARABLE = (
    "\\* trained on another dataset or split than the prepared one: films of this test may have been among its "
    "training films, so its figures are no test."
)


@dataclass(frozen=True)
class Row:
    """One run: how well it does on the test films, and what it costs."""

    run: str
    arch: str
    accuracy: float | None
    balanced_accuracy: float | None
    sensitivity: float | None
    specificity: float | None
    roc_auc: float | None
    roc_auc_low: float | None  # its 95 % interval
    roc_auc_high: float | None
    parameters: int  # of the network
    bytes: int  # of the files that answer
    milliseconds: float  # a film
    training_seconds: float
    same_dataset: bool  # trained on this very split; else its figures are no test

    @property
    def title(self) -> str:
        """The run's name, with an asterisk where its figures are no test."""
        return self.run if self.same_dataset else f"{self.run}*"


@dataclass(frozen=True)
class Pair:
    """Two runs on the films that both answered."""

    a: str
    b: str
    films: int
    patients: int
    auc_difference: float | None  # a's - b's; None where the films are of one class
    auc_low: float | None  # its 95 % interval
    auc_high: float | None
    auc_p: float | None  # of no difference: DeLong's test, for films of the same patients where there are any
    only_a_right: int  # films, each run at its own operating point
    only_b_right: int
    answers_p: float  # of no difference: McNemar's exact test, over patients

    @property
    def cells(self) -> list[str]:
        """As the tables show it."""
        around = f" ({self.auc_low:+.3f} to {self.auc_high:+.3f})" if self.auc_low is not None else ""
        gap = "–" if self.auc_difference is None else f"{self.auc_difference:+.3f}{around}"
        p = "–" if self.auc_p is None else _p(self.auc_p)
        return [f"{self.a} - {self.b}", gap, p, str(self.only_a_right), str(self.only_b_right), _p(self.answers_p)]


PAIR_NOTES = (
    "AUC difference: 95 % interval and p by DeLong's test, in Obuchowski's form for patients with more films than one.",
    "Right alone: films that one of the two answers right and the other wrong, each at its own operating point; p by "
    "McNemar's exact test, over patients.",
)
PICKED_NOTE = "The best of several runs was picked on these very films, which makes its p values too small."


def write_markdown(path: Path, rows: Sequence[Row], pairs: Sequence[Pair], *, title: str, notes: Sequence[str]) -> None:
    """Write the tables as Markdown, under `title` and above `notes`."""
    columns = {
        "run": [row.title.replace("*", "\\*") for row in rows],
        "architecture": [row.arch for row in rows],
        "ROC AUC (95 %)": [_with_interval(row) for row in rows],
        "balanced accuracy": [figure(row.balanced_accuracy) for row in rows],
        "accuracy": [figure(row.accuracy) for row in rows],
        "sensitivity": [figure(row.sensitivity) for row in rows],
        "specificity": [figure(row.specificity) for row in rows],
        "parameters": [f"{row.parameters:,}" for row in rows],
        "file (MB)": [f"{row.bytes / 1e6:.1f}" for row in rows],
        "ms a film": [f"{row.milliseconds:.1f}" for row in rows],
        "training (min)": [f"{row.training_seconds / 60:.1f}" for row in rows],
    }
    lines = [list(columns), ["---", "---", *["---:"] * (len(columns) - 2)], *zip(*columns.values(), strict=True)]
    table = _table(lines)
    marked = [] if all(row.same_dataset for row in rows) else [_NOT_COMPARABLE]
    paired = []
    if pairs:
        header = ["films of both", "AUC difference", "p", "first right alone", "second right alone", "p"]
        paired = [_table([header, ["---", *["---:"] * 5], *(pair.cells for pair in pairs)]), *PAIR_NOTES]
        paired += [PICKED_NOTE] if len(pairs) > 1 else []
    write_text(path, "\n\n".join([f"# {title}", table, *marked, *paired, *notes]) + "\n")


def _table(lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _with_interval(row: Row) -> str:
    around = f" ({row.roc_auc_low:.3f}–{row.roc_auc_high:.3f})" if row.roc_auc_low is not None else ""
    return figure(row.roc_auc) + around


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def figure(value: float | None) -> str:
    """A figure in [0, 1] as the tables show it."""
    return "–" if value is None else f"{value:.3f}"


def draw_comparison(path: Path, rows: Sequence[Row], *, title: str) -> None:
    """Draw the runs as lines of bars: ROC AUC and balanced accuracy, milliseconds a film, megabytes."""
    from matplotlib.figure import Figure

    chart = Figure(figsize=(10, 1.9 + 0.5 * len(rows)), layout="constrained")
    quality, time, size = chart.subplots(1, 3, sharey=True, width_ratios=[2.2, 1, 1])
    places = range(len(rows))
    # Two bars a run, of which the AUC's is the upper one.
    for values, shift, color, label in (
        ([row.roc_auc for row in rows], -0.19, _BLUE, "ROC AUC"),
        ([row.balanced_accuracy for row in rows], 0.19, _ORANGE, "balanced accuracy"),
    ):
        bars = quality.barh([place + shift for place in places], [value or 0 for value in values], 0.36, color=color)
        _label(quality, bars, [figure(value) for value in values])
        bars.set_label(label)
    quality.axvline(0.5, color=_GRAY, linestyle="--", linewidth=1, label="chance")
    quality.set_xlim(0, 1.2)
    quality.set_xticks([0, 0.25, 0.5, 0.75, 1])
    quality.set_yticks(places, [row.title for row in rows])
    quality.invert_yaxis()
    chart.legend(loc="outside lower left", ncols=3, frameon=False, fontsize=9)
    _bars(time, [row.milliseconds for row in rows], "milliseconds a film")
    _bars(size, [row.bytes / 1e6 for row in rows], "file, MB")
    for axes in (quality, time, size):
        axes.spines[["top", "right"]].set_visible(False)
    starred = "" if all(row.same_dataset for row in rows) else "\n* trained on another dataset or split: no test"
    chart.suptitle(title + starred, fontsize=11)
    save_figure(chart, path)


def _bars(axes: Any, values: Sequence[float], name: str) -> None:
    bars = axes.barh(range(len(values)), values, 0.5, color=_GREEN)
    _label(axes, bars, [f"{value:.1f}" for value in values])
    axes.set_xlim(0, max(values) * 1.4)
    axes.set_xlabel(name)


def _label(axes: Any, bars: Any, texts: Sequence[str]) -> None:
    # On white, so that the line of chance doesn't cross a number.
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
    axes.bar_label(bars, texts, padding=4, fontsize=9, bbox=box)
