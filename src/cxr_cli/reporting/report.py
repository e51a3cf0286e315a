"""The report on a run, as HTML, Markdown and JSON, and its model card."""

import json
from dataclasses import dataclass

from cxr_cli.pages.render import write_page
from cxr_cli.reporting.card import model_card
from cxr_cli.reporting.characteristics import characteristics_section
from cxr_cli.reporting.checklists import checklist_sections
from cxr_cli.reporting.data_sections import environment_section, films_section, training_section
from cxr_cli.reporting.document import Document, to_builtins, to_markdown
from cxr_cli.reporting.doubts_section import caveats_section, evidence, lead, report_doubts
from cxr_cli.reporting.each_film import each_film_section
from cxr_cli.reporting.failures import failures_section
from cxr_cli.reporting.fairness import fairness_section
from cxr_cli.reporting.flow import draw_flow
from cxr_cli.reporting.gather import ReportMaterial, gather
from cxr_cli.reporting.label_noise import label_noise_section
from cxr_cli.reporting.methods import Methods, describe_methods, methods_section
from cxr_cli.reporting.predictions_section import predictions_section
from cxr_cli.reporting.result_sections import (
    crossval_section,
    decision_section,
    external_section,
    performance_section,
    subgroups_section,
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
    methods: Methods


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
        with staged_folder(folder.root) as stage:
            made = ReportFolder(stage)
            draw_flow(made.flow_picture, material)
            document, methods = compose(material, made)
            write_page(made.page, "report.html", document=document)
            write_text(made.markdown, to_markdown(document))
            write_text(made.methods, str(methods))
            write_text(made.numbers, json.dumps(to_builtins(document), indent=2, ensure_ascii=False) + "\n")
        card = material.predictor.run.model_card
        write_text(card, to_markdown(model_card(material, document)))
    return Reported(run=name, folder=folder, card=str(card), document=document, methods=methods)


def compose(material: ReportMaterial, folder: ReportFolder) -> tuple[Document, Methods]:
    """The document, in the order in which a reviewer asks, and the methods section of a paper.

    Args:
        material: of the run.
        folder: with the pictures that were drawn for the report.
    """
    test, run = material.test, material.run
    name, doubts = material.predictor.run.name, report_doubts(material)
    sections = [
        caveats_section(doubts),
        performance_section(material),
        decision_section(material),
        sets_section(material),
        subgroups_section(material),
        fairness_section(material),
        label_noise_section(material),
        external_section(material),
        crossval_section(material),
        audit_section(material),
        model_audit_section(material),
        failures_section(material),
        each_film_section(material),
        grades_section(material),
        films_section(material, folder.flow_picture),
        characteristics_section(material),
        training_section(material),
        environment_section(material),
        predictions_section(material),
    ]
    methods = describe_methods(material, {result for section in sections for result in section.holds})
    sections.append(methods_section(methods))
    document = Document(
        title=f"{name}: a report",
        lead=lead(name, run.arch, test),
        origin=f"Trained {run.created}, tested {test.created}, dataset {material.made.fingerprint[:12]}.",
        sections=[*sections, *checklist_sections(sections)],
        doubts=doubts,
        evidence=evidence(material, doubts),
    )
    return document, methods
