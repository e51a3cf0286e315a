"""Where the films of a prepared dataset came from."""

from collections.abc import Sequence
from pathlib import Path

from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.errors import UsageError
from cxr_cli.lungs.framing import Framing
from cxr_cli.workspace.layout import Workspace


def find_originals(workspace: Workspace) -> list[Path]:
    """Find the original file of each film of the prepared dataset, or its copy if the original is gone.

    Raises:
        UsageError: there is no dataset.
        WorkspaceError: the dataset is damaged.
    """
    dataset = workspace.dataset
    if not dataset.record.is_file():
        raise UsageError(
            f"Expected films, or a prepared dataset in {dataset.root}. Received: neither.",
            hint="Name a film or a folder: cxr segment film.png",
        )
    originals = ((dataset.root / film.path, Path(film.original)) for film in read_manifest(dataset))
    return [original if original.is_file() else copy for copy, original in originals]


def whole_films(
    copies: Sequence[Path], originals: Sequence[str], framing: Framing | None
) -> tuple[Sequence[Path], bool]:
    """Find the files that show films of a dataset whole: of a framed dataset, the originals.

    Args:
        copies: the files of the dataset.
        originals: where they were copied from, in the same order.
        framing: what was done to them.

    Returns:
        The files, and whether they show whole films. They don't if an original of a framed dataset is gone; then they
        are the copies.
    """
    if not framing:
        return copies, True
    files = [Path(original) for original in originals]
    return (files, True) if all(file.is_file() for file in files) else (copies, False)
