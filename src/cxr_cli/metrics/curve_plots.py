"""Plots of precision and recall, of net benefit, and of what abstaining is worth."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cxr_cli.films.figures import BLUE, GRAY, ORANGE, save_figure, set_chart_title
from cxr_cli.metrics.decision_curve import DecisionPoint
from cxr_cli.metrics.risk_coverage import RiskCoverage, risks


def draw_precision_recall(
    path: Path, positives: np.ndarray, probabilities: np.ndarray, *, threshold: float, positive: str, title: str
) -> None:
    """Draw precision against recall, with the average precision, the prevalence, and the operating point.

    Args:
        path: the PNG to write.
        positives: (N,) bool, with films of both classes.
        probabilities: (N,) float, P(positive).
        threshold: of the operating point.
        positive: the positive class.
        title: above the picture.
    """
    from sklearn.metrics import average_precision_score, precision_recall_curve

    precision, recall, _ = precision_recall_curve(positives, probabilities)
    average, share = average_precision_score(positives, probabilities), float(positives.mean())
    figure, axes = _figure(title)
    axes.axhline(share, color=GRAY, linestyle="--", linewidth=1, label=f"chance: prevalence {share:.3f}")
    axes.step(recall, precision, where="post", color=BLUE, label=f"average precision {average:.3f}")
    called = probabilities >= threshold
    if called.any():
        point = called[positives].mean(), positives[called].mean()
        axes.plot(*point, "o", color=ORANGE, label=f"threshold {threshold:.3g}")
    axes.set(xlabel=f"sensitivity for {positive} (recall)", ylabel="positive predictive value (precision)")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    _save(figure, axes, path)


def draw_decision_curve(path: Path, points: Sequence[DecisionPoint], *, positive: str, title: str) -> None:
    """Draw the net benefit of the run against acting for everybody and for nobody.

    Args:
        path: the PNG to write.
        points: of the curve, by rising threshold.
        positive: the positive class.
        title: above the picture.
    """
    places = [point.threshold for point in points]
    figure, axes = _figure(title)
    axes.axhline(0, color=GRAY, linewidth=1, label="treat none")
    axes.plot(places, [point.treat_all for point in points], "--", color=ORANGE, label="treat all")
    axes.plot(places, [point.net_benefit for point in points], color=BLUE, label="the run, 95 %")
    known = [(point.threshold, point.interval) for point in points if point.interval]
    lows, highs = [around.low for _, around in known], [around.high for _, around in known]
    axes.fill_between([place for place, _ in known], lows, highs, color=BLUE, alpha=0.15, linewidth=0)
    # Far below 0 nobody would act: the picture ends a little below it.
    top = max(max(point.net_benefit, point.treat_all) for point in points)
    axes.set(xlim=(0, 1), ylim=(-max(top, 0.05) / 2, 1.3 * max(top, 0.05)))
    axes.set(xlabel=f"threshold probability of {positive}", ylabel="net benefit (true positives per film)")
    _save(figure, axes, path)


def draw_risk_coverage(
    path: Path, wrong: np.ndarray, confidence: np.ndarray, figures: RiskCoverage, *, title: str
) -> None:
    """Draw the share of wrong films among the most certain ones, against the share of films that these are.

    Args:
        path: the PNG to write.
        wrong: (N,) bool.
        confidence: (N,) float, as for `risk_coverage`.
        figures: of these films.
        title: above the picture.
    """
    figure, axes = _figure(title)
    coverage = np.arange(1, len(wrong) + 1) / len(wrong)
    axes.axhline(figures.random, color=GRAY, linestyle="--", linewidth=1, label=f"at random: {figures.random:.3f}")
    axes.plot(coverage, risks(wrong, confidence), color=BLUE, label=f"by certainty: area {figures.area:.3f}")
    if figures.risk is not None:
        label = f"cxr predict: {figures.coverage:.0%} of the films"
        axes.plot(figures.coverage, figures.risk, "o", color=ORANGE, label=label)
    axes.set(xlabel="share of films that get a class (coverage)", ylabel="share of these that are wrong (risk)")
    axes.set(xlim=(0, 1.02), ylim=(-0.02, None))
    _save(figure, axes, path)


def _figure(title: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 4.8), layout="constrained")
    axes = figure.subplots()
    set_chart_title(axes, title)
    return figure, axes


def _save(figure: Any, axes: Any, path: Path) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    save_figure(figure, path)
