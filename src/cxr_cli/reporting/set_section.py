"""The section of a report on prediction sets."""

from cxr_cli.evaluation.sets_in_words import NOT_MEASURED, coverages, describe_sets, patients_with_sets
from cxr_cli.recipe.sets import level_of
from cxr_cli.reporting.document import Cell, Figure, Section, TableBlock, Text
from cxr_cli.reporting.gather import ReportMaterial
from cxr_cli.reporting.references import cited


def sets_section(material: ReportMaterial) -> Section:
    """How often the sets of the test films have the right class, and how large they are."""
    test, sets = material.test, material.test.sets
    if not sets:
        return Section("Prediction sets", [Text(NOT_MEASURED, "warning")])
    asked = level_of(sets.rule.alpha)
    intro = (
        f"The prediction set of a film has the classes that can't be ruled out at an error of {sets.rule.alpha:g}: "
        f"one, both or neither. For {asked} of the patients of each class, it should have the right class (conformal "
        f"prediction by class, in which each patient counts once: {cited('prediction sets')})."
    )
    rows: list[list[Cell]] = [
        [label, own.films, patients_with_sets(test, own), Figure(own.share, own.interval)]
        for label, own in coverages(test, sets).items()
    ]
    header = ["truth", "films", "patients", f"set has the right class, {asked} asked for"]
    sentences = [Text(sentence) for sentence in describe_sets(test, sets)]
    return Section("Prediction sets", [Text(intro), TableBlock(header, rows), *sentences], ("prediction sets",))
