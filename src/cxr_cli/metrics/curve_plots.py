"""Charts of precision and recall, of net benefit, and of what abstaining is worth."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cxr_cli.films.figures import (
    BAND,
    CHANCE,
    COLUMN,
    CURVE,
    OTHER,
    THRESHOLD,
    add_legend,
    new_chart,
    save_figure,
    set_chart_title,
)
from cxr_cli.metrics.bands import precision_band
from cxr_cli.metrics.chart_films import ChartFilms, with_interval
from cxr_cli.metrics.decision_curve import DecisionPoint
from cxr_cli.metrics.intervals import proportion_interval
from cxr_cli.metrics.ranking_intervals import average_precision_interval
from cxr_cli.metrics.risk_coverage import RiskCoverage, risks

_HEIGHT = 4.4  # inches


def draw_precision_recall(path: Path, films: ChartFilms) -> None:
    """Draw precision against recall with its 95% band, the average precision, the prevalence, the operating point.

    Args:
        path: the PNG to write; the SVG beside it has the same name.
        films: of both classes.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    positives, probabilities, groups = films.positives, films.probabilities, films.groups
    precision, recall, _ = precision_recall_curve(positives, probabilities)
    around = average_precision_interval(positives, probabilities, groups)
    average = with_interval(average_precision_score(positives, probabilities), around)
    share, band = float(positives.mean()), precision_band(positives, probabilities, groups)
    figure, axes = new_chart(COLUMN, _HEIGHT)
    axes.axhline(share, color=CHANCE, linewidth=1, label=f"chance: the prevalence, {share:.2f}")
    if band:
        shade = {"color": CURVE, "alpha": BAND, "linewidth": 0, "label": "95% at each recall"}
        axes.fill_between(band.at, band.low, band.high, **shade)
    # The last point, of no film, is a convention of the library.
    axes.step(recall[:-1], precision[:-1], where="post", color=CURVE, label=f"average precision {average}")
    called = films.called
    if called.any():
        right = float(positives[called].mean())
        point = float(called[positives].mean()), right
        words = with_interval(right, proportion_interval(positives[called], groups[called]))
        axes.plot([point[0], point[0], 0], [0, right, right], **THRESHOLD)
        axes.plot(*point, "o", color=CURVE, markersize=5, label=f"P ≥ {films.threshold:.3g}: precision {words}")
    axes.set(xlabel=f"sensitivity for {films.truth[1]} (recall)", ylabel="positive predictive value (precision)")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    set_chart_title(axes, films.title)
    add_legend(axes, loc="best")
    alt = f"Precision and recall: average precision {average} over {films.counted}, where chance is {share:.2f}."
    save_figure(figure, path, alt=alt)


def draw_decision_curve(
    path: Path, points: Sequence[DecisionPoint], *, positive: str, title: str, finding: str
) -> None:
    """Draw the net benefit of the run against acting for everybody and for nobody.

    Args:
        path: the PNG to write; the SVG beside it has the same name.
        points: of the curve, by rising threshold.
        positive: the positive class.
        title: above the chart.
        finding: what the curve shows, in words that follow "net benefit".
    """
    figure, axes = new_chart(COLUMN, _HEIGHT)
    places = np.array([point.threshold for point in points])
    benefits = np.array([point.net_benefit for point in points])
    everybody = np.array([point.treat_all for point in points])
    axes.axhline(0, color=CHANCE, linewidth=1, label="treat none")
    axes.plot(places, everybody, color=OTHER, linestyle=":", linewidth=1.6, label="treat all")
    known = [(point.threshold, point.interval) for point in points if point.interval]
    lows, highs = [around.low for _, around in known], [around.high for _, around in known]
    axes.fill_between([place for place, _ in known], lows, highs, color=CURVE, alpha=BAND, linewidth=0, label="95%")
    axes.plot(places, benefits, color=CURVE, label="the run")
    # Far below 0 nobody would act: the chart ends a little below it. Beyond the highest probability of any film, all
    # there is to see is 0.
    top = max(benefits.max(), everybody.max(), 0.05)
    seen = places[(np.abs(benefits) > 1e-9) | (everybody > -top / 2)]
    axes.set(xlim=(0, min(1.0, seen.max() + 0.03)), ylim=(-top / 2, 1.3 * top))
    axes.set(xlabel=f"threshold probability of {positive}, at which one would act")
    axes.set(ylabel="net benefit (true positives per film)")
    set_chart_title(axes, title)
    add_legend(axes, loc="lower left")
    save_figure(figure, path, alt=f"Decision curve: the net benefit of the run is {finding}.")


def draw_risk_coverage(
    path: Path, wrong: np.ndarray, confidence: np.ndarray, figures: RiskCoverage, *, title: str
) -> None:
    """Draw the share of wrong films among the most certain ones, against the share of films that these are.

    Args:
        path: the PNG to write; the SVG beside it has the same name.
        wrong: (N,) bool.
        confidence: (N,) float, as for `risk_coverage`.
        figures: of these films.
        title: above the chart.
    """
    figure, axes = new_chart(COLUMN, _HEIGHT)
    coverage, risk = np.arange(1, len(wrong) + 1) / len(wrong), risks(wrong, confidence)
    area = with_interval(figures.area, figures.interval, 3)
    axes.axhline(figures.random, color=CHANCE, linewidth=1, label=f"left out at random: {figures.random:.3f}")
    axes.plot(coverage, risk, color=CURVE, label=f"least certain left out first: area {area}")
    if figures.risk is not None:
        label = f"what cxr predict does: {figures.coverage:.0%} of the films, {figures.risk:.1%} wrong"
        axes.plot(figures.coverage, figures.risk, "o", color=CURVE, markersize=5, label=label)
    axes.set(xlabel="share of films that get a class (coverage)", ylabel="share of these that are wrong (risk)")
    # The first few films make a curve of large steps.
    axes.set(xlim=(0, 1.02), ylim=(0, 1.25 * max(figures.random, risk[len(wrong) // 20 :].max(), 0.04)))
    set_chart_title(axes, title)
    add_legend(axes, loc="best")
    alt = f"Risk and coverage: the area is {area} over {len(wrong):,} films, and {figures.random:.3f} by chance."
    save_figure(figure, path, alt=alt)
