"""The operating point: from which probability on an answer is positive, chosen on validation films."""

from dataclasses import dataclass

import numpy as np

from cxr_cli.errors import CxrError
from cxr_cli.workspace.records import RecordPart


class OperatingPoint(RecordPart, frozen=True, kw_only=True):
    """The threshold of a run, and how it was chosen: on the validation films, never on test."""

    rule: str  # "youden", "sensitivity=0.95", "specificity=0.9" or "threshold=0.5"
    threshold: float  # of the calibrated P(positive), from which on an answer is positive
    sensitivity: float  # of the validation films
    specificity: float
    positives: int  # validation films
    negatives: int


DEFAULT_RULE = "youden"
_KINDS = ("sensitivity", "specificity", "threshold")


@dataclass(frozen=True)
class Rule:
    """How to choose a threshold."""

    kind: str  # "youden" or one of `_KINDS`
    value: float = 0.0

    def __str__(self) -> str:
        return self.kind if self.kind == DEFAULT_RULE else f"{self.kind}={self.value:g}"


def parse_rule(text: str) -> Rule:
    """The rule in ``youden``, ``sensitivity=0.95``, ``specificity=0.9`` or ``threshold=0.5``.

    Raises:
        CxrError: none of these, or a value that is not between 0 and 1.
    """
    if text == DEFAULT_RULE:
        return Rule(DEFAULT_RULE)
    kind, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if kind not in _KINDS or not 0 < number < 1:
        raise CxrError(
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
        rule: youden takes the largest sensitivity + specificity - 1 (Youden 1950), of equal ones that nearest to 0.5;
            sensitivity the highest threshold with at least that sensitivity, the best specificity then; specificity
            the lowest one with at least that specificity; threshold is one of itself.

    Returns:
        The threshold, between the probabilities of two films so that rounding moves none of them across.
    """
    values = np.unique(probabilities)
    candidates = np.concatenate([[values[0] / 2], (values[:-1] + values[1:]) / 2, [(values[-1] + 1) / 2]])
    if rule.kind == "threshold":
        candidates = np.array([rule.value])
    # From a threshold on: the films at or above it.
    sensitivity = 1 - np.searchsorted(np.sort(probabilities[positives]), candidates) / positives.sum()
    specificity = np.searchsorted(np.sort(probabilities[~positives]), candidates) / (~positives).sum()
    if rule.kind == "sensitivity":
        best = int(np.flatnonzero(sensitivity >= rule.value)[-1])
    elif rule.kind == "specificity":
        best = int(np.flatnonzero(specificity >= rule.value)[0])
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
