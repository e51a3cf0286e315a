"""`cxr phantoms`: rendered radiographs to try things with."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.cli import console
from cxr_cli.cli.options import SeedOption


def phantoms(
    folder: Annotated[Path, typer.Argument(help="Folder for the files.", show_default=False)],
    films: Annotated[int, typer.Option("--films", min=2, help="Number of films, half of them positive.")] = 120,
    masks: Annotated[bool, typer.Option("--masks", help="Also write masks of the lungs and opacities.")] = False,
    seed: SeedOption = 0,
) -> None:
    """Render radiograph phantoms, with a metadata file.

    The same seed gives the same files, byte for byte.

    Example: cxr phantoms films --films 120
    """
    from cxr_cli.api.dataset import phantoms as render

    show_phantoms(render(folder, films=films, masks=masks, seed=seed))


def show_phantoms(metadata: Path) -> None:
    """Print where the phantoms are."""
    console.result(f"Metadata: {metadata}")
    console.note("These are drawings, not patients: good for trying the tool, not for research.")
