"""`cxr phantoms`: rendered radiographs to try things on."""

from pathlib import Path
from typing import Annotated

import typer

from cxr_cli.cli import console
from cxr_cli.cli.options import SeedOption


def phantoms(
    folder: Annotated[Path, typer.Argument(help="Where to.", show_default=False)],
    films: Annotated[int, typer.Option("--films", min=2, help="How many, half of them positive.")] = 120,
    masks: Annotated[bool, typer.Option("--masks", help="Write the masks of lungs and opacities too.")] = False,
    seed: SeedOption = 0,
) -> None:
    """Render radiograph phantoms with a metadata file, byte for byte the same for the same seed.

    Example: cxr phantoms films --films 120
    """
    from cxr_cli.rendering.render import write_phantoms

    metadata = write_phantoms(folder, films=films, seed=seed, masks=masks)
    console.result(f"Metadata: {metadata}")
    console.note("These are drawings, not patients: good to learn the tool with, not to learn from.")
