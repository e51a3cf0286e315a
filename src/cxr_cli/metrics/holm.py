"""Holm's correction of p values for the number of tests."""

from collections.abc import Sequence


def corrected(chances: Sequence[float | None]) -> list[float | None]:
    """P values corrected for their number, by the method of Holm 1979 (Scand J Stat 6:65); None stays None."""
    known = [place for place, p in enumerate(chances) if p is not None]
    ordered = sorted(known, key=lambda place: chances[place] or 0)
    result, least = list(chances), 0.0
    for rank, place in enumerate(ordered):
        least = max(least, min(1.0, (chances[place] or 0) * (len(known) - rank)))
        result[place] = least
    return result
