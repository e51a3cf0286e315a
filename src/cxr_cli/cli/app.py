"""`cxr`: the sub-commands in one app, and the one place where errors become words and exit codes."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Annotated, NoReturn

import typer

from cxr_cli.cli import (
    audit,
    calibrate,
    compare,
    console,
    crossval,
    demo,
    evaluate,
    export,
    gradcam,
    init,
    listen,
    phantoms,
    predict,
    prepare,
    report,
    runs,
    segment,
    serve,
    status,
    train,
)
from cxr_cli.cli.command import CxrCommand, CxrGroup
from cxr_cli.cli.exit_codes import ExitCode
from cxr_cli.cli.settings import SETTINGS_FILE, SETTINGS_VARIABLE
from cxr_cli.errors import CxrError, UsageError
from cxr_cli.progress import watched_by
from cxr_cli.workspace.faults import in_words
from cxr_cli.workspace.temporary import use_own_temporary_folder

app = typer.Typer(
    name="cxr",
    cls=CxrGroup,
    # Rich's markup costs more time than the rest of `cxr --help` together.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
# By heading and in the order of the work, as `cxr --help` shows them.
_COMMANDS: dict[str, tuple[ModuleType, ...]] = {
    "Start": (demo, init, status),
    "Data": (prepare, audit),
    "Train": (train, calibrate, runs),
    "Test": (evaluate, crossval, compare, report),
    "Use": (predict, gradcam, segment, serve, listen),
    "Files": (export, phantoms),
}
for heading, modules in _COMMANDS.items():
    for module in modules:
        name = module.__name__.rsplit(".", 1)[-1]  # one word
        if hasattr(module, "app"):  # a command with commands of its own
            app.add_typer(module.app, name=name, rich_help_panel=heading)
        else:
            app.command(name, cls=CxrCommand, rich_help_panel=heading)(getattr(module, name))


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        from cxr_cli.workspace.layout import bundled_run, has_bundled_run

        console.result(f"cxr {version('cxr-cli')}")
        if has_bundled_run():
            console.result(f"bundled model {bundled_run().version}")
        raise typer.Exit


@app.callback()
def cxr(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help=f"File of options, as cxr init writes it. Default: ${SETTINGS_VARIABLE}, else {SETTINGS_FILE} in the "
            "current folder.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Train, test and explain COVID-19 classifiers for chest X-rays.

    For research and teaching only, never a diagnosis.

    Start with: cxr demo
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line, and exit with a code of `ExitCode`.

    Args:
        arguments: what follows `cxr`. Defaults to the process's.
    """
    for stream in (sys.stdout, sys.stderr):
        # A console that can't show a letter of a file name must not end the run.
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    if arguments is None:  # this process is ours alone
        use_own_temporary_folder()
    try:
        if any("\0" in word for word in arguments or ()):  # no system passes one on, but a test or a program may
            raise UsageError("Expected arguments without a zero byte. Received: one in them.")
        with watched_by(console.ConsoleWatcher()), _ended_by_sigterm():
            try:
                app(arguments, prog_name="cxr")
            finally:
                sys.stdout.flush()  # here, where a full disk is an error and not a traceback
    except CxrError as problem:
        _fail(problem)
    except BrokenPipeError:
        _end_quietly(ExitCode.PIPE_CLOSED)
    except OSError as problem:  # a full disk, a name that is too long, or a place that this user may not look at
        known = in_words(problem)
        if known is None:
            raise
        _fail(known)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # Typer's exit with 1, while it handles that
            _end_quietly(ExitCode.PIPE_CLOSED)
        if end.code in {ExitCode.INTERRUPTED, ExitCode.TERMINATED}:
            console.note("Stopped.")
        raise


def _fail(problem: CxrError) -> NoReturn:
    with contextlib.suppress(BrokenPipeError):
        console.show_error(problem)
    _end_quietly(ExitCode.USAGE if isinstance(problem, UsageError) else ExitCode.ERROR)


def _end_quietly(code: ExitCode) -> NoReturn:
    """Exit; what can't be written any more would be written again, and fail again, when Python ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(code)


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """End the block as after an error on SIGTERM, so that what is being written is removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: object) -> None:
        sys.exit(ExitCode.TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
