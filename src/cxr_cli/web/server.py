"""The server behind the page: one address, a few processes, nothing left when it ends."""

import asyncio
import errno
import signal
import socket
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_cli.errors import CxrError
from cxr_cli.ports import other_port_hint
from cxr_cli.progress import Watcher, watched_by
from cxr_cli.web.app import PageApp
from cxr_cli.web.folder import page_folder
from cxr_cli.web.guard import HostNames, PageGuard
from cxr_cli.web.limits import PageLimits
from cxr_cli.web.login import PageLogin
from cxr_cli.web.uploads import Uploads
from cxr_cli.web.workers import FilmWorkers
from cxr_cli.workspace.layout import Workspace

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_SAMPLES = 6


def serve(
    workspace: Workspace,
    *,
    run: str | None,
    host: str,
    port: int,
    ready: Callable[[str], None],
    alpha: float | None = None,
    proxied: Collection[str] = (),
    password: str | None = None,
    limits: PageLimits = PageLimits(),  # noqa: B008 - frozen
) -> None:
    """Serve the page until the process is interrupted.

    Args:
        workspace: where the runs are.
        run: the run to begin with. Defaults to the latest.
        host: the address to listen on.
        port: the port to listen on.
        ready: called with the address of the page when it can be opened.
        alpha: show each film's prediction set too; see `open_sets`. Defaults to none.
        proxied: names of proxies before the page.
        password: what opens the page. Defaults to none.
        limits: see `PageLimits`.

    Raises:
        CxrError: the address or port is in use or not available.
        WorkspaceError: no run, or it can't be read.
        KeyboardInterrupt: the process was interrupted or told to end; all is cleaned up. In `cxr`, SIGTERM raises
            SystemExit instead.
    """
    with _listen(host, port) as listener, page_folder() as folder:
        # On SIGTERM the folder is removed too, as on Ctrl-C: `cxr` sees to that, and here, whoever calls this from
        # Python. So it is when the terminal ends.
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
        workers = FilmWorkers(workspace.root, run=run, alpha=alpha, limits=limits)
        app = build_app(workspace, workers, folder, run=run, limits=limits)
        if password is not None:
            app = PageLogin(app, password, port=port, limits=limits)
        app = PageGuard(app, HostNames.of(host, proxied), limits, login=password is not None)
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        asyncio.run(_serve(app, listener, workers, limits, ready=lambda: ready(address)))
        # It only ends on a signal, and usually raises this itself; once, on a busy machine, it returned instead.
        raise KeyboardInterrupt


async def _serve(
    app: "ASGIApp",
    listener: socket.socket,
    workers: FilmWorkers,
    limits: PageLimits,
    *,
    ready: Callable[[], None],
) -> None:
    import uvicorn

    from cxr_cli.web.connections import PageServer, limited_connections

    config = uvicorn.Config(
        app,
        http=limited_connections(limits),
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_keep_alive=limits.keep_alive_seconds,
        timeout_graceful_shutdown=limits.stop_seconds,
    )
    try:
        await workers.start()
        ready()
        await PageServer(config, workers).serve(sockets=[listener])
    finally:
        await workers.stop()


def build_app(
    workspace: Workspace, workers: FilmWorkers, folder: Path, *, run: str | None, limits: PageLimits
) -> "ASGIApp":
    """The page and its routes, as an ASGI application.

    Args:
        workspace: where the runs are.
        workers: the processes that predict films.
        folder: an empty folder of the application's own, for films while they are worked on.
        run: the run to begin with. Defaults to the latest.
        limits: how many films wait, and how long.
    """
    from cxr_cli.rendering.render import write_phantoms

    samples, films = folder / "samples", folder / "films"
    with watched_by(Watcher()):  # half a second
        write_phantoms(samples, films=_SAMPLES)
    films.mkdir()
    uploads = Uploads(films, limits)
    return PageApp(workspace, workers, uploads, sorted(samples.glob("*.png")), limits, run).build()


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
            else other_port_hint("cxr serve", host, port),
        ) from error
