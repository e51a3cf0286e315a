"""How often do the intervals of a cross-validation hold what the recipe reaches?

Draws data sets of patients with one to eight films each, cross-validates a linear discriminant on them as `cxr
crossval` does (folds by patient, a threshold by Youden's index on validation films of each fold), and counts the
intervals that hold the truth: the mean of what models trained on that number of films reach on all patients, which is
known exactly, because the features are normally distributed. Sites have 15 to 79 patients and prevalences from 0.1
to 0.9. Four intervals are compared:

- pooled: of all out-of-fold predictions together, over patients, as if one model had made them
- MOVER: of the mean of the folds, from the intervals of the folds over patients (Zou, Huang & Zhang 2009)
- t: of the mean of the folds, from their standard deviation, as if they were independent
- corrected: what `cxr crossval` gives, see `cxr_cli.metrics.over_folds`

    python benchmarks/simulate_crossval.py

Takes two minutes on one core. Prints two Markdown tables.
"""
# ruff: noqa: T201, TID253

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtr
from scipy.stats import rankdata
from scipy.stats import t as student

from cxr_cli.metrics.intervals import proportion_interval
from cxr_cli.metrics.over_folds import over_folds
from cxr_cli.metrics.ranking_intervals import auc_interval

FIGURES = ("AUC", "sensitivity", "specificity")
METHODS = ("pooled", "MOVER", "t", "corrected")
FEATURES = 12
SHARED = 0.5  # of a feature's variance: the same in all films of a patient


@dataclass(frozen=True)
class Design:
    """Data sets of one kind, and how they are cross-validated."""

    patients: int = 200  # of each data set, or of each site on average
    prevalence: float = 0.5
    shift: float = 1.2  # of the positives in the first feature; 0 for features that say nothing
    folds: int = 5  # or sites, each of which is left out
    repeats: int = 1
    sites: bool = False  # leave one out at a time; their sizes and prevalences are uneven
    center_sd: float = 0.7  # of the mean of each feature, between sites
    shift_sd: float = 0.0  # of the shift, between sites

    def __str__(self) -> str:
        shift = "no signal" if self.shift == 0 else f"shift {self.shift:g}"
        if self.sites:
            varies = f" (SD {self.shift_sd:g})" if self.shift_sd else ""
            return f"{self.folds} sites{' that differ' if self.center_sd else ''}, {shift}{varies}"
        return f"{self.patients} patients, prevalence {self.prevalence:g}, {shift}"

    @property
    def plan(self) -> str:
        """The folds in words."""
        return f"each of {self.folds} left out" if self.sites else f"{self.folds} folds × {self.repeats}"


DESIGNS = (
    Design(patients=120),
    Design(patients=400),
    Design(prevalence=0.2),
    Design(shift=2.5),
    Design(shift=0),
    Design(patients=60, shift=3.2),
    Design(patients=60, shift=4.5),
    Design(folds=2),
    Design(folds=10),
    Design(patients=120, repeats=4),
    Design(shift=0, repeats=4),
    Design(prevalence=0.2, repeats=10),
    Design(folds=8, sites=True, shift=0, center_sd=0),
    Design(folds=8, sites=True, shift=0),
    Design(folds=8, sites=True),
    Design(folds=8, sites=True, shift_sd=0.6),
    Design(folds=4, sites=True, shift_sd=0.6),
)


@dataclass(frozen=True)
class Films:
    """The films of a data set."""

    features: np.ndarray  # (N, FEATURES)
    positives: np.ndarray  # (N,) bool
    patients: np.ndarray  # (N,) int
    sites: np.ndarray  # (N,) int
    centers: np.ndarray  # (sites, FEATURES), of the negatives
    shifts: np.ndarray  # (sites,), of the positives in the first feature


@dataclass
class Tested:
    """One data set's cross-validation: what was measured, and what is true."""

    figures: np.ndarray  # (folds, 3), on the test films
    true: np.ndarray  # (folds, 3), on all patients
    films: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=list)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=400, help="Data sets per design; a third of them for repeats.")
    options = parser.parse_args()
    print(f"| films | cross-validation | true {' / '.join(FIGURES)} | {' | '.join(METHODS)} | width for AUC |")
    print("| --- " * (len(METHODS) + 4) + "|")
    biases = []
    for design in DESIGNS:
        sets = list(simulate(design, options.sets if design.repeats == 1 else options.sets // 3))
        truth, coverage = truth_of(sets), cover(design, sets)
        cells = [
            " / ".join("–" if np.isnan(value) else f"{value:.2f}" for value in coverage[method]) for method in METHODS
        ]
        in_words = " / ".join(f"{value:.3f}" for value in truth)
        width = np.nanmean([np.diff(next(_corrected(tested, design))) for tested in sets])
        print(f"| {design} | {design.plan} | {in_words} | {' | '.join(cells)} | {width:.2f} |", flush=True)
        if design.sites:
            within = np.mean([np.nanmean(tested.figures[:, 0]) for tested in sets])
            pooled = np.mean([auc(*pool(tested)[:2]) for tested in sets])
            biases.append(f"| {design} | {truth[0]:.3f} | {within:.3f} | {pooled:.3f} |")
    print("\n| films | true AUC | mean of the folds' AUCs | pooled AUC |\n| --- | --- | --- | --- |")
    print("\n".join(biases))


def simulate(design: Design, sets: int, *, seed: int = 0) -> Iterator[Tested]:
    """Cross-validate data sets of a design."""
    generator = np.random.default_rng(seed)
    for _ in range(sets):
        films = draw(design, generator)
        yield cross_validate(films, design, generator)


def draw(design: Design, generator: np.random.Generator) -> Films:
    """Draw a data set: a patient has one class, and one to eight films."""
    sites = design.folds if design.sites else 1
    counts = generator.integers(15, 80, size=sites) if design.sites else np.array([design.patients])
    prevalences = generator.uniform(0.1, 0.9, size=sites) if design.sites else np.array([design.prevalence])
    site = np.repeat(np.arange(sites), counts)
    sick = generator.random(len(site)) < prevalences[site]
    patients = np.repeat(np.arange(len(site)), np.minimum(generator.geometric(0.5, len(site)), 8))
    features = np.sqrt(SHARED) * generator.normal(size=(len(site), FEATURES))[patients]
    features += np.sqrt(1 - SHARED) * generator.normal(size=features.shape)
    centers = (design.center_sd if design.sites else 0) * generator.normal(size=(sites, FEATURES))
    features += centers[site[patients]]
    shifts = design.shift + design.shift_sd * generator.normal(size=sites)
    positives = sick[patients]
    features[:, 0] += shifts[site[patients]] * positives
    return Films(features, positives, patients, site[patients], centers, shifts)


def cross_validate(films: Films, design: Design, generator: np.random.Generator) -> Tested:
    """Fit and test the recipe in each fold."""
    tested = Tested(np.empty((0, 3)), np.empty((0, 3)))
    for _ in range(design.repeats):
        folds = films.sites if design.sites else _deal(films, design.folds, generator)
        for fold in range(design.folds):
            test = folds == fold
            parts = _deal(films, 17, generator)  # three of them are validation films: 15 to 85, as in cxr
            train, validation = ~test & (parts >= 3), ~test & (parts < 3)
            weights, offset = fit(films.features[train], films.positives[train])
            scores = films.features @ weights + offset
            threshold = youden(films.positives[validation], scores[validation])
            truth, own = films.positives[test], scores[test]
            called = own >= threshold
            figures = auc(truth, own), _share(called[truth]), _share(~called[~truth])
            spread = np.sqrt(weights @ weights)
            site = fold if design.sites else 0
            negatives, shift = films.centers[site] @ weights + offset, films.shifts[site] * weights[0]
            spread = np.sqrt(weights @ weights)
            true = (
                ndtr(shift / spread / np.sqrt(2)),
                ndtr((negatives + shift - threshold) / spread),
                ndtr((threshold - negatives) / spread),
            )
            tested.figures = np.vstack([tested.figures, figures])
            tested.true = np.vstack([tested.true, true])
            tested.films.append((truth, own, called, films.patients[test]))
    return tested


def _deal(films: Films, parts: int, generator: np.random.Generator) -> np.ndarray:
    """The part of each film, from 0: patients of each class are dealt out in turn."""
    _, first = np.unique(films.patients, return_index=True)
    dealt, start = np.empty(len(first), int), 0
    for side in (films.positives[first], ~films.positives[first]):
        order = generator.permutation(np.flatnonzero(side))
        dealt[order] = (start + np.arange(len(order))) % parts
        start += len(order)
    return dealt[films.patients]


def fit(features: np.ndarray, positives: np.ndarray) -> tuple[np.ndarray, float]:
    """The weights and the offset of a linear discriminant, with a little shrinkage."""
    sick, healthy = features[positives].mean(axis=0), features[~positives].mean(axis=0)
    apart = features - np.where(positives[:, None], sick, healthy)
    covariance = apart.T @ apart / len(features)
    covariance += 0.1 * np.eye(FEATURES) * np.trace(covariance) / FEATURES
    weights = np.linalg.solve(covariance, sick - healthy)
    return weights, float(np.log(positives.mean() / (1 - positives.mean())) - weights @ (sick + healthy) / 2)


def youden(positives: np.ndarray, scores: np.ndarray) -> float:
    """The threshold with the largest sensitivity + specificity; 0, a probability of one half, for one class."""
    if positives.all() or not positives.any():
        return 0.0
    values = np.unique(scores)
    above = scores >= values[:, None]
    best = int(np.argmax(above[:, positives].mean(axis=1) - above[:, ~positives].mean(axis=1)))
    return float(values[max(best - 1, 0)] + values[best]) / 2


def auc(positives: np.ndarray, scores: np.ndarray) -> float:
    """The area under the ROC curve; NaN for one class."""
    count, other = positives.sum(), (~positives).sum()
    if not count * other:
        return float("nan")
    return float((rankdata(scores)[positives].sum() - count * (count + 1) / 2) / (count * other))


def _share(right: np.ndarray) -> float:
    return float(right.mean()) if len(right) else float("nan")


def truth_of(sets: list[Tested]) -> np.ndarray:
    """What the recipe reaches: (3,), the mean over all training sets that were drawn."""
    return np.concatenate([tested.true for tested in sets]).mean(axis=0)


def cover(design: Design, sets: list[Tested], methods: tuple[str, ...] = METHODS) -> dict[str, np.ndarray]:
    """The share of data sets in which each method's interval holds the truth: (3,) by method."""
    truth, found = truth_of(sets), {method: np.full((len(sets), 3), np.nan) for method in methods}
    for number, tested in enumerate(sets):
        for method in methods:
            if design.repeats > 1 and method in ("pooled", "MOVER"):
                continue
            for figure, (low, high) in enumerate(_METHODS[method](tested, design)):
                found[method][number, figure] = low <= truth[figure] <= high
    return {method: held.mean(axis=0) for method, held in found.items()}


def _corrected(tested: Tested, design: Design) -> Iterator[tuple[float, float]]:
    truth, _, _, groups = pool(tested)
    sick, healthy = len(np.unique(groups[truth])), len(np.unique(groups[~truth]))
    for figure, patients in enumerate((min(sick, healthy), sick, healthy)):
        values = [None if np.isnan(value) else value for value in tested.figures[:, figure]]
        interval = over_folds(values, folds=design.folds, patients=None if design.sites else patients).interval
        yield (interval.low, interval.high) if interval else (np.nan, np.nan)


def _student(tested: Tested, design: Design) -> Iterator[tuple[float, float]]:
    for values in tested.figures.T:
        own = values[~np.isnan(values)]
        half = student.ppf(0.975, len(own) - 1) * own.std(ddof=1) / np.sqrt(len(own))
        yield own.mean() - half, own.mean() + half


def _pooled_intervals(tested: Tested, design: Design) -> Iterator[tuple[float, float]]:
    yield from _over_patients(*pool(tested))


def _mover(tested: Tested, design: Design) -> Iterator[tuple[float, float]]:
    ends = np.array([list(_over_patients(*films)) for films in tested.films])  # (folds, 3, 2)
    for figure, values in enumerate(tested.figures.T):
        own = ~np.isnan(ends[:, figure, 0])
        value, count = values[own].mean(), own.sum()
        below, above = values[own] - ends[own, figure, 0], ends[own, figure, 1] - values[own]
        yield value - np.linalg.norm(below) / count, value + np.linalg.norm(above) / count


def pool(tested: Tested) -> list[np.ndarray]:
    """The films of all folds together: truth, scores, whether they are called positive, and patients."""
    return [np.concatenate(parts) for parts in zip(*tested.films, strict=True)]


def _over_patients(
    truth: np.ndarray, scores: np.ndarray, called: np.ndarray, patients: np.ndarray
) -> Iterator[tuple[float, float]]:
    for interval in (
        auc_interval(truth, scores, patients),
        proportion_interval(called[truth], patients[truth]),
        proportion_interval(~called[~truth], patients[~truth]),
    ):
        yield (interval.low, interval.high) if interval else (np.nan, np.nan)


_METHODS = dict(zip(METHODS, (_pooled_intervals, _mover, _student, _corrected), strict=True))


if __name__ == "__main__":
    main()
