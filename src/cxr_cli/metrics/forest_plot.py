"""A forest plot of subgroups: a row for each, with its metrics and their intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from cxr_cli.films.figures import CHANCE, CURVE, GRID, PAGE, RAW, THRESHOLD, new_chart, save_figure
from cxr_cli.metrics.chart_films import ChartFilms, with_interval
from cxr_cli.metrics.intervals import Interval
from cxr_cli.metrics.subgroups import SubgroupRow, why_none
from cxr_cli.metrics.table import METRICS

_SHOWN = ("roc_auc", "sensitivity", "specificity")
_MOST_OF_COLUMN = 8  # the values of a column with the most films
_NAME, _CLASS = 21, 12  # characters
# Inches.
_ROW, _TOP, _BOTTOM, _PLOT, _TEXT, _SPACE, _COUNT = 0.19, 0.62, 0.5, 0.58, 1.04, 0.1, 0.62
_SMALL = 7  # points


@dataclass(frozen=True)
class _Line:
    name: str
    positives: int
    negatives: int
    metrics: Mapping[str, float | None]
    intervals: Mapping[str, Interval | None]
    indent: float = 0.12  # inches


def draw_forest(
    path: Path,
    rows: Sequence[SubgroupRow],
    metrics: Mapping[str, float | None],
    intervals: Mapping[str, Interval | None],
    *,
    films: ChartFilms,
) -> None:
    """Draw the AUC, sensitivity and specificity of all films and of each subgroup, with their 95% intervals.

    Args:
        path: the PNG to write; the SVG beside it has the same name.
        rows: of the subgroups, see `subgroups`.
        metrics: of all films.
        intervals: of all films.
        films: the films.
    """
    positives = int(films.positives.sum())
    whole = _Line("all films", positives, len(films.positives) - positives, metrics, intervals, indent=0)
    lines: list[_Line | str] = [whole]
    left_out = 0
    for column, of_column in groupby(rows, key=lambda row: row.column):
        members = list(of_column)
        left_out += max(len(members) - _MOST_OF_COLUMN, 0)
        lines.append(column)
        for row in members[:_MOST_OF_COLUMN]:  # those with the most films come first
            name = row.value if len(row.value) <= _NAME else f"{row.value[: _NAME - 1]}…"
            lines.append(_Line(name, row.positives, row.negatives, row.metrics, row.intervals))
    height = _TOP + _ROW * len(lines) + _BOTTOM
    figure, panels = new_chart(PAGE, height, columns=[1.0] * len(_SHOWN), sharey=True)
    figure.set_layout_engine("none")
    start = PAGE - len(_SHOWN) * (_PLOT + _TEXT)
    for number, (axes, metric) in enumerate(zip(panels, _SHOWN, strict=True)):
        left = start + number * (_PLOT + _TEXT)
        axes.set_position((left / PAGE, _BOTTOM / height, _PLOT / PAGE, _ROW * len(lines) / height))
        _draw_panel(axes, metric, lines, whole)
    _draw_names(panels[0], lines, films, start=start)
    more = f" The {left_out:,} subgroups with the fewest films are in report.json." if left_out else ""
    figure.text(0.01, 1 - 0.08 / height, films.title, va="top", fontsize=10)
    note = f"Bars: 95%. Dashed: all films. n/a: no film of a class that the figure needs.{more}"
    figure.text(0.01, 0.08 / height, note, va="bottom", fontsize=_SMALL)
    known = [(row.metrics["roc_auc"], f"{row.column} {row.value}") for row in rows]
    areas = sorted((value, name) for value, name in known if value is not None)
    finding = "none has enough patients of both classes for an AUC"
    if areas:
        (least, lowest), (most, highest) = areas[0], areas[-1]
        finding = f"the AUC is lowest for {lowest} ({least:.2f}) and highest for {highest} ({most:.2f})"
    save_figure(figure, path, alt=f"Forest plot of {len(rows)} subgroups of {films.counted}: {finding}.")


def _draw_panel(axes: Any, metric: str, lines: Sequence[_Line | str], whole: _Line) -> None:
    overall = whole.metrics[metric]
    if overall is not None:
        axes.axvline(overall, **THRESHOLD | {"color": RAW, "linewidth": 0.9})
    if metric == "roc_auc":
        axes.axvline(0.5, color=CHANCE, linewidth=0.9)
    for place, line in enumerate(lines):
        if isinstance(line, str):
            axes.axhline(place - 0.5, color=GRID, linewidth=0.7, xmax=1 + _TEXT / _PLOT, clip_on=False)
            continue
        value, interval = line.metrics[metric], line.intervals[metric]
        if interval:
            axes.plot([interval.low, interval.high], [place, place], color=CURVE, linewidth=1.2, clip_on=False)
        if value is not None:
            axes.plot(value, place, "D" if line is whole else "s", color=CURVE, markersize=3.5, clip_on=False)
        text = (
            why_none(METRICS[metric], line.positives, line.negatives)
            if value is None
            else with_interval(value, interval)
        )
        quiet = "#666666" if value is None else "#000000"
        axes.text(1 + _SPACE / _PLOT, place, text, va="center", fontsize=_SMALL, color=quiet)
    axes.set(xlim=(0, 1), ylim=(len(lines) - 0.5, -0.5))
    axes.set_title(METRICS[metric].title, fontsize=8, loc="left")
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"], fontsize=_SMALL)
    axes.tick_params(axis="y", length=0, labelleft=False)
    axes.spines["left"].set_visible(False)
    axes.patch.set_visible(False)  # else it may cover the end of the words beside the panel before


def _draw_names(axes: Any, lines: Sequence[_Line | str], films: ChartFilms, *, start: float) -> None:
    """Write the name and the number of films of each class of each line at the left of the first panel."""

    def at(inches: float) -> float:
        return (inches - start) / _PLOT

    columns = [(start - _SPACE - _COUNT, films.positive), (start - _SPACE, films.negative)]
    for place, line in enumerate(lines):
        if isinstance(line, str):
            axes.text(at(0.06), place, line, va="center", fontsize=8, weight="bold")
            continue
        axes.text(at(0.06 + line.indent), place, line.name, va="center", fontsize=_SMALL)
        for (right, _), count in zip(columns, (line.positives, line.negatives), strict=True):
            axes.text(at(right), place, f"{count:,}", va="center", ha="right", fontsize=_SMALL)
    for right, name in columns:
        axes.text(at(right), -0.75, name[:_CLASS], va="bottom", ha="right", fontsize=_SMALL)
