"""AUCs of all views with the same bootstrap replicates, so that their differences have intervals too."""

from collections.abc import Sequence

import numpy as np

from cxr_cli.auditing.model_films import AskedFilm
from cxr_cli.auditing.model_record import LungHeat, ViewResult
from cxr_cli.auditing.model_views import VIEWS, WHOLE
from cxr_cli.explanation.grading import mean_interval
from cxr_cli.metrics.intervals import auc_of, bootstrap_weights, logit_interval, percentiles


def measure_views(raw: np.ndarray, positives: np.ndarray, groups: np.ndarray, *, seed: int) -> list[ViewResult]:
    """Measure how well the model separates the classes in each view.

    Args:
        raw: (N, V) float, P(positive), with the views in the order of `VIEWS`.
        positives: (N,) bool, with films of both classes.
        groups: (N,), the patient of each film.
        seed: of the bootstrap.
    """
    scores = list(raw.T)
    areas = np.array([auc_of(positives, view, np.ones((1, len(positives))))[0] for view in scores])
    drawn = np.concatenate(
        [
            np.stack([auc_of(positives, view, weights) for view in scores], axis=1)
            for weights in bootstrap_weights(groups, seed=seed)
        ]
    )  # (R, V)
    fewest = min(len(np.unique(groups[side])) for side in (positives, ~positives))
    first = list(VIEWS).index(WHOLE)
    whole = float(areas[first])
    return [
        ViewResult(
            view=name,
            auc=float(area),
            interval=logit_interval(float(area), replicates, fewest),
            difference=float(area) - whole,
            difference_interval=None if place == first else percentiles(replicates - drawn[:, first]),
            kept=(float(area) - 0.5) / (whole - 0.5) if whole > 0.5 else None,
        )
        for place, (name, area, replicates) in enumerate(zip(VIEWS, areas, drawn.T, strict=True))
    ]


def measure_heat(asked: Sequence[AskedFilm], *, seed: int) -> LungHeat:
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
        gain_interval=mean_interval(gains, np.array([group for _, _, group in graded]), seed=seed),
    )
