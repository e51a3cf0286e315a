"""`MODEL_CARD.md`: what a model is for and what not, beside the model (Mitchell et al. 2019, arXiv 1810.03993)."""

from cxr_cli.metrics.table import metrics_in
from cxr_cli.reporting.document import Cell, Document, Figure, Section, TableBlock, Text
from cxr_cli.reporting.gather import ReportMaterial
from cxr_cli.reporting.shortcut_sections import model_audit_section


def model_card(material: ReportMaterial, report: Document) -> Document:
    """The card of a run, with the first sentences and the caveats of its report."""
    run, test, name = material.run, material.test, material.predictor.run.name
    counts = ", ".join(f"{count} {label}" for label, count in run.films["train"].items())
    rows: list[list[Cell]] = [
        [metric.title, Figure(test.metrics[metric.name], test.intervals[metric.name])]
        for metric in metrics_in("card", ranked=True)
    ]
    sections = [
        Section(
            "Model",
            [
                Text(
                    f"{run.arch}, {run.parameters:,} parameters, input {run.input_size} × {run.input_size} pixels. It "
                    f"gives the probability that a frontal chest radiograph is {test.positive}, the other "
                    f"class being {test.negative}. It sees {run.framing or 'whole films'}. Trained {run.created} with "
                    f"cxr-cli {run.versions['cxr-cli']}."
                ),
                Text(f"Predict a film: cxr predict FILM --model {name}. See where the model looks: cxr gradcam FILM."),
            ],
        ),
        Section(
            "Intended use",
            [
                Text("Research and teaching: to study classifiers, their shortcuts and their calibration."),
                Text("Not intended: any diagnosis, triage or decision about a person.", "alarm"),
                Text("Not intended: lateral films, CT, or films unlike those it was trained on."),
            ],
        ),
        Section(
            "Training films",
            [
                Text(f"{counts}{_origin(material) if test.same_dataset else ''}."),
            ],
        ),
        Section(
            "Figures",
            [
                Text(f"On {test.counted('test films')}."),
                TableBlock(["", "value (95% interval)"], rows),
            ],
        ),
        report.sections[0],
        model_audit_section(material, findings=False),
        Section("For the author", [Text("License, contact, ethical approval, and how the films were collected.")]),
    ]
    return Document(
        title=f"Model card: {name}",
        lead=report.lead,
        origin=f"Trained {run.created}, tested {test.created}.",
        sections=sections,
        doubts=report.doubts,
    )


def _origin(material: ReportMaterial) -> str:
    sources = sorted({film.source for film in material.films if film.split == "train"})
    return f", of {material.made.patients_in('train')} patients; sources: {', '.join(sources)}"
