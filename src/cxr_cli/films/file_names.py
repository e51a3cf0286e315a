"""Names for files that are made from films: each one once, and valid on Linux, macOS and Windows."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

_LONGEST = 255  # bytes; the limit of most file systems
# With the bytes of a name that is not UTF-8, which Python has as surrogates.
_NOT_EVERYWHERE = re.compile(r'[<>:"/\\|?*\0-\x1f\x7f-\x9f\ud800-\udfff]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)\s*(\.|$)", re.IGNORECASE)


def file_names(wanted: Iterable[str], *, longest: int = _LONGEST) -> list[str]:
    """Give each file the name that is wanted for it, as far as every system allows.

    If two names are the same, the later one gets a number; a name that is too long loses the end of its stem.

    Args:
        wanted: the names.
        longest: the most bytes that a name may have. Defaults to 255.
    """
    taken: Counter[str] = Counter()
    names = []
    for name in wanted:
        own = name = _portable(name, longest)
        while taken[_key(name)]:
            taken[_key(own)] += 1
            name = _short(own, f"-{taken[_key(own)]}", longest)
        taken[_key(name)] += 1
        names.append(name)
    return names


def _portable(name: str, longest: int) -> str:
    name = _NOT_EVERYWHERE.sub("_", name).rstrip(" .") or "film"
    return _short(f"_{name}" if _DEVICES.match(name) else name, "", longest)


def _short(name: str, ending: str, longest: int) -> str:
    """`name` with `ending` before its suffix."""
    path = PurePosixPath(name)
    stem, suffix = (path.stem, path.suffix) if len(path.suffix.encode()) < 20 else (name, "")
    room = longest - len((ending + suffix).encode())
    if len(stem.encode()) > room:
        stem = stem.encode()[:room].decode(errors="ignore").rstrip(" .")
    return stem + ending + suffix


def _key(name: str) -> str:
    """What two names have in common that are one file on macOS or Windows."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
