"""Put the films of a dataset into its folders: copied, linked, or framed."""

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
from cxr_cli.films.transforms import FilmBox
from cxr_cli.lungs.framing import Framing, frame_film
from cxr_cli.progress import track
from cxr_cli.threads import in_threads
from cxr_cli.workspace.faults import remedy
from cxr_cli.workspace.folders import DatasetFolder
from cxr_cli.workspace.tables import CsvTable


@dataclass(frozen=True, slots=True)
class FramedRow:
    """A row of `segmentation.csv`."""

    path: str  # from the dataset's folder
    label: str
    split: str
    lungs: bool  # whether they were found
    reason: str  # why not; empty if they were found
    left: float  # the part of the original film that the file shows, as shares of its width and height
    top: float
    right: float
    bottom: float


_TABLE = CsvTable(FramedRow, made_by=DatasetRecord.MADE_BY)


def write_pixels(files: Sequence[Path], made: DatasetFolder, paths: Sequence[str]) -> None:
    """Write each film as a PNG of 8 bits, with its pixels as they are displayed and nothing else of its file.

    Args:
        files: the films.
        made: the folder of the dataset.
        paths: where they go, from that folder.
    """
    written = in_threads(partial(_write_pixels, root=made.root), list(zip(files, paths, strict=True)))
    for _ in track(written, "Writing films", total=len(files)):
        pass


def _write_pixels(film: tuple[Path, str], *, root: Path) -> None:
    file, path = film
    save_picture(Image.fromarray(read_film(file)), root / path)


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
            hint=remedy(error, "Hard links need one file system: leave out --link" if link else "Check the free space"),
        ) from error


def write_framed(films: Sequence[Film], files: Sequence[Path], made: DatasetFolder, framing: Framing) -> list[Film]:
    """Write each film as PNG, cropped or with all but the lungs black. A film whose lungs are not found stays whole.

    Args:
        films: of the manifest, with paths that end in .png.
        files: the films before framing.
        made: the folder of the dataset, where `segmentation.csv` says whether the lungs of each film were found.
        framing: what to do with the films.

    Returns:
        The films that stayed whole.
    """
    doing = "Cropping films to the lungs" if framing.kind == "crop" else "Keeping the lungs of the films"
    pairs = list(zip(films, files, strict=True))
    written = in_threads(partial(_write_one, root=made.root, framing=framing), pairs)
    results = list(track(written, doing, total=len(films)))
    _TABLE.write(
        made.segmentation,
        (
            FramedRow(film.path, film.label, film.split, not reason, reason, *(round(edge, 6) for edge in box))
            for film, (reason, box) in zip(films, results, strict=True)
        ),
    )
    return [film for film, (reason, _) in zip(films, results, strict=True) if reason]


def _write_one(pair: tuple[Film, Path], *, root: Path, framing: Framing) -> tuple[str, FilmBox]:
    film, file = pair
    framed = frame_film(read_film(file), framing)
    save_picture(Image.fromarray(framed.film), root / film.path)
    return framed.reason, framed.box
