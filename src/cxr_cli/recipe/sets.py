"""A run's prediction sets, calibrated on its validation films: the classes that it can't rule out for a film."""

from dataclasses import dataclass

import numpy as np

from cxr_cli.dataset.classes import Classes
from cxr_cli.metrics.conformal import SetRule, check_alpha, fit_sets, patients_needed
from cxr_cli.recipe.predictions import read_validation
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.records import read_record

BOTH = "both"
NEITHER = "neither"


@dataclass(frozen=True)
class PredictionSets:
    """Gives the set of a film. Made by `open_sets`."""

    classes: Classes
    rule: SetRule

    def of(self, raw: float) -> str:
        """The set of a film: a class, `BOTH` or `NEITHER`.

        Args:
            raw: its P(positive) before calibration, which moves no film past another.
        """
        contains = self.rule.contains(np.array([raw]))[0]
        members = [label for label, has in zip(self.classes, contains, strict=True) if has]
        if len(members) == 1:
            return members[0]
        return BOTH if members else NEITHER

    @property
    def name(self) -> str:
        """What the sets are called, for example "Set (90%)"."""
        return f"Set ({level_of(self.rule.alpha)})"

    def in_words(self, members: str) -> str:
        """What a set says."""
        if members == BOTH:
            return f"{self.classes.negative} or {self.classes.positive}, it can't tell which"
        if members == NEITHER:
            return "neither, it looks like the validation films of neither class"
        return members

    @property
    def notes(self) -> list[str]:
        """What the sets promise, and for which class there are too few patients to promise it."""
        few = shortage(self.rule, self.classes)
        promise = (
            f"Sets: for {level_of(self.rule.alpha)} of the patients of each class, the set has the right class. This "
            "holds only for films like the validation films."
        )
        return [promise, few] if few else [promise]


def level_of(alpha: float) -> str:
    """1 - `alpha` as a percentage."""
    return f"{100 * (1 - alpha):.6g}%"


def shortage(rule: SetRule, classes: Classes) -> str:
    """Say which classes have too few validation patients for this alpha; empty where all have enough."""
    few = [
        f"{own.patients} of {label}"
        for label, own in zip(classes, (rule.negative, rule.positive), strict=True)
        if own.quantile is None
    ]
    if not few:
        return ""
    return (
        f"Too few patients: sets at {level_of(rule.alpha)} need validation films of {patients_needed(rule.alpha)} "
        f"patients of a class. There are {' and '.join(few)}, so every set has {'it' if len(few) == 1 else 'both'}."
    )


def open_sets(run: RunFolder, alpha: float) -> PredictionSets:
    """Calibrate a run's prediction sets on the predictions that it keeps for its validation films.

    Args:
        run: its folder.
        alpha: in (0, 1), the share of the patients of each class whose set may lack it.

    Raises:
        UsageError: `alpha` is not between 0 and 1.
        WorkspaceError: the run has no predictions for its validation films, or they are damaged.
    """
    check_alpha(alpha)
    record = read_record(run.record, RunRecord)
    films, classes = read_validation(run, record), record.classes
    rule = fit_sets(
        np.array([film.truth == classes.positive for film in films], dtype=bool),
        np.array([film.raw_probability for film in films]),
        np.array([film.group for film in films]),
        alpha=alpha,
    )
    return PredictionSets(classes=classes, rule=rule)
