"""What speaks against a result, by weight: one form for evaluations, audits, runs and whatever shows them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Weight(StrEnum):
    """How much a doubt takes from a result, the heaviest first."""

    ALARM = "alarm"  # the result can't be believed, or doesn't mean what it seems to
    WARNING = "warning"  # it may be wrong, or is less certain than it looks
    NOTE = "note"  # what else to know


@dataclass(frozen=True)
class Doubt:
    """One thing that speaks against a result."""

    weight: Weight
    sentence: str  # or a few, each with its period
    hint: str = ""  # what to do about it, often a command: ``Test it: cxr evaluate``

    def __str__(self) -> str:
        """The weight, the sentence and the hint, for text without colors."""
        return f"{self.weight.title()}: {self.sentence} {self.hint}".rstrip()


def alarm(sentence: str, hint: str = "") -> Doubt:
    """Make a doubt that takes everything from a result."""
    return Doubt(Weight.ALARM, sentence, hint)


def warning(sentence: str, hint: str = "") -> Doubt:
    """Make a doubt that takes something from a result."""
    return Doubt(Weight.WARNING, sentence, hint)


def remark(sentence: str, hint: str = "") -> Doubt:
    """Make a doubt that only adds what else to know."""
    return Doubt(Weight.NOTE, sentence, hint)


def loudest_first(doubts: Iterable[Doubt]) -> list[Doubt]:
    """Sort doubts by weight, alarms first; those of one weight stay in order, and a repeated one is left out."""
    heaviest = list(Weight)
    return sorted(dict.fromkeys(doubts), key=lambda doubt: heaviest.index(doubt.weight))
