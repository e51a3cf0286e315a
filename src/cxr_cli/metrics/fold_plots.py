"""The ROC curves of a recipe's folds, and their mean."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cxr_cli.films.figures import CHANCE, COLUMN, CURVE, RAW, add_legend, new_chart, save_figure, set_chart_title
from cxr_cli.metrics.chart_films import with_interval
from cxr_cli.metrics.intervals import Interval

_NAMED = 6  # maximum number of folds that the legend names one by one


def draw_fold_rocs(
    path: Path,
    folds: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    *,
    interval: Interval | None,
    positive: str,
    counted: str,
    title: str,
) -> None:
    """Draw a thin ROC curve for each fold, and in bold their mean with the mean of their operating points.

    The mean is vertical: of the sensitivities at each false positive rate (Fawcett 2006). The area below it is the mean
    of the areas.

    Args:
        path: the PNG to write; the SVG beside it has the same name.
        folds: by name, of the films of each fold, which are of both classes: the truth (N,) bool, P(positive) (N,)
            float, and (N,) bool, whether they are called positive.
        interval: of the mean of the areas.
        positive: the positive class.
        counted: how many films of how many patients there are, in words.
        title: above the chart.
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    figure, axes = new_chart(COLUMN, 5.2)
    axes.plot([0, 1], [0, 1], color=CHANCE, linewidth=1, linestyle=":", label="chance: AUC 0.50")
    areas = {name: roc_auc_score(truth, scores) for name, (truth, scores, _) in folds.items()}
    at, sensitivities, points = np.linspace(0, 1, 1001), [], []
    for name, (truth, scores, called) in folds.items():
        false_rate, true_rate, _ = roc_curve(truth, scores)
        label = f"{name}: AUC {areas[name]:.2f}" if len(folds) <= _NAMED else None
        axes.plot(false_rate, true_rate, color=RAW, linewidth=0.8, label=label)
        sensitivities.append(np.interp(at, false_rate, true_rate))
        points.append((called[~truth].mean(), called[truth].mean()))
    least, most = min(areas.values()), max(areas.values())
    if len(folds) > _NAMED:
        axes.plot([], [], color=RAW, linewidth=0.8, label=f"{len(folds)} folds: AUC {least:.2f} to {most:.2f}")
    area = with_interval(float(np.mean(list(areas.values()))), interval)
    mean = np.mean(sensitivities, axis=0)
    axes.plot(np.r_[0, at], np.r_[0, mean], color=CURVE, linewidth=2.2, label=f"mean: AUC {area}")
    axes.plot(*np.mean(points, axis=0), "o", color=CURVE, markersize=6, label="mean of the operating points")
    axes.set(xlabel="1 − specificity", ylabel=f"sensitivity for {positive}", aspect="equal")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    set_chart_title(axes, title)
    add_legend(axes, loc="lower right")
    alt = f"ROC curves of {len(folds)} folds over {counted}: mean AUC {area}, the folds from {least:.2f} to {most:.2f}."
    save_figure(figure, path, alt=alt)
