"""How often failure rates stand out by chance, and how often intervals of differences between groups hold the true one.

For docs/explanation/statistics.md. Prints Markdown tables:

    python benchmarks/simulate_subgroups.py [--sets 400]
"""

# ruff: noqa: T201, TID253 - a script: it prints, and needs all that it imports

import argparse
from collections.abc import Iterator

import numpy as np
from scipy.stats import norm

from cxr_cli.metrics import failures
from cxr_cli.metrics.calibration_figures import IN_THE_LARGE, calibration_figures
from cxr_cli.metrics.failures import failure_rates
from cxr_cli.metrics.group_gaps import group_gaps

# Patients of a class, the share of films that are wrong, films per patient, and how alike the films of a patient are:
# the concentration of the beta distribution that a patient's own share is drawn from.
_FAILURES = {
    "60 patients, one film each, 10 % wrong": (60, 0.1, (1, 1), 2.0),
    "60 patients, 1 to 5 films, 20 % wrong": (60, 0.2, (1, 5), 2.0),
    "200 patients, one film each, 5 % wrong": (200, 0.05, (1, 1), 2.0),
    "200 patients, 1 to 30 films, 10 % wrong": (200, 0.1, (1, 30), 1.0),
    "30 patients, 1 to 3 films, 30 % wrong": (30, 0.3, (1, 3), 2.0),
}
_GAPS = {
    "60 patients, one film each, no difference": (60, 1, 1.5, 1.5),
    "120 patients, 1 to 4 films, no difference": (120, 4, 1.5, 1.5),
    "120 patients, 1 to 4 films, women worse": (120, 4, 0.8, 1.8),
    "400 patients, 1 to 4 films, women worse": (400, 4, 0.8, 1.8),
}


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=400)
    sets = parser.parse_args().sets
    failures.PERMUTATIONS = 999
    print("| films of one class | sets in which a value stands out, of none that is worse |\n| --- | ---: |")
    for name, design in _FAILURES.items():
        found = sum(any(rate.stands_out for rate in _rates(seed, *design)) for seed in range(sets))
        print(f"| {name} | {found / sets:.3f} |", flush=True)
    print("\n| patients | metric | intervals that hold the true difference | sets |\n| --- | --- | ---: | ---: |")
    for name, (patients, most, women, men) in _GAPS.items():
        held: dict[str, list[bool]] = {}
        true = {metric: one - other for metric, one, other in _true(women, men)}
        for seed in range(sets // 4):
            for metric, low, high in _intervals(seed, patients, most, women, men):
                held.setdefault(metric, []).append(low <= true[metric] <= high)
        for metric, own in held.items():
            print(f"| {name} | {metric} | {np.mean(own):.3f} | {len(own)} |", flush=True)


def _rates(seed: int, patients: int, rate: float, films: tuple[int, int], alike: float) -> list[failures.FailureRate]:
    """Positive films whose errors have nothing to do with view, sex, site or brightness."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(patients), rng.integers(films[0], films[1] + 1, size=patients))
    own = rng.beta(alike * rate, alike * (1 - rate), size=patients)
    columns = {}
    for column, values in (("view", 3), ("sex", 2), ("site", 5), ("brightness", 3)):
        of_patient = rng.integers(values, size=patients)[groups]
        changed = rng.uniform(size=len(groups)) < (0.8 if column == "brightness" else 0.1)
        columns[column] = np.where(changed, rng.integers(values, size=len(groups)), of_patient).astype(str)
    called = rng.uniform(size=len(groups)) >= own[groups]
    return failure_rates(columns, np.ones(len(groups), bool), called, groups, seed=seed)


def _scores(rng: np.random.Generator, positives: np.ndarray, apart: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Scores with a standard deviation of 1, half of their variance between patients."""
    between = rng.normal(size=groups.max() + 1)[groups]
    scores = apart * (positives - 0.5) + np.sqrt(0.5) * (between + rng.normal(size=len(groups)))
    return np.asarray(1 / (1 + np.exp(-scores)))


def _intervals(seed: int, patients: int, most: int, women: float, men: float) -> Iterator[tuple[str, float, float]]:
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(patients), rng.integers(1, most + 1, size=patients))
    positives = (rng.uniform(size=patients) < 0.5)[groups]
    female = (rng.uniform(size=patients) < 0.5)[groups]
    probabilities = _scores(rng, positives, np.where(female, women, men), groups)
    sex = np.where(female, "F", "M")
    for gap in group_gaps("sex", sex, positives, probabilities, groups, threshold=0.5).gaps:
        if gap.interval:
            yield gap.metric, gap.interval.low, gap.interval.high


def _true(women: float, men: float) -> Iterator[tuple[str, float, float]]:
    yield "roc_auc", float(norm.cdf(women / np.sqrt(2))), float(norm.cdf(men / np.sqrt(2)))
    for metric in ("sensitivity", "specificity"):
        yield metric, float(norm.cdf(women / 2)), float(norm.cdf(men / 2))
    yield IN_THE_LARGE, _in_the_large(women), _in_the_large(men)


def _in_the_large(apart: float) -> float:
    """Of many patients with one film each."""
    groups = np.arange(400_000)
    positives = groups % 2 == 0
    probabilities = _scores(np.random.default_rng(0), positives, np.full(len(groups), apart), groups)
    value = calibration_figures(positives, probabilities, groups).values[IN_THE_LARGE]
    assert value is not None
    return value


if __name__ == "__main__":
    main()
