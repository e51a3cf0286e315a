"""`cxr serve`: a page that predicts films."""

from typing import Annotated

import typer

from cxr_cli.cli.options import AlphaOption, RunOption, WorkspaceOption


def serve(
    run: RunOption = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 7860,
    host: Annotated[
        str,
        typer.Option("--host", help="Address to listen on. Any address but the default opens the page to the network."),
    ] = "127.0.0.1",
    alpha: AlphaOption = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Serve a web page that predicts the films dropped on it.

    The page is open to this machine only, unless --host says otherwise.

    Needs the extra web: pip install "cxr-cli[web]". Films are not kept.

    Example: cxr serve
    """
    from cxr_cli.api.serving import serve as serve_page

    serve_page(model=run, port=port, host=host, alpha=alpha, open=open_browser, workspace=workspace)
