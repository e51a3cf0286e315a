"""The report on a run, as HTML, Markdown and JSON, and its model card."""

import json
from dataclasses import dataclass

from cxr_cli.pages.render import figure, spread, write_page
from cxr_cli.reporting.card import model_card
from cxr_cli.reporting.checklists import checklist_sections
from cxr_cli.reporting.data_sections import (
    characteristics_section,
    environment_section,
    films_section,
    training_section,
)
from cxr_cli.reporting.document import Document, to_builtins, to_markdown
from cxr_cli.reporting.gather import ReportMaterial, gather
from cxr_cli.reporting.predictions_section import predictions_section
from cxr_cli.reporting.result_sections import (
    caveats_section,
    crossval_section,
    decision_section,
    external_section,
    performance_section,
    subgroups_section,
    worst_section,
)
from cxr_cli.reporting.set_section import sets_section
from cxr_cli.reporting.shortcut_sections import audit_section, grades_section, model_audit_section
from cxr_cli.workspace.files import write_text
from cxr_cli.workspace.folders import ReportFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.staging import staged_folder


@dataclass(frozen=True)
class Reported:
    """What `report` made."""

    run: str
    folder: ReportFolder
    card: str  # the model card's path
    document: Document


def report(
    workspace: Workspace,
    run: str | None = None,
) -> Reported:
    """Write the report on a run and its model card; the run is tested first where its evaluation is not current.

    Args:
        workspace: where the run and the dataset are, and where the report goes.
        run: its name. Defaults to the latest.

    Raises:
        WorkspaceError: there is no run or no dataset, their classes differ, or a file is damaged.
    """
    name = workspace.own_run(run).name
    folder = workspace.report(name)
    with workspace.reading_dataset(), workspace.lock_result(folder.root):
        material = gather(workspace, name)
        document = compose(material)
        with staged_folder(folder.root) as stage:
            made = ReportFolder(stage)
            write_page(made.page, "report.html", document=document)
            write_text(made.markdown, to_markdown(document))
            write_text(made.numbers, json.dumps(to_builtins(document), indent=2, ensure_ascii=False) + "\n")
        card = material.predictor.run.model_card
        write_text(card, to_markdown(model_card(material, document.sections[0])))
    return Reported(run=name, folder=folder, card=str(card), document=document)


def compose(material: ReportMaterial) -> Document:
    """The document, in the order in which a reviewer asks."""
    test, run = material.test, material.run
    name, area = material.predictor.run.name, test.intervals["roc_auc"]
    kind = "" if name == run.arch else f" ({run.arch})"
    lead = (
        f"{name}{kind} separates {test.positive} from {test.negative} on chest radiographs. "
        f"On {test.films} {test.split} films of {test.patients} patients its ROC AUC is "
        + figure(test.metrics["roc_auc"])
        + (f" (95 % {spread(area)})" if area else "")
        + f", its sensitivity {figure(test.metrics['sensitivity'])} and its specificity "
        f"{figure(test.metrics['specificity'])} at the operating point."
    )
    sections = [
        caveats_section(material),
        performance_section(material),
        decision_section(material),
        sets_section(material),
        subgroups_section(material),
        external_section(material),
        crossval_section(material),
        audit_section(material),
        model_audit_section(material),
        worst_section(material),
        grades_section(material),
        films_section(material),
        characteristics_section(material),
        training_section(material),
        environment_section(material),
        predictions_section(material),
    ]
    return Document(
        title=f"{name}: a report",
        lead=lead,
        origin=f"Trained {run.created}, tested {test.created}, dataset {material.made.fingerprint[:12]}.",
        sections=[*sections, *checklist_sections(sections)],
    )
