"""Charts of an evaluation: confusion matrix, ROC curve, reliability, scores by class."""

from pathlib import Path
from typing import Any

import numpy as np

from cxr_cli.films.figures import (
    BAND,
    CALIBRATED,
    CHANCE,
    COLUMN,
    CURVE,
    OTHER,
    POSITIVE,
    RAW,
    THRESHOLD,
    add_legend,
    new_chart,
    save_figure,
    set_chart_title,
    set_figure_title,
)
from cxr_cli.metrics.bands import roc_band
from cxr_cli.metrics.calibration import BINS, expected_calibration_error, reliability
from cxr_cli.metrics.chart_films import ChartFilms, fitted_limits, with_interval
from cxr_cli.metrics.intervals import Interval
from cxr_cli.metrics.ranking_intervals import auc_interval
from cxr_cli.metrics.sample import count_confusion

_SCORE_BINS = 30


def draw_confusion(path: Path, films: ChartFilms) -> None:
    """Draw a confusion matrix: truth down, predictions across, with counts and the share of each true class.

    Args:
        path: the PNG to write; the SVG beside it has the same name.
        films: of one class or both.
    """
    cells = count_confusion(films.positives, films.called)
    counts = np.array([[cells.true_negative, cells.false_positive], [cells.false_negative, cells.true_positive]])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axes = new_chart(COLUMN, 3.6)
    axes.pcolormesh(shares, cmap="Greys", vmin=0, vmax=1.25, edgecolor="white", linewidth=2)
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.62 else "black"
        text = f"{count:,}\n{shares[row, column]:.0%}" if counts[row].any() else "no film"
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=color, fontsize=12)
    names = [films.negative, films.positive]
    axes.set_xticks([0.5, 1.5], names)
    totals = [f"{name}\nn = {count:,}" for name, count in zip(films.truth, counts.sum(axis=1), strict=True)]
    axes.set_yticks([0.5, 1.5], totals)
    axes.set(xlabel="called (number and share of the true class)", ylabel="truth", ylim=(2, 0))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    set_chart_title(axes, films.title)
    right = [
        f"{counts[place, place]:,} of {counts[place].sum():,} {name} films ({shares[place, place]:.0%})"
        for place, name in enumerate(films.truth)
        if counts[place].any()
    ]
    save_figure(figure, path, alt=f"Confusion matrix: called correctly are {' and '.join(reversed(right))}.")


def draw_roc(path: Path, films: ChartFilms) -> None:
    """Draw the ROC curve with its 95% band, its AUC, chance, and the operating point with its intervals.

    Args:
        path: the PNG to write; the SVG beside it has the same name.
        films: of both classes.
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    positives, probabilities, groups = films.positives, films.probabilities, films.groups
    false_rate, true_rate, _ = roc_curve(positives, probabilities)
    auc = with_interval(roc_auc_score(positives, probabilities), auc_interval(positives, probabilities, groups))
    figure, axes = new_chart(COLUMN, 5.2)
    axes.plot([0, 1], [0, 1], color=CHANCE, linewidth=1, label="chance: AUC 0.50")
    band = roc_band(positives, probabilities, groups)
    if band:
        axes.fill_between(
            band.at, band.low, band.high, color=CURVE, alpha=BAND, linewidth=0, label="95% at each 1 − specificity"
        )
    axes.plot(false_rate, true_rate, color=CURVE, label=f"AUC {auc}")
    (sensitivity, of_sensitivity), (false, of_false) = films.rate(positives), films.rate(~positives)
    axes.plot([false, false, 0], [0, sensitivity, sensitivity], **THRESHOLD)
    if of_sensitivity and of_false:
        axes.plot([false, false], [of_sensitivity.low, of_sensitivity.high], color=POSITIVE, linewidth=2)
        axes.plot([of_false.low, of_false.high], [sensitivity, sensitivity], color=OTHER, linewidth=2)
    specificity = with_interval(1 - false, of_false and Interval(low=1 - of_false.high, high=1 - of_false.low))
    words = f"sensitivity {with_interval(sensitivity, of_sensitivity)}\nspecificity {specificity}"
    axes.plot(false, sensitivity, "o", color=CURVE, markersize=5, label=f"P ≥ {films.threshold:.3g}:\n{words}")
    axes.set(xlabel=f"1 − specificity (share of {films.truth[0]} films called {films.positive})")
    axes.set(ylabel=f"sensitivity (share of {films.truth[1]} films called {films.positive})", aspect="equal")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    set_chart_title(axes, films.title)
    add_legend(axes, loc="lower right")
    save_figure(
        figure,
        path,
        alt=f"ROC curve: AUC {auc} over {films.counted}; at the operating point of {films.threshold:.3g} the "
        f"sensitivity is {sensitivity:.2f} and the specificity {1 - false:.2f}.",
    )


def draw_reliability(path: Path, films: ChartFilms, *, raw: np.ndarray | None) -> None:
    """Draw the share of positive films by probability: on the diagonal, where probabilities are calibrated.

    Args:
        path: the PNG to write; the SVG beside it has the same name.
        films: of both classes.
        raw: (N,) float, the probabilities before calibration, drawn too. None to leave them out.
    """
    figure, (axes, below) = new_chart(COLUMN, 6.0, rows=[4, 1], sharex=True)
    axes.plot([0, 1], [0, 1], color=CHANCE, linewidth=1, label="perfect calibration")
    name = "not calibrated" if raw is None else "after calibration"
    error = _draw_bins(axes, films, films.probabilities, "o", name, {"color": CALIBRATED, "linewidth": 1.4})
    alt = f"Reliability diagram over {films.counted}: the calibration error is {error:.3f}"
    if raw is not None:
        before = _draw_bins(axes, films, raw, "s", "before calibration", {"color": RAW, "markersize": 4})
        alt += f" after calibration and {before:.3f} before"
    classes = {side: films.probabilities[films.positives == side] for side in (True, False)}
    names = {True: films.truth[1], False: films.truth[0]}
    labels = [f"{names[side]} films (n = {len(values):,})" for side, values in classes.items()]
    below.hist(
        list(classes.values()),
        np.linspace(0, 1, BINS + 1),
        stacked=True,
        color=[POSITIVE, OTHER],
        label=labels,
        edgecolor="white",
        linewidth=0.5,
    )
    axes.set(ylabel=f"share of films that are {films.truth[1]}", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    below.set(xlabel=f"P({films.positive}), in tenths", ylabel="films")
    set_chart_title(axes, films.title)
    handles = [handle for one in (axes, below) for handle in one.get_legend_handles_labels()[0]]
    add_legend(figure, handles=handles, loc="outside lower center", ncols=2)
    save_figure(figure, path, alt=f"{alt}.")


def _draw_bins(
    axes: Any, films: ChartFilms, values: np.ndarray, marker: str, name: str, style: dict[str, Any]
) -> float:
    bins = reliability(films.positives, values, films.groups)
    shares = np.array([one.positive_share for one in bins])
    ends = np.array([[one.interval.low, one.interval.high] if one.interval else [np.nan] * 2 for one in bins]).T
    error = expected_calibration_error(films.positives, values)
    places = [one.mean_probability for one in bins]
    label = f"{name} (error {error:.3f})"
    axes.errorbar(places, shares, np.abs(ends - shares), fmt=marker, label=label, elinewidth=1, **style)
    return error


def draw_scores(path: Path, films: ChartFilms) -> None:
    """Draw how P(positive) is distributed in each true class, with the operating point.

    Args:
        path: the PNG to write; the SVG beside it has the same name.
        films: of both classes.
    """
    limits = fitted_limits(np.r_[films.probabilities, films.threshold])
    figure, panels = new_chart(COLUMN, 3.9, rows=[1, 1], sharex=True)
    edges = np.linspace(max(limits[0], 0), min(limits[1], 1), _SCORE_BINS + 1)
    said = []
    for axes, side, name, color in zip(
        panels,
        (films.positives, ~films.positives),
        (films.truth[1], films.truth[0]),
        (POSITIVE, OTHER),
        strict=True,
    ):
        values = films.probabilities[side]
        axes.hist(values, edges, color=color, edgecolor="white", linewidth=0.4)
        axes.axvline(films.threshold, **THRESHOLD)
        called = int(films.called[side].sum())
        axes.set_ylabel("films")
        axes.yaxis.get_major_locator().set_params(integer=True)
        text = f"truly {name}: n = {len(values):,}, of which {called:,} ({called / len(values):.0%}) at or above"
        axes.set_title(text, loc="left", fontsize=9)
        said.append(f"{np.median(values):.2f} for {len(values):,} {name} films")
    panels[-1].set(xlabel=f"P({films.positive}); dashed: the operating point, {films.threshold:.3g}", xlim=limits)
    set_figure_title(figure, films.title)
    save_figure(
        figure,
        path,
        alt=f"Scores by class: the median P({films.positive}) is {said[0]} and {said[1]}; the operating point is "
        f"{films.threshold:.3g}.",
    )
