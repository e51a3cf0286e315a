"""The ROC curves of a recipe's folds, and the pooled one."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cxr_cli.films.figures import save_figure

# Okabe & Ito 2008: apart for color-blind readers.
_BLUE, _ORANGE, _GRAY = "#0072B2", "#E69F00", "#888888"
_REPLICATES = 500  # of the band: more would not be visible
_NAMED = 6  # maximum number of folds that the legend names one by one


def draw_fold_rocs(
    path: Path,
    folds: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    positives: np.ndarray,
    probabilities: np.ndarray,
    called: np.ndarray,
    groups: np.ndarray,
    positive: str,
    title: str,
    seed: int = 0,
) -> None:
    """Draw a thin ROC curve for each fold, and the pooled one with its band and the result at the operating points.

    Args:
        path: the PNG to write.
        folds: by name, truth (N,) bool and P(positive) (N,) float of its films; a fold with one class has no curve.
        positives: (N,) bool, the truth of all films, of both classes.
        probabilities: (N,) float, P(positive).
        called: (N,) bool, called positive.
        groups: (N,), the patient of each film.
        positive: the positive class.
        title: above the picture.
        seed: of the band's bootstrap.
    """
    from matplotlib.figure import Figure
    from sklearn.metrics import roc_auc_score, roc_curve

    figure = Figure(figsize=(5.6, 5.4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], "--", color=_GRAY, linewidth=1, label="chance")
    curves = {name: fold for name, fold in folds.items() if 0 < fold[0].mean() < 1}
    areas = {name: roc_auc_score(*fold) for name, fold in curves.items()}
    for name, fold in curves.items():
        false_rate, true_rate, _ = roc_curve(*fold)
        label = f"{name}: AUC {areas[name]:.3f}" if len(curves) <= _NAMED else None
        axes.plot(false_rate, true_rate, color=_GRAY, linewidth=0.8, alpha=0.8, label=label)
    if len(curves) > _NAMED:
        label = f"{len(curves)} folds: AUC {min(areas.values()):.3f} to {max(areas.values()):.3f}"
        axes.plot([], [], color=_GRAY, linewidth=0.8, label=label)
    at, low, high = _band(positives, probabilities, groups, seed=seed)
    axes.fill_between(at, low, high, color=_BLUE, alpha=0.15, linewidth=0, label="pooled, 95 % over patients")
    false_rate, true_rate, _ = roc_curve(positives, probabilities)
    area = roc_auc_score(positives, probabilities)
    axes.plot(false_rate, true_rate, color=_BLUE, linewidth=2, label=f"pooled: AUC {area:.3f}")
    point = called[~positives].mean(), called[positives].mean()
    axes.plot(*point, "o", color=_ORANGE, label="at the folds' operating points")
    axes.set_xlabel("1 - specificity")
    axes.set_ylabel(f"sensitivity for {positive}")
    axes.set_title(title, fontsize=11)
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right", fontsize=8)
    save_figure(figure, path)


def _band(
    positives: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, *, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """At each of 101 false positive rates, the middle 95 % of sensitivities over bootstrap samples of the patients."""
    from sklearn.metrics import roc_curve

    names, members = np.unique(groups, return_inverse=True)
    generator, at = np.random.default_rng(seed), np.linspace(0, 1, 101)
    curves = []
    for _ in range(_REPLICATES):
        times = np.bincount(generator.integers(len(names), size=len(names)), minlength=len(names))[members]
        if times[positives].any() and times[~positives].any():
            false_rate, true_rate, _ = roc_curve(positives, probabilities, sample_weight=times)
            curves.append(np.interp(at, false_rate, true_rate))
    low, high = np.percentile(curves, [2.5, 97.5], axis=0)
    return at, low, high
