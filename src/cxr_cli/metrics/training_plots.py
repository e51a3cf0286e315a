"""The curves of a training run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cxr_cli.films.figures import CURVE, PAGE, PHASE, RAW, THRESHOLD, add_legend, new_chart, save_figure


def draw_curves(
    path: Path, history: Sequence[dict[str, Any]], *, best_epoch: int, quality: tuple[str, str] = ("val_auc", "ROC AUC")
) -> None:
    """Draw the loss and another figure over the epochs, with the epoch that was kept.

    Args:
        path: the PNG to write; the SVG beside it has the same name.
        history: one row per epoch: epoch, phase (if there are several), loss (None before the first), val_loss, and
            the other figure.
        best_epoch: the one that was kept.
        quality: the other figure: its key in a row, and its title. Defaults to the validation AUC.
    """
    figure, (left, right) = new_chart(PAGE, 3.0, columns=[1, 1])
    key, name = quality
    trained = [row for row in history if row["loss"] is not None]
    left.plot([row["epoch"] for row in trained], [row["loss"] for row in trained], ".-", color=RAW, label="training")
    epochs = [row["epoch"] for row in history]
    left.plot(epochs, [row["val_loss"] for row in history], ".-", color=CURVE, label="validation")
    right.plot(epochs, [row[key] for row in history], ".-", color=CURVE, label="validation")
    tuned = [row["epoch"] for row in history if row.get("phase") == "fine-tune"]
    for axes, title in ((left, "loss"), (right, name)):
        axes.axvline(best_epoch, label=f"kept: epoch {best_epoch}", **THRESHOLD)
        if tuned:
            axes.axvspan(tuned[0] - 0.5, tuned[-1] + 0.5, color=PHASE, alpha=0.15, label="fine-tuning", linewidth=0)
        axes.set(xlabel="epoch", ylabel=title)
        axes.xaxis.get_major_locator().set_params(integer=True)
    add_legend(figure, handles=left.get_legend_handles_labels()[0], loc="outside lower center", ncols=4)
    best = next(row[key] for row in history if row["epoch"] == best_epoch)
    reached = "" if best is None else f", with a validation {name} of {best:.3f}"
    save_figure(figure, path, alt=f"Training curves: epoch {best_epoch} of {epochs[-1]} was kept{reached}.")
