"""What somebody meant who wrote a word or a path wrong: the one place that guesses, for messages only."""

import os
import re
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

_ALIKE = 0.6  # of difflib's ratio, from 0 (nothing in common) to 1 (equal)
_SHORTEST = 3  # letters that a choice is known by if it begins with them
_LISTED = 10_000  # names of a folder that a wrong one is compared with


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """Find the choice that `word` was probably meant to be.

    Args:
        word: what was written, for example ``mobilenet-v2`` or ``--lr``.
        choices: what could have been written, for example ``mobilenetv2`` or ``--learning-rate``.

    Returns:
        The choice with the same letters and digits; else the one whose words have `word` as their first letters; else
        the most similar one; else one that begins with `word`; None where there is none.
    """
    from difflib import get_close_matches

    plain = {_plain(choice): choice for choice in reversed([*choices])}  # of two alike, the first
    wanted = _plain(word)
    if wanted in plain:
        return plain[wanted]
    if len(wanted) > 1:
        for choice in reversed(plain.values()):
            if "".join(part[0] for part in re.findall(r"[a-z0-9]+", choice.lower())) == wanted:
                return choice
    alike = get_close_matches(wanted, plain, n=1, cutoff=_ALIKE)
    begun = [name for name in plain if len(wanted) >= _SHORTEST and name.startswith(wanted)]
    return plain[(alike or begun[-1:])[0]] if alike or begun else None


def nearest_first(word: str, choices: Iterable[str]) -> list[str]:
    """Sort choices by their likeness to `word`, the most similar first; equally similar ones stay in their order."""
    from difflib import SequenceMatcher

    matcher = SequenceMatcher(None, b=_plain(word))

    def unlike(choice: str) -> float:
        matcher.set_seq1(_plain(choice))
        return -matcher.ratio()

    return sorted(choices, key=unlike)


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Ask about the choice nearest to `word`; an empty text where none is similar."""
    choice = nearest(word, choices)
    return f"Did you mean {choice}?" if choice else ""


def nearest_path(path: Path) -> Path | None:
    """Find the file or folder that a path was probably meant to be at which nothing is; None where none is similar."""
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in islice(entries, _LISTED) if not entry.name.startswith("."))
        name = _nearest_name(path.relative_to(folder).parts[0], names)
    except (OSError, ValueError, IndexError):
        return None
    return folder / name if name else None


def path_meant(path: Path, otherwise: str) -> str:
    """Ask about the path nearest to one at which nothing is; `otherwise` where something is, or none is near."""
    meant = None if path.exists() else nearest_path(path)
    return f"Did you mean {meant}?" if meant else otherwise


def no_folder(path: Path) -> str:
    """What is where a folder was expected, in words."""
    return f"{path}: it is a file" if path.exists() else f"{path}: no such folder"


def _nearest_name(name: str, names: Iterable[str]) -> str | None:
    """Find the nearest file name; an ending that both have, such as .csv, doesn't make them alike."""
    suffix = Path(name).suffix
    stems = {Path(other).stem: other for other in names if Path(other).suffix == suffix}
    if meant := nearest(Path(name).stem, stems):
        return stems[meant]
    return nearest(name, [other for other in names if not suffix or not other.endswith(suffix)])


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9+]", "", text.lower())
