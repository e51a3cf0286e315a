"""What a long step tells whoever watches: a terminal, a log or nobody. The packages never print."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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


class TrainingWatch(Protocol):
    """Follows a training."""

    def __call__(self, items: Iterable[T], description: str, *, total: int) -> Iterator[T]:
        """Follow the items of a step beside the epochs, as `Track` does."""
        ...

    def note(self, text: str) -> None:
        """Tell what is being done now."""
        ...

    def begin(self, phase: str, *, first_epoch: int, epochs: int, steps: int) -> None:
        """A phase begins: `epochs` epochs of `steps` steps, the first one numbered `first_epoch`."""
        ...

    def step(self, step: int, loss: float) -> None:
        """A step of the epoch is done, counted from 1; `loss` is the epoch's mean so far."""
        ...

    def epoch(self, row: "EpochRow", *, best: bool) -> None:
        """An epoch is done; `best` says that its model is the best so far."""
        ...

    def end(self) -> None:
        """The phase is over."""
        ...


@dataclass(frozen=True)
class EpochRow:
    """One row of `history.csv`."""

    epoch: int  # 0 is the start, before any step
    phase: str  # "start", "train" or "fine-tune"
    learning_rate: float | None
    loss: float | None  # mean over the epoch's augmented films; None for the start
    val_loss: float  # both with the class weights, where they are used
    val_auc: float
    seconds: float
