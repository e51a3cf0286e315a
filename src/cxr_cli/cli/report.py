"""`cxr report`: all that the workspace knows of a run, in one document."""

from typing import Annotated

import typer

from cxr_cli.cli import console
from cxr_cli.cli.options import JsonOption, WorkspaceOption
from cxr_cli.disclaimer import DISCLAIMER


def report(
    run: Annotated[
        str | None, typer.Argument(help="The name of a trained run. Default: the latest.", show_default=False)
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a report on a run that a paper can use: HTML, Markdown and JSON of the same numbers, and a model card.

    It holds the films and how they were chosen, the training, every figure with its interval, calibration, subgroups,
    tests on films from elsewhere, cross-validation and audit where they were made, the films it got wrong with heat
    maps, and what CLAIM and TRIPOD+AI ask for. A run without a report on the test films is tested first.

    Example: cxr report mobilenetv2
    """
    from cxr_cli.reporting.document import to_builtins
    from cxr_cli.reporting.report import report as report_core
    from cxr_cli.workspace.layout import Workspace

    made = report_core(Workspace.find(workspace), run)
    if as_json:
        console.result_json(to_builtins(made.document))
        return
    console.result(made.document.lead)
    console.result()
    console.result(f"Report    : {made.folder.page}")
    console.result(f"Markdown  : {made.folder.markdown}")
    console.result(f"JSON      : {made.folder.numbers}")
    console.result(f"Model card: {made.card}")
    console.result(DISCLAIMER)
