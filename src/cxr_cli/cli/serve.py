"""`cxr serve`: a page that predicts films."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.cli.options import AlphaOption, RunOption, WorkspaceOption


def serve(
    run: RunOption = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 7860,
    host: Annotated[
        str,
        typer.Option("--host", help="Address to listen on. Any but the default opens the page to the network."),
    ] = "127.0.0.1",
    auth: Annotated[
        bool, typer.Option("--auth", help="Require a password: the one in $CXR_PASSWORD, else one that you type now.")
    ] = False,
    auth_file: Annotated[
        Path | None,
        typer.Option(
            "--auth-file",
            metavar="FILE",
            help="Require the password in the first line of this file.",
            show_default=False,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            help="Host name by which browsers reach the page through a proxy; can be given several times.",
            show_default=False,
        ),
    ] = None,
    max_mb: Annotated[int, typer.Option("--max-mb", min=1, help="Maximum size of one film, in megabytes.")] = 100,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Maximum time for one film, in seconds.")] = 20,
    alpha: AlphaOption = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    gradio: Annotated[
        bool, typer.Option("--gradio", help="Serve a plain Gradio interface instead, to this machine only.")
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Serve a web page that predicts the films dropped on it.

    The page is open to this machine only, unless --host says otherwise. Then it needs a password: --auth.

    Needs the extra web: pip install "cxr-cli[web]"; for --gradio the extra gradio. Films are not kept.

    Example: cxr serve
    """
    from cxr_cli.api.serving import serve as serve_page
    from cxr_cli.cli.missing_workspace import say_missing

    say_missing(workspace, run)

    serve_page(
        model=run,
        port=port,
        host=host,
        auth=auth,
        auth_file=auth_file,
        allow_host=allow_host or (),
        max_mb=max_mb,
        timeout=timeout,
        alpha=alpha,
        open=open_browser,
        gradio=gradio,
        workspace=workspace,
    )
