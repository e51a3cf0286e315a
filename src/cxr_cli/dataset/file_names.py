"""The names of the films' files in a dataset: each one once, and valid on Linux, macOS and Windows."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

_LONGEST = 255  # bytes; the limit of most file systems
_NOT_ON_WINDOWS = re.compile(r'[<>:"/\\|?*\0-\x1f\x7f-\x9f]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)\s*(\.|$)", re.IGNORECASE)


def file_names(originals: Iterable[Path], suffix: str | None = None) -> list[str]:
    """Name the copies of files after them; if two names are the same, the later one gets a number.

    Args:
        originals: the files.
        suffix: of the copies. Defaults to that of each file.
    """
    taken: Counter[str] = Counter()
    names = []
    for original in originals:
        own = _portable(original.with_suffix(suffix).name if suffix else original.name)
        name = own
        while taken[_key(name)]:
            taken[_key(own)] += 1
            name = _short(own, f"-{taken[_key(own)]}")
        taken[_key(name)] += 1
        names.append(name)
    return names


def _portable(name: str) -> str:
    name = _NOT_ON_WINDOWS.sub("_", name).rstrip(" .") or "film"
    return _short(f"_{name}" if _DEVICES.match(name) else name, "")


def _short(name: str, ending: str) -> str:
    """`name` with `ending` before its suffix; where that is too long, the end of the rest is cut off."""
    path = PurePosixPath(name)
    stem, suffix = (path.stem, path.suffix) if len(path.suffix) < 20 else (name, "")
    room = _LONGEST - len((ending + suffix).encode())
    return stem.encode()[:room].decode(errors="ignore") + ending + suffix


def _key(name: str) -> str:
    """What two names have in common that are one file on macOS or Windows."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
