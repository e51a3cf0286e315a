"""The operating point: the probability from which a film is called positive, chosen on validation films."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cxr_cli.errors import UsageError
from cxr_cli.workspace.records import RecordPart


class OperatingPoint(RecordPart, frozen=True, kw_only=True):
    """The threshold of a run, and how it was chosen: on the validation films, never on test."""

    rule: str  # "youden", "sensitivity=0.95", "specificity=0.9" or "threshold=0.5"
    threshold: float  # calibrated P(positive) from which a film is called positive
    sensitivity: float  # of the validation films
    specificity: float
    positives: int  # validation films
    negatives: int


DEFAULT_RULE = "youden"
NEVER = math.nextafter(1.0, 2.0)  # the threshold that calls no film positive, where a probability rounds to 1
_KINDS = ("sensitivity", "specificity", "threshold")


@dataclass(frozen=True)
class Rule:
    """How to choose a threshold."""

    kind: str  # "youden" or one of `_KINDS`
    value: float = 0.0

    def __str__(self) -> str:
        return self.kind if self.kind == DEFAULT_RULE else f"{self.kind}={float(self.value)!r}"


def parse_rule(text: str) -> Rule:
    """The rule in ``youden``, ``sensitivity=0.95``, ``specificity=0.9`` or ``threshold=0.5``.

    Raises:
        UsageError: `text` is none of these, or its value is not between 0 and 1.
    """
    if text == DEFAULT_RULE:
        return Rule(DEFAULT_RULE)
    kind, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if kind not in _KINDS or not 0 < number < 1:
        raise UsageError(
            "Expected an operating point: youden, or sensitivity, specificity or threshold with a value between 0 and "
            f"1. Received: {text}.",
            hint="For example: --operating-point sensitivity=0.95",
        )
    return Rule(kind, number)


def choose_threshold(positives: np.ndarray, probabilities: np.ndarray, rule: Rule) -> OperatingPoint:
    """Choose a threshold on validation films.

    Args:
        positives: (N,) bool, with films of both classes.
        probabilities: (N,) float, calibrated P(positive).
        rule: "youden" takes the largest sensitivity + specificity - 1 (Youden 1950), and the threshold nearest to 0.5
            where several have it; "sensitivity" takes the highest threshold with at least that sensitivity, which has
            the best specificity; "specificity" takes the lowest one with at least that specificity; "threshold" is the
            threshold itself.

    Returns:
        The threshold, halfway between the probabilities of two films, so that rounding moves no film across it.
    """
    values = np.unique(np.asarray(probabilities, dtype=np.float64))
    highest = (values[-1] + 1) / 2 if values[-1] < 1 else NEVER
    candidates = np.concatenate([[values[0] / 2], (values[:-1] + values[1:]) / 2, [highest]])
    if rule.kind == "threshold":
        candidates = np.array([rule.value])
    # Counted with whole numbers: 1 - 4 / 5 is a little less than 0.2.
    recalled = positives.sum() - np.searchsorted(np.sort(probabilities[positives]), candidates)
    spared = np.searchsorted(np.sort(probabilities[~positives]), candidates)
    sensitivity, specificity = recalled / positives.sum(), spared / (~positives).sum()
    if rule.kind == "sensitivity":
        best = int(np.flatnonzero(recalled >= films_needed(rule.value, int(positives.sum())))[-1])
    elif rule.kind == "specificity":
        best = int(np.flatnonzero(spared >= films_needed(rule.value, int((~positives).sum())))[0])
    else:
        index = np.round(sensitivity + specificity, 9)
        best = int(np.lexsort((np.abs(candidates - 0.5), -index))[0])
    return OperatingPoint(
        rule=str(rule),
        threshold=float(candidates[best]),
        sensitivity=float(sensitivity[best]),
        specificity=float(specificity[best]),
        positives=int(positives.sum()),
        negatives=int((~positives).sum()),
    )


def films_needed(share: float, total: int) -> int:
    """The smallest number of `total` films that is at least `share` of them, with the share as it is written."""
    return math.ceil(Fraction(str(share)) * total)
