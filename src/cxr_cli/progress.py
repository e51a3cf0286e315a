"""What a long step tells whoever watches: a terminal, a log or nobody. The packages never print."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Track(Protocol):
    """Passes items through and shows how far it is."""

    def __call__(self, items: Iterable[T], description: str, *, total: int) -> Iterator[T]:
        """Yield each of `items`; `total` is how many there are."""
        ...


def untracked(items: Iterable[T], description: str, *, total: int) -> Iterator[T]:
    """Nobody watches: the items as they come."""
    return iter(items)
