"""What a command says at its end of films that could not be read, and the exit code that follows."""

from collections.abc import Collection
from pathlib import Path

import typer

from cxr_cli.cli import console
from cxr_cli.cli.exit_codes import exit_code_of


def end_with_failed(failed: Collection[str], *, done: int, table: Path) -> None:
    """Say how many films could not be read, and where the reasons are.

    Args:
        failed: the films that could not be read.
        done: number of films that have a result.
        table: the file with the reasons.

    Raises:
        typer.Exit: there are such films.
    """
    if failed:
        console.note(f"{len(failed)} of {done + len(failed)} films could not be read. Why: {table}")
        raise typer.Exit(exit_code_of(done=done, failed=len(failed)))
