"""The section of a report on labels that may be wrong."""

from cxr_cli.metrics.chance import Standing, standing
from cxr_cli.metrics.label_noise import flattering_noise, random_noise
from cxr_cli.numbers import percent
from cxr_cli.reporting.document import Cell, Figure, Section, TableBlock, Text
from cxr_cli.reporting.gather import ReportMaterial
from cxr_cli.reporting.references import cited

TITLE = "If labels are wrong"
_SHARES = (0.01, 0.05, 0.1)


def label_noise_section(material: ReportMaterial) -> Section:
    """What sensitivity, specificity and AUC would be if some of the test films' labels were wrong."""
    test = material.test
    sensitivity, specificity = test.metrics["sensitivity"], test.metrics["specificity"]
    if sensitivity is None or specificity is None:
        return Section(TITLE, [Text("Not shown: the test films are all of one class.", "warning")])
    if standing(test.intervals["roc_auc"]) is Standing.UNCERTAIN:
        text = (
            "Not shown: the run is not shown to be better than chance. Correcting its figures for wrong labels would "
            "move them away from chance, as if what it does were known to be more than chance."
        )
        return Section(TITLE, [Text(text, "warning")])
    area = test.metrics["roc_auc"]
    rows: list[list[Cell]] = [["none", Figure(area), *(2 * [Figure(sensitivity), Figure(specificity)])]]
    for share in _SHARES:
        noise = random_noise(
            share,
            sensitivity=sensitivity,
            specificity=specificity,
            auc=area,
            prevalence=test.positives / test.films,
        )
        lowest = flattering_noise(share, cells=test.confusion_matrix)
        figures = [Figure(noise.auc), Figure(noise.sensitivity), Figure(noise.specificity), *map(Figure, lowest)]
        rows.append([percent(share), *figures])
    text = (
        "The labels are taken from the metadata as they are. At random: each label is wrong with the same probability, "
        "whatever the film shows. Such errors pull figures toward chance, so the true figures would be farther "
        f"from it ({cited('imperfect reference')}; {cited('corrupted labels')}). At worst: all wrong labels "
        "are of films where the model agrees with them, as if both had made the same mistake; then sensitivity or "
        "specificity, each on its own, may be as low as stated."
    )
    header = [
        *("labels that are wrong", "at random: ROC AUC", "sensitivity", "specificity"),
        *("at worst: sensitivity", "specificity"),
    ]
    caption = "True figures, computed from those measured with the labels. –: there can't be that many errors."
    return Section(TITLE, [Text(text), TableBlock(header, rows, caption=caption)])
