"""The blocks of a report on precision and recall, net benefit, abstaining, and a part of the ROC curve."""

from cxr_cli.evaluation.in_words import useful_range
from cxr_cli.reporting.document import Block, Cell, Figure, TableBlock, Text, charts
from cxr_cli.reporting.gather import ReportMaterial
from cxr_cli.reporting.references import cited

_LISTED = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)  # threshold probabilities in the table


def curve_blocks(material: ReportMaterial) -> list[Block]:
    """What the curves of the test films show, each with its figures; empty for films of one class."""
    test, folder = material.test, material.test_folder
    blocks: list[Block] = []
    if test.partial_auc:
        area = Figure(test.partial_auc.value, test.partial_auc.interval)
        name = f"partial AUC up to a false positive rate of {test.partial_auc.max_fpr:g}"
        blocks.append(
            TableBlock(
                ["", "value (95% interval)"],
                [[name, area]],
                caption=f"Standardized ({cited('partial auc')}): 0.5 is chance.",
            )
        )
    text = "Precision and recall on the test films; by chance the precision is the prevalence."
    blocks += charts((folder.precision_recall_picture, text))
    if test.decision:
        rows: list[list[Cell]] = [
            [f"{point.threshold:.2f}", Figure(point.net_benefit, point.interval), Figure(point.treat_all), Figure(0.0)]
            for point in test.decision.points
            if point.threshold in _LISTED
        ]
        caption = (
            f"Net benefit ({cited('decision curve')}): true positives per film, less false positives per "
            "film times the odds of the threshold probability, at which one would act. Band and intervals: 95% "
            "over patients."
        )
        blocks.append(Text(f"Net benefit: {useful_range(test.decision)}."))
        blocks.append(
            TableBlock(["threshold probability", "the run", "treat all", "treat none"], rows, caption=caption)
        )
        blocks += charts((folder.decision_picture, "Decision curve on the test films."))
    if test.risk_coverage:
        risk = test.risk_coverage
        rows = [
            ["left out by distance from the threshold (AURC)", Figure(risk.area, risk.interval)],
            ["left out at random", Figure(risk.random)],
            ["wrong films left out first", Figure(risk.best)],
            [f"those without a class from cxr predict, {1 - risk.coverage:.0%} of the films", Figure(risk.risk)],
        ]
        blocks.append(
            TableBlock(
                ["films left out", "share of wrong films"],
                rows,
                caption=f"Risk and coverage ({cited('risk coverage')}).",
            )
        )
        text = "The share of wrong films among the most certain test films, by the share that these are."
        blocks += charts((folder.risk_picture, text))
    return blocks
