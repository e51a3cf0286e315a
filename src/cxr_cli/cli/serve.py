"""`cxr serve`: a page that predicts films."""

from typing import Annotated

import typer

from cxr_cli.cli import console
from cxr_cli.cli.options import RunOption, WorkspaceOption
from cxr_cli.disclaimer import DISCLAIMER

_THIS_MACHINE = {"127.0.0.1", "localhost", "::1"}


def serve(
    run: RunOption = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen at.")] = 7860,
    host: Annotated[
        str,
        typer.Option("--host", help="Address to listen at. Any other than the default opens the page to the network."),
    ] = "127.0.0.1",
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Serve a page that predicts the films dropped on it, on this machine.

    Needs the extra web: pip install "cxr-cli[web]". No film is kept afterwards.

    Example: cxr serve
    """
    from importlib.util import find_spec

    from cxr_cli.errors import CxrError
    from cxr_cli.workspace.layout import Workspace

    place = Workspace.find(workspace)
    place.run(run)
    if find_spec("gradio") is None:
        raise CxrError(
            "Expected Gradio, which draws the page. Received: it is not installed.",
            hint='Install it: pip install "cxr-cli[web]"',
        )
    if host not in _THIS_MACHINE:
        console.note(
            f"Warning: {host} is open to the network. Whoever reaches this machine can use the page, and films travel "
            "to it unprotected."
        )

    def show_address(address: str) -> None:
        console.note(f"Page: {address}")
        console.note(f"Stop with Ctrl-C. {DISCLAIMER}")
        if open_browser:
            import webbrowser

            webbrowser.open(address)

    console.note("Loading Gradio")
    from cxr_cli.web.server import serve as serve_page

    serve_page(place, run=run, host=host, port=port, ready=show_address)
