"""`cxr listen`: a DICOM node with its answers written, until it is interrupted."""

import signal
import threading
from collections.abc import Callable, Collection
from pathlib import Path

from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.pacs.dicomweb import LOOPBACK
from cxr_cli.pacs.study_film import require_dicom
from cxr_cli.prediction.rows import PredictionRow, rows_written
from cxr_cli.progress import note
from cxr_cli.workspace.folders import RunFolder


def answer_films(
    run: RunFolder,
    show: Callable[[PredictionRow], None],
    *,
    host: str,
    port: int,
    ae_title: str,
    allow_ae: Collection[str] = (),
    csv: Path | None = None,
    dicom_out: Path | None = None,
    keep: Path | None = None,
    force: bool = False,
) -> None:
    """Predict the films that other DICOM nodes send, until the process is interrupted.

    Args:
        run: the run that predicts.
        show: called with the row of each film, which is named by its SOP Instance UID.
        host: the address to listen on.
        port: the port.
        ae_title: the AE title of the node.
        allow_ae: AE titles that may send films. Defaults to all.
        csv: a CSV file for the rows, complete when the process is interrupted. Defaults to none.
        dicom_out: a folder for a structured report of each film. Defaults to none.
        keep: a folder to keep the films in. Defaults to none.
        force: predict any picture, also one that should get no class. Defaults to False.

    Raises:
        CxrError: the extra `dicom` is not installed.
        UsageError: an AE title is too long.
        PacsError: the address or port is in use.
        WorkspaceError: a file of the run is missing or damaged, or `csv` can't be written.
        KeyboardInterrupt: the process was interrupted or told to end; all is written. In `cxr`, SIGTERM raises
            SystemExit instead.
    """
    require_dicom()
    from cxr_cli.pacs.listen import Listener
    from cxr_cli.pacs.reports import Reports
    from cxr_cli.pacs.senders import Limits
    from cxr_cli.prediction.predictor import open_predictor

    predictor = open_predictor(run)
    reports = Reports(dicom_out, predictor) if dicom_out else None
    if host not in LOOPBACK:
        note(
            f"Warning: {host} is open to the network. Whoever reaches this machine can send films, and they travel to "
            "it unprotected; AE titles are no passwords."
        )
    with rows_written(csv) as write:

        def answer(row: PredictionRow) -> None:
            write(row)
            show(row)

        node = Listener(
            predictor,
            answer,
            host=host,
            port=port,
            ae_title=ae_title,
            keep=keep,
            reports=reports,
            force=force,
            limits=Limits(callers=allow_ae),
        )
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL  # `cxr` has a handler
        ):
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # handled like Ctrl-C
        end: BaseException = KeyboardInterrupt()
        with node:
            note(f"Listening as {ae_title} on {host}, port {node.port}, with {run.title}")
            note(f"Stop with Ctrl-C. {DISCLAIMER}")
            try:
                threading.Event().wait()
            except (KeyboardInterrupt, SystemExit) as told:
                end = told
    if csv:
        note(f"Predictions: {csv}")
    if reports:
        reports.tell()
    raise end
