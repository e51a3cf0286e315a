"""The prior of where lungs are and how their outline varies, and its fit to the clusters of a film.

An outline is 68 numbers in [0, 1], shares of the film's sides: first for the lung on the film's left, then for the
other one, its top, its bottom, and its left and right borders at 16 heights in between. `lung_prior.json` holds the
mean outline, its 12 main modes and the weight of each point. `benchmarks/lungs_prior.py` makes it from lungs that
people drew on films of half of the patients of the ieee8023 COVID-19 image data collection; the rest is for tests.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

HEIGHTS = 16
_LUNG = 2 + 2 * HEIGHTS  # numbers of one lung
# Distances from the outline at which inside and outside are compared, each on a map smoothed by half the distance.
DISTANCES = (0.02, 0.06)
_CLIP = 0.2  # of darkness; stronger contrasts count no more, otherwise bones and tubes would outweigh the lungs' edges
_RARITY = 0.04  # cost of a shape of ordinary variation, in units of contrast
_SHAPES, _ROUNDS, _BEST = 300, 8, 30
_NARROWEST = 0.05  # standard deviations; the smallest spread, so that the search never stands still


@dataclass(frozen=True)
class Prior:
    """`lung_prior.json`."""

    mean: np.ndarray  # (68,)
    modes: np.ndarray  # (12, 68), each as long as its standard deviation
    weights: np.ndarray  # (140,) of each point at each distance; they sum to 1


@dataclass(frozen=True)
class Fit:
    """The outline that fits a film best, and how well."""

    outline: np.ndarray  # (2, 35, 2) x and y of each lung's points, in [0, 1]
    contrast: float  # dark inside against bright outside, weighted, at most 0.2
    rarity: float  # mean square of the modes, in standard deviations: 1 is an ordinary shape


@cache
def lung_prior() -> Prior:
    """The prior that comes with the package."""
    text = files("cxr_cli.lungs").joinpath("lung_prior.json").read_text(encoding="utf-8")
    values = {name: np.array(value) for name, value in json.loads(text).items() if name != "origin"}
    return Prior(**values)


def fit(darkness: np.ndarray, prior: Prior) -> Fit:
    """Find the outline that is dark inside, bright outside, and shaped like lungs.

    A cross-entropy search (Rubinstein 1999): shapes are drawn around a guess, and the best of them give the next guess.

    Args:
        darkness: (S, S) float32 in [0, 1].
        prior: of `lung_prior`.

    Returns:
        Always the same for the same film: the random seed is fixed.
    """
    maps = smooth(darkness)
    modes = len(prior.modes)
    rng = np.random.default_rng(0)
    guess, spread = np.zeros(modes), np.ones(modes)
    for _ in range(_ROUNDS):
        drawn = guess + spread * rng.standard_normal((_SHAPES, modes))
        score = contrasts(maps, prior.mean + drawn @ prior.modes) @ prior.weights - _RARITY * (drawn**2).mean(axis=1)
        best = drawn[np.argsort(score)[-_BEST:]]
        guess, spread = best.mean(axis=0), np.maximum(best.std(axis=0), _NARROWEST)
    shape = (prior.mean + guess @ prior.modes)[None]
    return Fit(
        outline=points(shape)[0],
        contrast=float((contrasts(maps, shape) @ prior.weights)[0]),
        rarity=float((guess**2).mean()),
    )


def smooth(darkness: np.ndarray) -> list[np.ndarray]:
    """Smooth a map of darkness for the comparison at each distance."""
    from scipy.ndimage import gaussian_filter

    return [gaussian_filter(darkness, distance / 2 * len(darkness)) for distance in DISTANCES]


def contrasts(maps: list[np.ndarray], shapes: np.ndarray) -> np.ndarray:
    """How much darker a film is inside an outline than outside, at each of its 70 points and each distance.

    Args:
        maps: of `smooth`.
        shapes: (N, 68).

    Returns:
        (N, 140) in [-0.2, 0.2].
    """
    outline = points(shapes)
    along = np.roll(outline, -1, axis=2) - np.roll(outline, 1, axis=2)
    inward = np.stack([-along[..., 1], along[..., 0]], axis=-1)  # the points run clockwise
    inward /= np.linalg.norm(inward, axis=-1, keepdims=True) + 1e-9
    contrast_at = [
        np.clip(_at(dark, outline + distance * inward) - _at(dark, outline - distance * inward), -_CLIP, _CLIP)
        for distance, dark in zip(DISTANCES, maps, strict=True)
    ]
    return np.concatenate([contrast.reshape(len(shapes), -1) for contrast in contrast_at], axis=1)


def points(shapes: np.ndarray) -> np.ndarray:
    """The outlines of shapes, clockwise from the bottom left of each lung. (N, 68) -> (N, 2, 35, 2), x and y."""
    lungs = shapes.reshape(-1, 2, _LUNG)
    top, bottom = lungs[..., :1], lungs[..., 1:2]
    down = top + (bottom - top) * np.linspace(0, 1, HEIGHTS)
    left, right = lungs[..., 2 : 2 + HEIGHTS], lungs[..., 2 + HEIGHTS :]
    sides = np.stack(
        [np.concatenate([left[..., ::-1], right], axis=-1), np.concatenate([down[..., ::-1], down], axis=-1)], axis=-1
    )
    shares = np.array([0.25, 0.5, 0.75])[:, None]
    below = sides[..., -1:, :] * (1 - shares) + sides[..., :1, :] * shares
    return np.concatenate([sides, below], axis=-2)


def _at(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(S, S) values at (..., 2) points in [0, 1]; a point outside the film has the value of the border."""
    side = len(values)
    index = np.clip((places * side).astype(np.intp), 0, side - 1)
    return values[index[..., 1], index[..., 0]]
