"""One item of a reporting guideline."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """One item of a checklist, with its number there; what it asks for is shortened."""

    number: str
    asks: str
    results: tuple[str, ...] = ()  # of `RESULTS`, that answer it; none where only the author can
    left: str = ""  # what the author has to add
