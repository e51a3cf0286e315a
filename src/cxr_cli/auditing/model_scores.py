"""The AUC of every view, and its difference to that of the whole film, with intervals over patients."""

from collections.abc import Sequence

import numpy as np

from cxr_cli.auditing.model_films import AskedFilm
from cxr_cli.auditing.model_record import LungHeat, ViewResult
from cxr_cli.auditing.model_views import VIEWS, WHOLE
from cxr_cli.metrics.intervals import Interval, mean_interval
from cxr_cli.metrics.paired_tests import delong
from cxr_cli.metrics.ranking_intervals import auc_interval


def measure_views(raw: np.ndarray, positives: np.ndarray, groups: np.ndarray) -> list[ViewResult]:
    """Measure how well the model separates the classes in each view.

    Args:
        raw: (N, V) float, P(positive), with the views in the order of `VIEWS`.
        positives: (N,) bool, with films of both classes.
        groups: (N,), the patient of each film.
    """
    whole = raw[:, list(VIEWS).index(WHOLE)]
    return [_measure(name, scores, whole, positives, groups) for name, scores in zip(VIEWS, raw.T, strict=True)]


def _measure(name: str, scores: np.ndarray, whole: np.ndarray, positives: np.ndarray, groups: np.ndarray) -> ViewResult:
    areas = delong(positives, scores, whole, groups)
    return ViewResult(
        view=name,
        auc=areas.auc_a,
        interval=auc_interval(positives, scores, groups),
        difference=areas.difference,
        difference_interval=None if name == WHOLE else areas.interval or Interval(low=0.0, high=0.0),
        kept=(areas.auc_a - 0.5) / (areas.auc_b - 0.5) if areas.auc_b > 0.5 else None,
    )


def measure_heat(asked: Sequence[AskedFilm]) -> LungHeat:
    """Measure how much of the maps' heat lies in the lungs, beside the lungs' share of each film."""
    graded = [(one.heat.energy, one.heat.share, one.film.group) for one in asked if one.heat.energy is not None]
    if not graded:
        return LungHeat(films=0, blank=len(asked), energy=None, area=None, gain=None, gain_interval=None)
    energies, shares = (np.array([row[column] for row in graded], dtype=np.float64) for column in (0, 1))
    gains = energies - shares
    return LungHeat(
        films=len(graded),
        blank=len(asked) - len(graded),
        energy=float(energies.mean()),
        area=float(shares.mean()),
        gain=float(gains.mean()),
        gain_interval=mean_interval(gains, np.array([group for _, _, group in graded])),
    )
