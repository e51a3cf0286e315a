"""`cxr audit`: leaks and shortcuts of a prepared dataset, or what a trained model depends on."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.cli.completion import complete_own_runs
from cxr_cli.cli.exit_codes import ExitCode
from cxr_cli.cli.options import JsonOption, Method, SameRunOption, SeedOption, WorkspaceOption
from cxr_cli.lungs.methods import DEFAULT_METHOD


def audit(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            autocompletion=complete_own_runs,
            help="The name of a trained run, to audit its model. Default: the dataset is audited.",
            show_default=False,
        ),
    ] = None,
    model: SameRunOption = None,
    masks: Annotated[
        Path | None,
        typer.Option(
            "--masks",
            help="With RUN: folder of lung masks. The mask of film.jpg is film.jpg.png or film.png. Default: lungs are "
            "found.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        Method | None,
        typer.Option("--method", help=f"With RUN: how to find lungs. Default: {DEFAULT_METHOD}.", show_default=False),
    ] = None,
    seed: SeedOption = 0,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Audit the prepared dataset, or a trained model, for shortcuts.

    A shortcut separates the classes without showing the disease, for example the hospital or the view. In a dataset, it
    also looks for leaks: a patient or film in two parts of the split. With RUN, it tests the model on changed test
    films: the lungs alone, no lungs, the border alone, mirrored, shifted and blurred films. A model that works without
    the lungs reads something else. Writes a page to read. Exits with 3 if it raises an alarm.

    Example: cxr audit
    """
    from cxr_cli.api.dataset import audit as run_audit
    from cxr_cli.cli.audit_output import show_audit

    audited = run_audit(run, model=model, masks=masks, method=method, seed=seed, workspace=workspace)
    show_audit(audited, as_json=as_json)
    if audited.record.alarms:
        raise typer.Exit(ExitCode.ALARM)
