"""`cxr report`: everything about a run in one document."""

from typing import Annotated

import typer

from cxr_cli.cli import console
from cxr_cli.cli.options import JsonOption, RunArgument, SameRunOption, WorkspaceOption
from cxr_cli.disclaimer import DISCLAIMER


def report(
    run: RunArgument = None,
    model: SameRunOption = None,
    methods: Annotated[
        bool,
        typer.Option("--methods", help="Print the methods section of a paper, with references."),
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a report on a run for a paper, and a model card.

    The report is HTML, Markdown and JSON with the same numbers: the films and how they were selected, the training, all
    metrics with intervals, calibration, subgroups, the wrong predictions with heat maps, and the checklists of CLAIM,
    TRIPOD+AI, STARD-AI and PROBAST+AI. External tests and cross-validation are included if they were run. A run
    without a current test is tested first, and the films and the model are audited first if they were not, which takes
    minutes; what is complete by then is kept if you stop it. Beside the report are methods.md, to paste into a paper,
    and flow.png, the flow of films and patients.

    Example: cxr report mobilenetv2
    """
    from cxr_cli.api.testing import report as report_on
    from cxr_cli.reporting.document import to_builtins

    made = report_on(run, model=model, workspace=workspace)
    if as_json:
        console.result_json(to_builtins(made.methods if methods else made.document))
        return
    if methods:
        for line in str(made.methods).splitlines():
            console.result(line)
        return
    document = made.document
    first = [document.headline] if document.headline else []
    console.show_doubts(first)
    console.result(document.lead)
    console.show_doubts(document.doubts[len(first) :])
    console.result()
    console.result(f"Report    : {made.folder.page}", dim=True)
    console.result(f"Markdown  : {made.folder.markdown}", dim=True)
    console.result(f"JSON      : {made.folder.numbers}", dim=True)
    console.result(f"Methods   : {made.folder.methods}", dim=True)
    console.result(f"Flow chart: {made.folder.flow_picture}", dim=True)
    console.result(f"Model card: {made.card}", dim=True)
    console.result(DISCLAIMER, dim=True)
