"""The films' files, each read once: its content's name, or the reason why it can't be a film."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from cxr_cli.dataset.threads import in_threads
from cxr_cli.errors import ImageError
from cxr_cli.imaging.proof import is_surely_film
from cxr_cli.imaging.reader import read_film
from cxr_cli.progress import Track

# In the order of the paths, for each film its file's SHA-256 and "", or "" and the reason to leave it out.
ReadFilms = Callable[[Sequence[Path], Track], Iterable[tuple[str, str]]]


def read_one(path: Path) -> tuple[str, str]:
    """Prove that a film can be read, so that it can't fail later, and hash its file.

    Returns:
        Its SHA-256 (64 hex digits) and ""; or "" and the reason why it can't be read.
    """
    data = b""
    with suppress(OSError):  # `read_film` says why
        data = path.read_bytes()
    if not is_surely_film(data):
        try:
            read_film(path)
        except ImageError as error:
            return "", error.message
        data = data or path.read_bytes()
    return hashlib.sha256(data).hexdigest(), ""


def read_here(paths: Sequence[Path], track: Track) -> Iterator[tuple[str, str]]:
    """`read_one` of each film, in their order, on all cores of this machine."""
    yield from track(in_threads(read_one, paths, batch=8), "Reading films", total=len(paths))
