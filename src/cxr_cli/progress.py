"""Progress of long steps, for a watcher: a terminal, a log, or nobody, which is the default. The packages never print.

A watcher is set for a block of code, not handed from function to function: ``with watched_by(watcher): ...``.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


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

    @property
    def quality(self) -> tuple[str, float]:
        """What is watched besides the loss: its name and value."""
        return "val AUC", self.val_auc


@dataclass(frozen=True)
class LungEpochRow:
    """One row of `history.csv` of a run that finds lungs."""

    epoch: int
    learning_rate: float  # of the epoch's last step
    loss: float  # mean over the epoch's augmented films
    val_loss: float
    val_dice: float  # mean over the validation films
    val_iou: float
    averaged: bool  # the validated weights are the mean of several epochs
    seconds: float

    @property
    def quality(self) -> tuple[str, float]:
        """What is watched besides the loss: its name and value."""
        return "val Dice", self.val_dice


class Watcher:
    """Ignores all progress. A subclass shows as much of a long step as it wants."""

    def track(self, items: Iterable[T], description: str, *, total: int) -> Iterator[T]:
        """Yield each of `items`, and show how many of `total` are done."""
        return iter(items)

    def note(self, text: str) -> None:
        """Show what is being done now, or a note on a result."""

    def begin_phase(self, phase: str, *, first_epoch: int, epochs: int, steps: int) -> None:
        """A training phase begins: `epochs` epochs of `steps` steps, the first one numbered `first_epoch`."""

    def end_step(self, step: int, loss: float) -> None:
        """A step of the epoch is done, counted from 1; `loss` is the epoch's mean so far."""

    def end_epoch(self, row: EpochRow | LungEpochRow, *, best: bool) -> None:
        """An epoch is done; `best` says that its model is the best so far."""

    def end_phase(self) -> None:
        """The training phase is over."""


_watcher: ContextVar[Watcher] = ContextVar("watcher", default=Watcher())  # noqa: B039 - it has no state


def watcher() -> Watcher:
    """The watcher of the code that is running."""
    return _watcher.get()


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Let `watcher` follow the long steps of the block."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def track(items: Iterable[T], description: str, *, total: int) -> Iterator[T]:
    """Yield each of `items` while the watcher follows; `total` is how many there are."""
    return watcher().track(items, description, total=total)


def note(text: str) -> None:
    """Tell the watcher what is being done now, or a note on a result."""
    watcher().note(text)
