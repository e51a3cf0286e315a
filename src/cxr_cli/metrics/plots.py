"""Plots: confusion matrix, ROC curve, reliability, training curves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cxr_cli.films.figures import BLUE, GRAY, ORANGE, save_figure, set_chart_title
from cxr_cli.metrics.calibration import BINS, expected_calibration_error, reliability
from cxr_cli.metrics.sample import Confusion


def draw_confusion(path: Path, confusion: Confusion, *, negative: str, positive: str, title: str) -> None:
    """Draw a confusion matrix: truth down, predictions across, with counts and the share of each true class."""
    figure, axes = _figure(5.2, 4.6)
    counts = np.array(
        [[confusion.true_negative, confusion.false_positive], [confusion.false_negative, confusion.true_positive]]
    )
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.55 else "black"
        text = f"{count}\n{shares[row, column]:.0%}"
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=13)
    names = [negative, f"{positive}\n(positive)"]
    axes.set_xticks([0, 1], names)
    axes.set_yticks([0, 1], names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("truth")
    set_chart_title(axes, title)
    save_figure(figure, path)


def draw_roc(
    path: Path, positives: np.ndarray, probabilities: np.ndarray, *, threshold: float, positive: str, title: str
) -> None:
    """Draw the ROC curve with its AUC, chance, and the operating point.

    Args:
        path: the PNG to write.
        positives: (N,) bool, with films of both classes.
        probabilities: (N,) float, P(positive).
        threshold: of the operating point.
        positive: the positive class.
        title: above the picture.
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    figure, axes = _figure(5.2, 5.0)
    false_rate, true_rate, _ = roc_curve(positives, probabilities, drop_intermediate=False)
    auc = roc_auc_score(positives, probabilities)
    axes.plot([0, 1], [0, 1], "--", color=GRAY, linewidth=1, label="chance")
    axes.plot(false_rate, true_rate, color=BLUE, label=f"AUC {auc:.3f}")
    called = probabilities >= threshold
    axes.plot(
        called[~positives].mean(), called[positives].mean(), "o", color=ORANGE, label=f"threshold {threshold:.3g}"
    )
    axes.set_xlabel("1 - specificity")
    axes.set_ylabel(f"sensitivity for {positive}")
    set_chart_title(axes, title)
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    save_figure(figure, path)


def draw_reliability(
    path: Path,
    positives: np.ndarray,
    probabilities: np.ndarray,
    *,
    raw: np.ndarray | None,
    groups: np.ndarray,
    positive: str,
    title: str,
) -> None:
    """Draw the share of positive films by probability: on the diagonal, where probabilities are calibrated.

    Args:
        path: the PNG to write.
        positives: (N,) bool, the truth.
        probabilities: (N,) float, P(positive).
        raw: the same before calibration, drawn too. None to leave it out.
        groups: (N,), the patient of each film: the bars are 95 % intervals over patients.
        positive: the positive class.
        title: above the picture.
    """
    figure, (axes, below) = _figure(5.2, 6.6, rows=[4, 1])
    axes.plot([0, 1], [0, 1], "--", color=GRAY, linewidth=1, label="perfect calibration")
    if raw is not None:
        _bins(
            axes,
            positives,
            raw,
            groups,
            "s",
            "before calibration",
            color=ORANGE,
            markersize=4,
            alpha=0.7,
            linewidth=0.7,
        )
    name = "calibrated" if raw is not None else "not calibrated"
    _bins(axes, positives, probabilities, groups, "o", name, color=BLUE, markersize=6, linewidth=1.5)
    classes = [probabilities[positives], probabilities[~positives]]
    edges = np.linspace(0, 1, BINS + 1)
    below.hist(classes, edges, stacked=True, color=[BLUE, GRAY], label=[positive, f"not {positive}"])
    axes.set_ylabel(f"share of films that are {positive}")
    set_chart_title(axes, title)
    below.set_xlabel(f"P({positive})")
    below.set_ylabel("films")
    for one in (axes, below):
        one.set_xlim(-0.02, 1.02)
        one.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(-0.02, 1.02)
    handles = [handle for one in (axes, below) for handle in one.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower left", ncols=2, frameon=False, fontsize=9)
    save_figure(figure, path)


def _bins(
    axes: Any, positives: np.ndarray, values: np.ndarray, groups: np.ndarray, marker: str, name: str, **style: Any
) -> None:
    bins = reliability(positives, values, groups)
    shares = np.array([one.positive_share for one in bins])
    ends = np.array([[one.interval.low, one.interval.high] if one.interval else [np.nan] * 2 for one in bins]).T
    label = f"{name}, 95 % (ECE {expected_calibration_error(positives, values):.3f})"
    places = [one.mean_probability for one in bins]
    axes.errorbar(places, shares, np.abs(ends - shares), fmt=marker, label=label, **style)


def draw_curves(
    path: Path, history: Sequence[dict[str, Any]], *, best_epoch: int, quality: tuple[str, str] = ("val_auc", "ROC AUC")
) -> None:
    """Draw the loss and another figure over the epochs, with the epoch that was kept.

    Args:
        path: the PNG to write.
        history: one row per epoch: epoch, phase (if there are several), loss (None before the first), val_loss, and
            the other figure.
        best_epoch: the one that was kept.
        quality: the other figure: its key in a row, and its title. Defaults to the validation AUC.
    """
    figure, (left, right) = _figure(9, 3.8, columns=2)
    trained = [row for row in history if row["loss"] is not None]
    left.plot([row["epoch"] for row in trained], [row["loss"] for row in trained], ".-", color=GRAY, label="train")
    epochs = [row["epoch"] for row in history]
    left.plot(epochs, [row["val_loss"] for row in history], ".-", color=BLUE, label="validation")
    right.plot(epochs, [row[quality[0]] for row in history], ".-", color=BLUE, label="validation")
    tuned = [row["epoch"] for row in history if row.get("phase") == "fine-tune"]
    for axes, name in ((left, "loss"), (right, quality[1])):
        axes.axvline(best_epoch, color=ORANGE, linewidth=1, label="kept")
        if tuned:
            axes.axvspan(tuned[0] - 0.5, tuned[-1], color=BLUE, alpha=0.07, label="fine-tuning", linewidth=0)
        axes.set_xlabel("epoch")
        axes.set_ylabel(name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    save_figure(figure, path)


def _figure(width: float, height: float, *, columns: int = 1, rows: Sequence[float] = (1,)) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(len(rows), columns, height_ratios=rows)
