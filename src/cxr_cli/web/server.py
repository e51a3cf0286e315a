"""The server behind the page: one process, one address, nothing left when it ends."""

import errno
import os
import signal
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_cli.errors import CxrError
from cxr_cli.progress import Watcher, watched_by
from cxr_cli.web.predicting import RunPredictors
from cxr_cli.web.replies import Replies
from cxr_cli.web.uploads import Uploads
from cxr_cli.workspace.layout import Workspace

if TYPE_CHECKING:
    import gradio
    from fastapi import FastAPI
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_MAX_BYTES = 100 * 2**20  # a film of 4000 by 5000 pixels with 16 bits has 40 MB
_SAMPLES = 6
# Nothing on the page can make a browser contact another machine.
_POLICY = b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"


def serve(
    workspace: Workspace,
    *,
    run: str | None,
    host: str,
    port: int,
    ready: Callable[[str], None],
    alpha: float | None = None,
) -> None:
    """Serve the page until the process is interrupted.

    Args:
        workspace: where the runs are.
        run: the run to begin with. Defaults to the latest.
        host: the address to listen on.
        port: the port to listen on.
        ready: called with the address of the page when it can be opened.
        alpha: show each film's prediction set too; see `open_sets`. Defaults to none.

    Raises:
        CxrError: the address or port is in use or not available.
        WorkspaceError: no run, or it can't be read.
        KeyboardInterrupt: the process was interrupted or told to end; all is cleaned up.
    """
    predictors = RunPredictors(workspace, alpha=alpha)
    predictors.prepare(run)
    with (
        _listen(host, port) as listener,
        tempfile.TemporaryDirectory(prefix="cxr-serve-", ignore_cleanup_errors=True) as folder,
    ):
        # SIGTERM is handled like Ctrl-C: the folder is removed.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        app = build_app(predictors, Path(folder), run=run)
        import uvicorn

        # An open page holds a connection: after one second it is cut.
        config = uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=1)
        ready(f"http://{f'[{host}]' if ':' in host else host}:{port}")
        uvicorn.Server(config).run(sockets=[listener])
        # It only ends on a signal, and usually raises this itself; once, on a busy machine, it returned instead.
        raise KeyboardInterrupt


def build_app(predictors: RunPredictors, folder: Path, *, run: str | None) -> "ASGIApp":
    """The page and its route for films, as an ASGI application.

    Args:
        predictors: the runs.
        folder: an empty folder of the application's own, for films until they are predicted.
        run: the run to begin with. Defaults to the latest.
    """
    # Read by Gradio when it is imported or builds a page: its files go here, no telemetry, no history.
    os.environ |= {"GRADIO_TEMP_DIR": str(folder), "GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_RUN_HISTORY": "False"}
    import gradio as gr

    from cxr_cli.rendering.render import write_phantoms
    from cxr_cli.web.page import build_page

    samples, waiting = folder / "samples", folder / "films"
    with watched_by(Watcher()):  # half a second
        write_phantoms(samples, films=_SAMPLES)
    waiting.mkdir()
    uploads = Uploads(waiting)
    page = build_page(Replies(predictors, uploads, run), sorted(samples.glob("*.png")))
    page.has_launched = True  # `mount_gradio_app` leaves it out, and without it any path would pass as an upload
    app = gr.mount_gradio_app(
        _film_routes(uploads),
        page,
        path="/",
        app_kwargs={"openapi_url": None},
        footer_links=[],
        show_error=False,
        max_file_size=_MAX_BYTES,
        theme=gr.themes.Default(
            primary_hue="teal",
            neutral_hue="slate",
            font=["system-ui", "sans-serif"],
            font_mono=["ui-monospace", "monospace"],
        ),
        css_paths=Path(__file__).with_name("page.css"),
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        enable_monitoring=False,
    )
    _forget_pages(page)
    return _guarded(app)


def _forget_pages(page: "gradio.Blocks") -> None:
    """Gradio remembers what each open page shows, for links to it: here, people's films and predictions."""
    from gradio.state_holder import SessionState, StateHolder

    class Forgetful(StateHolder):  # type: ignore[misc]  # Gradio's types are not followed
        def __getitem__(self, session_id: str) -> SessionState:
            return SessionState(self.blocks)

    page.state_holder.__class__ = Forgetful  # the one object that the page and its application share


def _film_routes(uploads: Uploads) -> "FastAPI":
    """The routes that take the place of Gradio's own, which would give the same film of two people one file."""
    from fastapi import FastAPI, Request, Response
    from starlette.concurrency import run_in_threadpool
    from starlette.datastructures import UploadFile

    app = FastAPI(openapi_url=None)

    @app.post("/gradio_api/upload", response_model=None)
    async def upload(request: Request) -> Response | list[str]:
        if int(request.headers.get("content-length", _MAX_BYTES + 1)) > _MAX_BYTES:
            return Response(f"Expected a film of at most {_MAX_BYTES >> 20} MB.", status_code=413)
        async with request.form(max_files=1) as form:
            films = [film for film in form.getlist("files") if isinstance(film, UploadFile)]
            return [str(await run_in_threadpool(uploads.keep, film.file)) for film in films]

    @app.get("/gradio_api/upload_progress")
    async def upload_progress() -> Response:
        # The page polls the progress of the upload; there is nothing to wait for.
        return Response('data: {"msg": "done"}\n\n', media_type="text/event-stream")

    return app


def _guarded(app: "ASGIApp") -> "ASGIApp":
    """Add the policy to every response of `app`."""

    async def guarded(scope: "Scope", receive: "Receive", send: "Send") -> None:
        async def send_guarded(message: "Message") -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", _POLICY)]
            await send(message)

        await app(scope, receive, send_guarded)

    return guarded


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        elsewhere = error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror)
        raise CxrError(
            # Python adds details to the system's message that this sentence already has.
            f"Expected to listen on {host}, port {port}. Received: {str(error.strerror).split(' (while')[0]}.",
            hint="Leave out --host to serve this machine alone"
            if elsewhere
            else "Name another port, for example: cxr serve --port 7861",
        ) from error
