"""The ROC curves of a recipe's folds, and their mean."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cxr_cli.films.figures import BLUE, GRAY, ORANGE, save_figure, set_chart_title

_NAMED = 6  # maximum number of folds that the legend names one by one


def draw_fold_rocs(
    path: Path, folds: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]], *, positive: str, title: str
) -> None:
    """Draw a thin ROC curve for each fold, and in bold their mean with the mean of their operating points.

    The mean is vertical: of the sensitivities at each false positive rate (Fawcett 2006). The area below it is the mean
    of the areas.

    Args:
        path: the PNG to write.
        folds: by name, of the films of each fold, which are of both classes: the truth (N,) bool, P(positive) (N,)
            float, and (N,) bool, whether they are called positive.
        positive: the positive class.
        title: above the picture.
    """
    from matplotlib.figure import Figure
    from sklearn.metrics import roc_auc_score, roc_curve

    figure = Figure(figsize=(5.6, 5.4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], "--", color=GRAY, linewidth=1, label="chance")
    areas = {name: roc_auc_score(truth, scores) for name, (truth, scores, _) in folds.items()}
    at, sensitivities, points = np.linspace(0, 1, 1001), [], []
    for name, (truth, scores, called) in folds.items():
        false_rate, true_rate, _ = roc_curve(truth, scores)
        label = f"{name}: AUC {areas[name]:.3f}" if len(folds) <= _NAMED else None
        axes.plot(false_rate, true_rate, color=GRAY, linewidth=0.8, alpha=0.8, label=label)
        sensitivities.append(np.interp(at, false_rate, true_rate))
        points.append((called[~truth].mean(), called[truth].mean()))
    if len(folds) > _NAMED:
        label = f"{len(folds)} folds: AUC {min(areas.values()):.3f} to {max(areas.values()):.3f}"
        axes.plot([], [], color=GRAY, linewidth=0.8, label=label)
    area = np.mean(list(areas.values()))
    mean = np.mean(sensitivities, axis=0)
    axes.plot(np.r_[0, at], np.r_[0, mean], color=BLUE, linewidth=2.5, label=f"mean of the folds: AUC {area:.3f}")
    axes.plot(*np.mean(points, axis=0), "o", color=ORANGE, label="mean of their operating points")
    axes.set_xlabel("1 - specificity")
    axes.set_ylabel(f"sensitivity for {positive}")
    set_chart_title(axes, title)
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right", fontsize=8)
    save_figure(figure, path)
