"""`cxr listen`: a DICOM node that predicts the films it receives."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_cli.cli import console
from cxr_cli.cli.options import DicomOutOption, ForceOption, ReplaceOption, RunOption, WorkspaceOption

if TYPE_CHECKING:
    from cxr_cli.prediction.rows import PredictionRow


def listen(
    run: RunOption = None,
    host: Annotated[
        str,
        typer.Option("--host", help="Address to listen on. Any address but the default opens the node to the network."),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 11112,
    ae_title: Annotated[str, typer.Option("--ae-title", metavar="TITLE", help="AE title of the node.")] = "CXR",
    allow_ae: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-ae",
            metavar="TITLE",
            help="AE title that may send films; can be given several times. Default: all.",
            show_default=False,
        ),
    ] = None,
    csv_file: Annotated[
        Path | None,
        typer.Option("--csv", help="Write the predictions to this CSV file too; - for stdout.", show_default=False),
    ] = None,
    dicom_out: DicomOutOption = None,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Keep the films in this folder. Default: none.", show_default=False),
    ] = None,
    replace: ReplaceOption = False,
    force: ForceOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Predict the films that other DICOM nodes send.

    Runs until it is stopped with Ctrl-C. Takes CR, DX, RF and secondary capture images by C-STORE, and answers C-ECHO.
    Prints a line for each film, with its SOP Instance UID.
    The node is open to this machine only, unless --host says otherwise.

    Needs the extra dicom: pip install "cxr-cli[dicom]". Films are not kept, unless --keep says so.

    Example: cxr listen
    """
    from cxr_cli.cli.missing_workspace import say_missing
    from cxr_cli.cli.predict_output import STDOUT
    from cxr_cli.pacs.answering import answer_films
    from cxr_cli.workspace.layout import Workspace
    from cxr_cli.workspace.outputs import refuse_existing

    say_missing(workspace, run)

    as_csv = csv_file == STDOUT
    if as_csv:
        csv_file = None
    refuse_existing(csv_file, replace=replace)
    answer_films(
        Workspace.find(workspace).run(run),
        _csv_shown() if as_csv else _show,
        host=host,
        port=port,
        ae_title=ae_title,
        allow_ae=allow_ae or (),
        csv=csv_file,
        dicom_out=dicom_out,
        keep=keep,
        force=force,
    )


def _csv_shown() -> "Callable[[PredictionRow], None]":
    """Print a table for programs, each row as soon as its film is predicted."""
    from cxr_cli.prediction.rows import rows_to

    write = rows_to(sys.stdout)

    def show(row: "PredictionRow") -> None:
        write(row)
        sys.stdout.flush()

    return show


def _show(row: "PredictionRow") -> None:
    answer = row.answer()
    text = answer.short if answer else f"none ({row.reason or 'could not be read'})"
    console.result_now(f"{row.image}  {text}")
