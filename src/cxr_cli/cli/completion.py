"""What Tab offers beyond commands, options and fixed choices: runs and findings. Any problem means that it offers none.

What it imports is imported in the functions, since every command imports this module.
"""

from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cxr_cli.cli.settings import shared_setting
from cxr_cli.errors import CxrError
from cxr_cli.workspace.folders import BUNDLED

if TYPE_CHECKING:
    from cxr_cli.workspace.layout import Workspace

_ROWS = 20_000  # of a metadata file that are looked at


def complete_runs(ctx: typer.Context, incomplete: str) -> list[str]:
    """The runs that predict, the newest first, and the model in the package."""
    return _matching(incomplete, [*_own_runs(ctx), BUNDLED])


def complete_own_runs(ctx: typer.Context, incomplete: str) -> list[str]:
    """The runs of the workspace that predict, the newest first."""
    return _matching(incomplete, _own_runs(ctx))


def complete_lung_runs(ctx: typer.Context, incomplete: str) -> list[str]:
    """The runs that find lungs."""
    return _matching(incomplete, [run.name for run in _workspace(ctx).lung_runs()])


def complete_all_runs(ctx: typer.Context, incomplete: str) -> list[str]:
    """The runs of the workspace, whatever they do."""
    return complete_own_runs(ctx, incomplete) + complete_lung_runs(ctx, incomplete)


def complete_unfinished_runs(ctx: typer.Context, incomplete: str) -> list[str]:
    """The runs whose training was stopped."""
    checkpoints = _workspace(ctx).checkpoints
    return _matching(incomplete, sorted(path.stem for path in checkpoints.glob("[!.]*.npz")))


def complete_findings(ctx: typer.Context, incomplete: str) -> list[str]:
    """The findings in the metadata files, or the class folders, that are already on the command line."""
    found: set[str] = set()
    with suppress(OSError, CxrError):
        for path in ctx.params.get("metadata") or ():
            found |= _findings_in(Path(path))
        if folders := ctx.params.get("folders"):
            found |= {folder.name for folder in Path(folders).iterdir() if folder.is_dir()}
    return _matching(incomplete, sorted(found))


def _own_runs(ctx: typer.Context) -> list[str]:
    return [run.name for run in reversed(_workspace(ctx).runs())]


def _workspace(ctx: typer.Context) -> "Workspace":
    from cxr_cli.workspace.layout import Workspace

    try:
        given = ctx.params.get("workspace")
        return Workspace.find(Path(given) if given else shared_setting(ctx))
    except CxrError:
        return Workspace(Path("workspace"))


def _findings_in(path: Path) -> set[str]:
    from cxr_cli.dataset.table import names_in, read_table

    return {name for row in islice(read_table(path).rows, _ROWS) for name in names_in(row["finding"]) if name}


def _matching(incomplete: str, names: list[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
