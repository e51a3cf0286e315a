"""What a cross-validation says against its recipe."""

from collections.abc import Iterator

from cxr_cli.doubts import Doubt, alarm
from cxr_cli.evaluation.crossval.record import CrossvalRecord
from cxr_cli.metrics.chance import Standing, standing


def recipe_doubts(record: CrossvalRecord) -> Iterator[Doubt]:
    """Compare the recipe with chance, by the interval of its mean AUC."""
    around = record.across_folds["roc_auc"].interval
    if around is None:
        yield alarm("The recipe is not shown to be better than chance: its mean AUC has no interval.")
        return
    ends = f"the interval of its mean AUC, {around.low:.3f} to {around.high:.3f}"
    stands = standing(around)
    if stands is Standing.UNCERTAIN:
        yield alarm(f"The recipe is not shown to be better than chance: {ends}, includes 0.5.")
    elif stands is Standing.WORSE:
        yield alarm(
            f"The recipe is worse than chance: {ends}, is below 0.5.",
            "Check the labels, and what else differs between the classes.",
        )
