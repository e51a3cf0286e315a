"""What somebody meant who wrote a word wrong: the one place that guesses, for messages only."""

import re
from collections.abc import Iterable

_ALIKE = 0.6  # of difflib's ratio, from 0 (nothing in common) to 1 (equal)


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """Find the choice that `word` was probably meant to be.

    Args:
        word: what was written, for example ``mobilenet-v2`` or ``--lr``.
        choices: what could have been written, for example ``mobilenetv2`` or ``--learning-rate``.

    Returns:
        The choice with the same letters and digits; else the one whose words have `word` as their first letters; else
        the most similar one; None where none is similar.
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
    return plain[alike[0]] if alike else None


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Ask about the choice nearest to `word`; an empty text where none is similar."""
    choice = nearest(word, choices)
    return f"Did you mean {choice}?" if choice else ""


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9+]", "", text.lower())
