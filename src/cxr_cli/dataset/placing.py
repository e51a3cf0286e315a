"""The films of a dataset, put into its folders: copied, linked, or showing the lungs alone."""

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image

from cxr_cli.dataset.manifest import Film
from cxr_cli.errors import WorkspaceError
from cxr_cli.imaging.figures import save_picture
from cxr_cli.imaging.reader import read_film
from cxr_cli.progress import Track
from cxr_cli.segmentation.lungs import keep_lungs
from cxr_cli.workspace.files import write_table
from cxr_cli.workspace.layout import DatasetFolder


def copy_films(films: Sequence[Film], made: DatasetFolder, *, link: bool, track: Track) -> None:
    """Copy each film from its original place, or make a hard link.

    Raises:
        WorkspaceError: the file system won't have it.
    """
    for film in track(films, "Linking films" if link else "Copying films", total=len(films)):
        original, target = Path(film.original), made.root / film.path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if link:
                target.hardlink_to(original.resolve())
            else:
                shutil.copyfile(original, target)
        except OSError as error:
            raise WorkspaceError(
                f"Expected to {'link' if link else 'copy'} {original} to {target.parent}. Received: {error.strerror}.",
                hint="Hard links need one file system: leave out --link" if link else "Check the free space",
            ) from error


def write_masked(films: Sequence[Film], made: DatasetFolder, *, method: str, track: Track) -> list[Film]:
    """Write each film with all but the lungs black, as PNG; one whose lungs are not found stays whole, and is named.

    Args:
        films: of the manifest, with paths that end in .png.
        made: the dataset's folder. `segmentation.csv` there says of each film whether its lungs were found.
        method: fcm, dbscan or otsu.
        track: is told of each film.

    Returns:
        The films that stayed whole.
    """
    with ThreadPoolExecutor() as pool:
        written = pool.map(partial(_write_one, root=made.root, method=method), films)
        reasons = list(track(written, "Keeping the lungs of the films", total=len(films)))
    rows = [
        {"path": film.path, "label": film.label, "split": film.split, "lungs": not reason, "reason": reason}
        for film, reason in zip(films, reasons, strict=True)
    ]
    write_table(made.segmentation, list(rows[0]), rows)
    return [film for film, reason in zip(films, reasons, strict=True) if reason]


def _write_one(film: Film, *, root: Path, method: str) -> str:
    pixels, reason = keep_lungs(read_film(Path(film.original)), method)
    save_picture(Image.fromarray(pixels), root / film.path)
    return reason
