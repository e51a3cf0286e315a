"""`serve`: the web page."""

from importlib.util import find_spec

from cxr_cli.api.arguments import AnyPath, find_workspace

_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}


def serve(
    *,
    model: str | None = None,
    port: int = 7860,
    host: str = "127.0.0.1",
    alpha: float | None = None,
    open: bool = False,  # noqa: A002 - the name of the option
    workspace: AnyPath | None = None,
) -> None:
    """Serve a web page that predicts the films dropped on it, until the process is interrupted.

    Args:
        model: the name of the run that the page begins with. Defaults to the newest, else the bundled one.
        port: the port to listen on. Defaults to 7860.
        host: the address to listen on; any other than this machine's opens the page to the network.
        alpha: show each film's prediction set too, which may lack the right class for this share of the patients of
            each class, in (0, 1). Defaults to none.
        open: open the page in the browser.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Raises:
        CxrError: Gradio is not installed, or the address or port is in use.
        UsageError: `alpha` is not between 0 and 1.
        WorkspaceError: there is no run, or it is damaged.
        KeyboardInterrupt: the process was interrupted.
    """
    from cxr_cli.disclaimer import DISCLAIMER
    from cxr_cli.errors import CxrError
    from cxr_cli.progress import note

    place = find_workspace(workspace)
    place.run(model)
    if alpha is not None:
        from cxr_cli.metrics.conformal import check_alpha

        check_alpha(alpha)
    if find_spec("gradio") is None:
        raise CxrError(
            "Expected Gradio, which draws the page. Received: it is not installed.",
            hint='Install it: pip install "cxr-cli[web]"',
        )
    if host not in _THIS_MACHINE:
        note(
            f"Warning: {host} is open to the network. Whoever reaches this machine can use the page, and films travel "
            "to it unprotected."
        )

    def show_address(address: str) -> None:
        note(f"Page: {address}")
        note(f"Stop with Ctrl-C. {DISCLAIMER}")
        if open:
            import webbrowser

            webbrowser.open(address)

    note("Loading Gradio")
    from cxr_cli.web.server import serve as serve_page

    serve_page(place, run=model, host=host, port=port, ready=show_address, alpha=alpha)
