"""The operating point: the probability at or above which a film is called positive, chosen on validation films."""

import math
import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from cxr_cli.errors import CxrError, UsageError
from cxr_cli.nearest import nearest
from cxr_cli.workspace.records import RecordPart


class OperatingPoint(RecordPart, frozen=True, kw_only=True):
    """The threshold of a run, and how it was chosen: on the validation films, never on test."""

    rule: str  # as `parse_rule` reads it, for example "youden" or "sensitivity=0.95"
    threshold: float  # calibrated P(positive) at or above which a film is called positive
    sensitivity: float  # of the validation films
    specificity: float
    positives: int  # validation films
    negatives: int
    patients: int | None = None  # whose films a rule "…-at-least" counts; None for the other rules

    @property
    def chosen(self) -> str:
        """The rule, and what it was applied to, in words."""
        films = f"{self.rule}, on {self.positives + self.negatives} validation films"
        if not self.patients:
            return films
        return f"{films}, where {self.patients} patients have a {_CLASSES[parse_rule(self.rule).metric]} one"

    @property
    def promise(self) -> str:
        """What the rule promises, and for which films, in a sentence; empty where it promises nothing."""
        rule = parse_rule(self.rule)
        if rule.bounds:
            of_class = _CLASSES[rule.metric]
            return (
                f"With {_CONFIDENT}, at least {rule.value:g} of the {of_class} films of new patients like those of the "
                f"validation films are called {of_class}, each patient counting once."
            )
        if rule.metric in _CLASSES:
            return (
                f"The {rule.metric} is at least {rule.value:g} on the validation films. On new films it is lower about "
                f"half of the time: {rule.metric}{_AT_LEAST}={rule.value:g} keeps it there, with {_CONFIDENT}."
            )
        return ""


DEFAULT_RULE = "youden"
CONFIDENCE = 0.95  # of the rules "…-at-least"
_CONFIDENT = f"{100 * CONFIDENCE:.0f}% confidence"
_ROUNDING = 1e-9
NEVER = math.nextafter(1.0, 2.0)  # the threshold that calls no film positive, where a probability rounds to 1
_AT_LEAST = "-at-least"
_CLASSES = {"sensitivity": "positive", "specificity": "negative"}  # whose films a metric counts
_KINDS = (*_CLASSES, *(f"{metric}{_AT_LEAST}" for metric in _CLASSES), "threshold")


@dataclass(frozen=True)
class Rule:
    """How to choose a threshold."""

    kind: str  # "youden" or one of `_KINDS`
    value: float = 0.0

    def __str__(self) -> str:
        return self.kind if self.kind == DEFAULT_RULE else f"{self.kind}={float(self.value)!r}"

    @property
    def metric(self) -> str:
        """What it asks for: "sensitivity", "specificity", "threshold" or "youden"."""
        return self.kind.removesuffix(_AT_LEAST)

    @property
    def bounds(self) -> bool:
        """Whether it asks for a share of new patients, not of the validation films."""
        return self.kind.endswith(_AT_LEAST)


def parse_rule(text: str) -> Rule:
    """The rule in ``youden``, ``sensitivity=0.95``, ``sensitivity-at-least=0.95`` or ``threshold=0.5``.

    Raises:
        UsageError: `text` is not a rule, or its value is not between 0 and 1.
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
            f"Expected an operating point: youden, or {', '.join(_KINDS[:-1])} or {_KINDS[-1]} with a value between 0 "
            f"and 1. Received: {text}.",
            hint=_how_written(text),
        )
    return Rule(kind, number)


def _how_written(text: str) -> str:
    """How a rule is written that was probably meant."""
    kind, _, value = text.partition("=")
    try:
        if 0 < float(text) < 1:
            return (
                f"Say what {text} is: --operating-point threshold={text}, or sensitivity={text} or specificity={text}"
            )
    except ValueError:
        pass
    meant = nearest(kind, [DEFAULT_RULE, *_KINDS])
    percent = re.fullmatch(r"([1-9]\d?(?:\.\d+)?) ?%?", value)  # 95 or 95% for 0.95
    if percent and meant in _KINDS and value != "1":
        return f"Write it like this: --operating-point {meant}={float(percent[1]) / 100:g}"
    if not meant or meant == kind:
        return "For example: --operating-point sensitivity=0.95"
    return f"Write it like this: --operating-point {meant if meant == DEFAULT_RULE else f'{meant}={value or 0.95}'}"


def choose_threshold(
    positives: np.ndarray, probabilities: np.ndarray, rule: Rule, *, groups: np.ndarray | None = None
) -> OperatingPoint:
    """Choose a threshold on validation films.

    Args:
        positives: (N,) bool, with films of both classes.
        probabilities: (N,) float, calibrated P(positive).
        rule: "youden" takes the largest sensitivity + specificity - 1 (Youden 1950), and the threshold nearest to 0.5
            where several have it; "sensitivity" takes the highest threshold with at least that sensitivity on these
            films, which has the best specificity; "specificity" takes the lowest one with at least that specificity;
            "threshold" is the threshold itself. "sensitivity-at-least" takes the highest threshold that has this
            sensitivity on new films with 95% confidence: a one-sided tolerance bound from order statistics (Wilks
            1941, Ann Math Stat 12:91). Each patient counts once, and each film as its patient's share, so that the
            sensitivity it bounds is that of a film of a new patient. "specificity-at-least" is the same for negatives.
        groups: (N,), the patient of each film. Needed for the rules "…-at-least" only.

    Returns:
        The threshold, halfway between the probabilities of two films, so that rounding moves no film across it.

    Raises:
        CxrError: there are too few patients for a rule "…-at-least".
        ValueError: such a rule, and no groups.
    """
    values = np.unique(np.asarray(probabilities, dtype=np.float64))
    highest = (values[-1] + 1) / 2 if values[-1] < 1 else NEVER
    candidates = np.concatenate([[values[0] / 2], (values[:-1] + values[1:]) / 2, [highest]])
    if rule.kind == "threshold":
        candidates = np.array([rule.value])
    recalled = positives.sum() - np.searchsorted(np.sort(probabilities[positives]), candidates)
    spared = np.searchsorted(np.sort(probabilities[~positives]), candidates)
    sensitivity, specificity = recalled / positives.sum(), spared / (~positives).sum()
    patients = None
    if rule.metric in _CLASSES:
        own = _counted(rule, positives)
        weights = np.ones(int(own.sum()))
        if rule.bounds:
            if groups is None:
                raise ValueError(f"Expected the patient of each film for {rule}. Received: None.")
            check_patients(rule, positives, groups)
            _, members, sizes = np.unique(np.asarray(groups)[own], return_inverse=True, return_counts=True)
            weights, patients = 1 / sizes[members], len(sizes)
        order = np.argsort(probabilities[own], kind="stable")
        below = np.r_[0, np.cumsum(weights[order])][np.searchsorted(probabilities[own][order], candidates)]
        total = round(weights.sum())
        kept = total - below if rule.metric == "sensitivity" else below
        # Counted with whole numbers, as 1 - 4 / 5 is a little less than 0.2; only sums of shares are rounded.
        needed = (recognized_needed if rule.bounds else films_needed)(rule.value, total)
        enough = np.flatnonzero(kept >= needed - _ROUNDING)
        best = int(enough[-1] if rule.metric == "sensitivity" else enough[0])
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
        patients=patients,
    )


def check_patients(rule: Rule, positives: np.ndarray, groups: np.ndarray) -> None:
    """Make sure that a rule has enough patients, which can be done before a run is trained.

    Args:
        rule: any rule; only those "…-at-least" count patients.
        positives: (N,) bool, the truth of the validation films.
        groups: (N,), the patient of each film.

    Raises:
        CxrError: there are too few.
    """
    if not rule.bounds:
        return
    patients = len(np.unique(np.asarray(groups)[_counted(rule, positives)]))
    needed = patients_for(rule.value)
    if patients < needed:
        within_reach = math.floor(100 * (1 - CONFIDENCE) ** (1 / patients)) / 100 if patients else 0
        of_class = _CLASSES[rule.metric]
        less = f"{rule.kind}={within_reach:g}, the most that {patients} patients can show; or " if within_reach else ""
        raise CxrError(
            f"Expected at least {needed} patients with {of_class} validation films, for a {rule.metric} of at "
            f"least {rule.value:g} on new films with {_CONFIDENT}. Received: {patients}.",
            hint=f"Ask for less: --operating-point {less}{rule.metric}={rule.value:g}, on the validation films alone",
        )


def films_needed(share: float, total: int) -> int:
    """The smallest number of `total` films that is at least `share` of them, with the share as it is written."""
    return math.ceil(Fraction(str(share)) * total)


def patients_for(share: float) -> int:
    """The smallest number of patients that can show, with 95% confidence, that `share` of new ones are recognized."""
    return math.ceil(round(math.log(1 - CONFIDENCE) / math.log(share), 9))


def recognized_needed(share: float, patients: int) -> int:
    """How many of the patients must be recognized so that, with 95% confidence, at least `share` of new ones are.

    All but the largest m with P(Binomial(patients, 1 - share) <= m) <= 0.05; more than there are where no m is.
    """
    from scipy.special import bdtr

    chances = bdtr(np.arange(patients + 1), patients, 1 - share)  # of at most 0, 1, 2 … misses
    return patients + 1 - int(np.searchsorted(chances, 1 - CONFIDENCE, side="right"))


def _counted(rule: Rule, positives: np.ndarray) -> np.ndarray:
    return positives if rule.metric == "sensitivity" else ~positives
