"""Put the films of a dataset into its folders: copied, linked, or with all but the lungs black."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from PIL import Image

from cxr_cli.dataset.manifest import Film
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import WorkspaceError
from cxr_cli.films.figures import save_picture
from cxr_cli.films.reader import read_film
from cxr_cli.progress import track
from cxr_cli.threads import in_threads
from cxr_cli.workspace.folders import DatasetFolder
from cxr_cli.workspace.tables import CsvTable


@dataclass(frozen=True, slots=True)
class MaskedFilm:
    """A row of `segmentation.csv`."""

    path: str  # from the dataset's folder
    label: str
    split: str
    lungs: bool  # whether they were found
    reason: str  # why not; empty if they were found


_TABLE = CsvTable(MaskedFilm, made_by=DatasetRecord.MADE_BY)


def copy_films(films: Sequence[Film], made: DatasetFolder, *, link: bool) -> None:
    """Copy each film from its original place, or make a hard link.

    Raises:
        WorkspaceError: the file system refuses.
    """
    for folder in {str(PurePosixPath(film.path).parent) for film in films}:
        (made.root / folder).mkdir(parents=True, exist_ok=True)
    put = partial(_put_one, root=str(made.root), link=link)
    placed = in_threads(put, films, batch=8)
    for _ in track(placed, "Linking films" if link else "Copying films", total=len(films)):
        pass


def _put_one(film: Film, *, root: str, link: bool) -> None:
    target = f"{root}/{film.path}"
    try:
        if link:
            Path(target).hardlink_to(Path(film.original).resolve())
        else:
            shutil.copyfile(film.original, target)
    except OSError as error:
        raise WorkspaceError(
            f"Expected to {'link' if link else 'copy'} {film.original} to {Path(target).parent}. "
            f"Received: {error.strerror}.",
            hint="Hard links need one file system: leave out --link" if link else "Check the free space",
        ) from error


def write_masked(films: Sequence[Film], made: DatasetFolder, *, method: str) -> list[Film]:
    """Write each film as PNG with all but the lungs black. A film whose lungs are not found stays whole.

    Args:
        films: of the manifest, with paths that end in .png.
        made: the folder of the dataset, where `segmentation.csv` says whether the lungs of each film were found.
        method: a name of `SEGMENTATION_METHODS`.

    Returns:
        The films that stayed whole.
    """
    written = in_threads(partial(_write_one, root=made.root, method=method), films)
    reasons = list(track(written, "Keeping the lungs of the films", total=len(films)))
    _TABLE.write(
        made.segmentation,
        (
            MaskedFilm(path=film.path, label=film.label, split=film.split, lungs=not reason, reason=reason)
            for film, reason in zip(films, reasons, strict=True)
        ),
    )
    return [film for film, reason in zip(films, reasons, strict=True) if reason]


def _write_one(film: Film, *, root: Path, method: str) -> str:
    from cxr_cli.lungs.keep import keep_lungs

    pixels, reason = keep_lungs(read_film(Path(film.original)), method)
    save_picture(Image.fromarray(pixels), root / film.path)
    return reason
