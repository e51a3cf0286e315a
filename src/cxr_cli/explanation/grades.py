"""The figures of many heat maps together, each with its value by chance."""

from collections.abc import Callable, Sequence

import numpy as np

from cxr_cli.explanation.record import Grade, GradedFilm
from cxr_cli.metrics.intervals import mean_interval, proportion_interval

_Figure = Callable[[GradedFilm], float | None]

# What is averaged, and its value for a map without information.
_FIGURES: dict[str, tuple[_Figure, _Figure]] = {
    "lung_energy": (lambda film: film.lung_energy, lambda film: film.lung_area),
    "lung_ratio": (lambda film: film.lung_ratio, lambda film: 1.0),
    "lung_gain": (lambda film: film.lung_gain, lambda film: 0.0),
    "lung_pointing": (lambda film: film.lung_hit, lambda film: film.lung_area),
    "pointing_game": (lambda film: film.lesion_hit, lambda film: film.lesion_area),
    "pointing_game_near": (lambda film: film.lesion_hit_near, lambda film: film.lesion_area_near),
    "deletion": (lambda film: film.deletion, lambda film: film.random_deletion),
    "deletion_gain": (lambda film: film.deletion_gain, lambda film: 0.0),
    "insertion": (lambda film: film.insertion, lambda film: film.random_insertion),
    "insertion_gain": (lambda film: film.insertion_gain, lambda film: 0.0),
}
_HITS = {"lung_pointing", "pointing_game", "pointing_game_near"}  # yes or no


def average(films: Sequence[GradedFilm]) -> dict[str, Grade]:
    """The means over the films that have a figure, with 95% intervals over patients.

    Args:
        films: their rows.

    Returns:
        By the figure's name; those that no film has are left out.
    """
    grades = {}
    for name, (figure, by_chance) in _FIGURES.items():
        graded = [film for film in films if figure(film) is not None]
        if not graded:
            continue
        values = np.array([figure(film) for film in graded], dtype=np.float64)
        groups = np.array([film.group for film in graded])
        hits = name in _HITS
        grades[name] = Grade(
            films=len(graded),
            groups=len(np.unique(groups)),
            value=float(values.mean()),
            interval=proportion_interval(values > 0, groups) if hits else mean_interval(values, groups),
            chance=float(np.mean([by_chance(film) for film in graded])),
        )
    return grades
