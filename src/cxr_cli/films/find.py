"""Which files are films: files, folders, globs and DICOMDIR files come in, paths of films go out.

Only files without a suffix are opened, to see what they begin with.
"""

import glob
import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cxr_cli.errors import FolderError, ImageError
from cxr_cli.films.dicom import is_dicom
from cxr_cli.films.dicomdir import is_dicomdir, list_dicomdir
from cxr_cli.films.inside import Inside, report_outside
from cxr_cli.nearest import path_meant

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".pgm", ".jp2", ".dcm", ".dicom")
# What files of these formats begin with. BMP and PPM begin with two letters, as texts may.
_BEGINNINGS = (
    *(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"GIF87a", b"GIF89a"),
    *(b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"),
)
HINT = "Give a radiograph as PNG, JPEG, TIFF, BMP, WebP or DICOM, for example: cxr predict film.png"


class Films(Collection[Path]):
    """Paths, each once, in the order in which they were listed. Kept as text: a million `Path` take half a gigabyte."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = list(names)

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[Path]:
        return map(Path, self._names)

    def __contains__(self, path: object) -> bool:
        return str(path) in self._names


def find_films(places: Iterable[Path]) -> Films:
    """List the films that files, folders and globs name, in the order given; those of a folder in the order of paths.

    A file that is named itself is taken whatever its suffix; a DICOMDIR stands for the images that it lists. In a
    folder, and the folders below it, films are the files that aren't hidden and have a film's suffix, or no suffix and
    a film's content.

    Raises:
        ImageError: a place holds no film, or isn't there.
        FolderError: a folder can't be read.
    """
    names: list[str] = []
    for place in places:
        try:
            names.extend(_films_at(place))
        except OSError as error:
            raise ImageError(f"Expected a film. Received: {place}: {error.strerror}.", hint=HINT) from error
    return Films(dict.fromkeys(names))


def walk_films(folder: Path) -> Iterator[Path]:
    """List the films of a folder as `find_films` does, one by one: an archive's paths may not fit in memory.

    Raises:
        FolderError: a folder can't be read.
    """
    links: list[str] = []
    yield from map(Path, _films_in(folder, links))
    report_outside(folder, links)


def walk_files(folder: Path, *, outside: list[str], hidden: bool = False, skip: Path | None = None) -> Iterator[str]:
    """List all files below a folder, by name within each folder; a link counts as its target.

    Links are followed within the folder (see `inside`), but never in a loop. A broken link, a pipe or a device counts
    as a file, so that reading it reports what is wrong.

    Args:
        folder: where to begin; every path begins with it.
        outside: gets the links that lead out of the folder, as they are met.
        hidden: whether to list files and folders whose names begin with a dot. They are the system's: macOS leaves a
            `._film.png` beside each film on a foreign disk. Defaults to False.
        skip: a folder to leave out. Defaults to none.

    Raises:
        FolderError: a folder can't be read.
    """
    walk = _Walk(Inside([folder]), outside, hidden, os.path.realpath(skip) if skip else "")
    yield from _walk(str(folder), walk, frozenset())


@dataclass(frozen=True)
class _Walk:
    inside: Inside
    outside: list[str]
    hidden: bool
    skip: str


def _walk(folder: str, walk: _Walk, above: frozenset[str]) -> Iterator[str]:
    real = os.path.realpath(folder)
    if real in above or real == walk.skip:
        return
    try:
        with os.scandir(folder) as entries:  # `Path.rglob` takes ten times as long for a million files
            in_order = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise FolderError(
            f"Expected to read the folder {folder}. Received: {error.strerror}.", hint="Check who may read it"
        ) from error
    for entry in in_order:
        if entry.name.startswith(".") and not walk.hidden:
            continue
        if entry.is_symlink() and not walk.inside.has(entry.path):
            walk.outside.append(entry.path)
            continue
        if _is_folder(entry):
            yield from _walk(entry.path, walk, above | {real})
        else:
            yield entry.path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, for example
        return False


def _films_at(place: Path) -> list[str]:
    if place.is_dir():
        links: list[str] = []
        films = list(_films_in(place, links))
        report_outside(place, links)
        if not films:
            suffixes = ", ".join(SUFFIXES)
            raise ImageError(
                f"Expected films in the folder {place}. Received: no file ending in {suffixes}, "
                "and no DICOM file without suffix.",
                hint="Name the folder that the link leads to" if links else HINT,
            )
        return films
    if place.exists():
        return _named(place)
    # A shell expands a glob itself; Windows' shells and quotes leave it to us.
    paths = sorted(Path(name) for name in glob.glob(str(place), recursive=True))  # noqa: PTH207 - may be absolute
    if not paths:
        raise ImageError(f"Expected a film, a folder or a glob. Received: nothing at {place}.", hint=_instead_of(place))
    return [film for path in paths for film in (_films_at(path) if path.is_dir() else _named(path))]


def _instead_of(place: Path) -> str:
    """What was probably meant by a path or glob at which nothing is."""
    if not glob.has_magic(place.name) or not place.parent.is_dir():
        return path_meant(place, HINT)
    films = sorted(film.name for film in place.parent.iterdir() if film.name.lower().endswith(SUFFIXES))
    folder = "This folder" if place.parent == Path() else f"The folder {place.parent}"
    return f"{folder} has films of other names, such as {films[0]}" if films else f"{folder} has no films"


def _named(file: Path) -> list[str]:
    if not file.name.lower().endswith(SUFFIXES) and is_dicomdir(file):
        return [str(film) for film in list_dicomdir(file)]
    return [str(file)]


def _films_in(folder: Path, outside: list[str]) -> Iterator[str]:
    for path in walk_files(folder, outside=outside):
        if is_film_file(path):
            yield path.removeprefix(f".{os.sep}")


def is_film_file(path: str) -> bool:
    """Whether a file in a folder is a film: by its suffix or, if it has none, by what it begins with.

    A DICOMDIR is none: the films that it lists are in the folder too.
    """
    if path.lower().endswith(SUFFIXES):
        return True
    name = path.rpartition(os.sep)[2]
    suffix = name.rpartition(".")[2] if "." in name else ""
    if (suffix and not suffix.isdecimal()) or name.upper() == "DICOMDIR":  # UIDs are numbers with points
        return False
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            head = file.read(132) or b""  # None from a pipe or a device that has nothing to say yet
    except OSError:
        return False
    return is_dicom(head) or is_picture(head)


def is_picture(head: bytes) -> bool:
    """Whether a file's first bytes are those of a picture, also of kinds that aren't read: HEIC and AVIF."""
    return head.startswith(_BEGINNINGS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or head[4:8] == b"ftyp"


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # for a writer to a pipe
