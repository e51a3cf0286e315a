"""`serve`: the web page."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from cxr_cli.api.arguments import AnyPath, as_path, find_workspace

_PASSWORD = "CXR_PASSWORD"


def serve(
    *,
    model: str | None = None,
    port: int = 7860,
    host: str = "127.0.0.1",
    auth: bool = False,
    auth_file: AnyPath | None = None,
    allow_host: Sequence[str] = (),
    max_mb: int = 100,
    timeout: float = 20,
    alpha: float | None = None,
    open: bool = False,  # noqa: A002 - the name of the option
    gradio: bool = False,
    workspace: AnyPath | None = None,
) -> None:
    """Serve a web page that predicts the films dropped on it, until the process is interrupted.

    Args:
        model: the name of the run that the page begins with. Defaults to the newest, else the bundled one.
        port: the port to listen on. Defaults to 7860.
        host: the address to listen on; any other than this machine's opens the page to the network, and needs a
            password.
        auth: ask for a password, which is taken from $CXR_PASSWORD, or typed now.
        auth_file: a file whose first line is the password. Defaults to none.
        allow_host: names of proxies before the page, which the page answers to as well. Defaults to none.
        max_mb: megabytes of one film. Defaults to 100.
        timeout: seconds to read and predict one film, after which it is given up. Defaults to 20.
        alpha: show each film's prediction set too, which may lack the right class for this share of the patients of
            each class, in (0, 1). Defaults to none.
        open: open the page in the browser.
        gradio: serve a plain Gradio interface instead, as in a notebook, to this machine only.
        workspace: the workspace folder. Defaults to $CXR_WORKSPACE, else ./workspace.

    Raises:
        CxrError: the packages of the page are not installed, the password can't be read, or the address or port is in
            use.
        UsageError: `alpha` is not between 0 and 1, the page is open to the network without a password, or `gradio` is
            asked for more than this machine and a run.
        WorkspaceError: there is no run, or it is damaged.
        KeyboardInterrupt: the process was interrupted.
    """
    from cxr_cli.disclaimer import DISCLAIMER
    from cxr_cli.errors import CxrError, UsageError
    from cxr_cli.extras import require_modules
    from cxr_cli.progress import note

    place = find_workspace(workspace)
    place.run(model)
    if alpha is not None:
        from cxr_cli.metrics.conformal import check_alpha

        check_alpha(alpha)
    needed = ["gradio"] if gradio else ["starlette", "uvicorn"]
    require_modules(*needed, needed_by="the page")
    from cxr_cli.web.limits import MIN_PASSWORD, THIS_MACHINE, PageLimits

    limits = PageLimits(film_mb=max_mb, film_seconds=timeout)
    of_page = auth or auth_file or allow_host or alpha is not None or limits != PageLimits()
    if gradio and (host not in THIS_MACHINE or of_page):
        raise UsageError(
            "Expected a Gradio interface, for this machine alone. Received: options of the page as well.",
            hint="Leave out --gradio: the page has passwords, limits, other machines and prediction sets",
        )
    if host not in THIS_MACHINE and not (auth or auth_file):
        raise UsageError(
            f"Expected a password for a page that other machines can reach. Received: none, for {host}.",
            hint=f"Choose one and type it when asked: cxr serve --host {host} --auth",
        )
    password = _read_password(as_path(auth_file)) if auth or auth_file else None
    if password is not None and len(password) < MIN_PASSWORD:
        raise CxrError(
            f"Expected a password of at least {MIN_PASSWORD} characters. Received: {len(password)}.",
            hint="Choose a longer one, for example three words that nobody would guess",
        )
    if host not in THIS_MACHINE:
        note(
            f"Warning: {host} is open to the network. Whoever knows the password can use the page, and both the "
            "password and films travel to it unprotected, unless a proxy with TLS is before it."
        )

    def show_address(address: str) -> None:
        note(f"Page: {address}")
        note(f"Stop with Ctrl-C. {DISCLAIMER}")
        if open:
            import webbrowser

            webbrowser.open(address)

    if gradio:
        from cxr_cli.web.gradio_page import serve_interface

        note("Loading Gradio")
        serve_interface(place, run=model, port=port, ready=show_address)
        return
    from cxr_cli.web.server import serve as serve_page

    serve_page(
        place,
        run=model,
        host=host,
        port=port,
        ready=show_address,
        alpha=alpha,
        proxied=allow_host,
        password=password,
        limits=limits,
    )


def _read_password(file: Path | None) -> str:
    """Read the password from a file, else from the environment, else from the terminal. Never from the command line."""
    from cxr_cli.errors import CxrError
    from cxr_cli.progress import note

    if file:
        try:
            first_line = file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
            shared = os.name == "posix" and file.stat().st_mode & 0o077
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise CxrError(
                f"Expected a file whose first line is the password. Received: {file}: {reason}.",
                hint="Write it with an editor, and let nobody else read it: chmod 600 FILE",
            ) from error
        if shared:
            note(
                f"Warning: other users of this machine can read or change {file}, which holds the password. "
                f"Keep it to yourself: chmod 600 {shlex.quote(str(file))}"
            )
        return first_line
    password = os.environ.pop(_PASSWORD, None)  # the processes that read films need not know it
    if password is not None:
        return password
    if not sys.stdin.isatty():
        raise CxrError(
            f"Expected the password in the environment as {_PASSWORD}, or a terminal to type it. Received: neither.",
            hint="Put it into a file, and name that: cxr serve --auth-file FILE",
        )
    from getpass import getpass

    return getpass("Password for the page: ")
