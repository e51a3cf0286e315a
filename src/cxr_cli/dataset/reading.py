"""Read the file of a film once: its hash and small picture, or why it can't be read as a film."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cxr_cli.errors import ImageError
from cxr_cli.films.phash import shrink
from cxr_cli.films.proof import surely_film
from cxr_cli.films.reader import read_film
from cxr_cli.progress import track
from cxr_cli.threads import in_threads


class FilmRead(NamedTuple):
    """What reading the file of a film gave."""

    sha256: str  # of the file, 64 hex digits; empty where it can't be read
    reason: str  # why it can't be; empty where it can
    small: bytes  # of `shrink`: 9216 gray values; empty where it can't be read


# In the order of the paths.
ReadFilms = Callable[[Sequence[Path]], Iterable[FilmRead]]


def read_one(path: Path) -> FilmRead:
    """Make sure that a film can be read later, hash its file and shrink its picture."""
    data = b""
    with suppress(OSError):  # `read_film` says why
        data = path.read_bytes() if path.is_file() else b""  # reading a pipe would never end
    film = surely_film(data)
    if film is None:
        try:
            film = read_film(path)
        except ImageError as error:
            return FilmRead("", error.message, b"")
        data = data or path.read_bytes()
    return FilmRead(hashlib.sha256(data).hexdigest(), "", shrink(film).tobytes())


def read_here(paths: Sequence[Path]) -> Iterator[FilmRead]:
    """Read each film with `read_one`, in their order, on all cores of this machine."""
    yield from track(in_threads(read_one, paths, batch=8), "Reading films", total=len(paths))
