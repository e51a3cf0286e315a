"""Options that several commands share, so that they are called and explained alike."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.lungs.clusters import METHODS

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace", "-w", help="The workspace folder. Default: $CXR_WORKSPACE, else ./workspace.", show_default=False
    ),
]
RunOption = Annotated[
    str | None,
    typer.Option("--model", "-m", help="The name of a trained run. Default: the latest.", show_default=False),
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Work on a Dask cluster, by its scheduler's address or file; or local: processes on all cores.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Method = StrEnum("Method", {name: name for name in METHODS})  # type: ignore[misc]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Of everything that is drawn.")]


def connecting(cluster: str) -> str:
    """What is told while it takes its seconds."""
    return "Starting a worker process a core" if cluster == "local" else f"Connecting to {cluster}"
