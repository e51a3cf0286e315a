"""`listen`: a DICOM node."""

from collections.abc import Sequence

from cxr_cli.api.arguments import AnyPath, as_path, find_workspace


def listen(
    *,
    model: str | None = None,
    host: str = "127.0.0.1",
    port: int = 11112,
    ae_title: str = "CXR",
    allow_ae: Sequence[str] | None = None,
    csv: AnyPath | None = None,
    dicom_out: AnyPath | None = None,
    keep: AnyPath | None = None,
    replace: bool = False,
    force: bool = False,
    workspace: AnyPath | None = None,
) -> None:
    """Predict the films that other DICOM nodes send by C-STORE, until the process is interrupted.

    Args:
        model: the name of a trained run, or "bundled". Defaults to the newest, else the bundled one.
        host: the address to listen on; any other than this machine's opens the node to the network.
        port: the port to listen on. Defaults to 11112.
        ae_title: the AE title of the node. Defaults to CXR.
        allow_ae: AE titles that may send films. Defaults to all.
        csv: a CSV file to write the predictions to as well. It is complete when the process is interrupted.
        dicom_out: a folder to write a DICOM structured report of each film to as well.
        keep: a folder to keep the films in. Defaults to none: a film is removed when it is predicted.
        replace: overwrite `csv` if it is there. Defaults to False.
        force: predict any picture, also one that should get no class. Defaults to False.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Raises:
        CxrError: the extra `dicom` is not installed.
        UsageError: an AE title is too long.
        PacsError: the address or port is in use.
        WorkspaceError: there is no run, or it is damaged, or `csv` is there already.
        KeyboardInterrupt: the process was interrupted or told to end; all is written.
    """
    from cxr_cli.pacs.answering import answer_films
    from cxr_cli.workspace.outputs import refuse_existing

    refuse_existing(as_path(csv), replace=replace)
    answer_films(
        find_workspace(workspace).run(model),
        lambda row: None,
        host=host,
        port=port,
        ae_title=ae_title,
        allow_ae=allow_ae or (),
        csv=as_path(csv),
        dicom_out=as_path(dicom_out),
        keep=as_path(keep),
        force=force,
    )
