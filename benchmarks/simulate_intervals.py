"""How often the intervals of every metric hold the true value, in simulated sets of films of patients.

    python benchmarks/simulate_intervals.py --sets 500

P(positive) is a sigmoid of normally distributed numbers, which films of a patient share in part. The true value of a
metric is that of a very large set. Prints a Markdown table: a row per design, a column per metric. Takes the package
from the path: with that of another version, it prints what the intervals of that version hold.
"""

# ruff: noqa: T201, TID253
import argparse
import warnings
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from cxr_cli.metrics.measure import measure, measure_intervals

THRESHOLD = 0.5
LARGE = 50_000  # patients of the set whose metrics are the true ones


@dataclass(frozen=True)
class Design:
    """How sets of films are drawn."""

    title: str
    patients: int | tuple[int, int]  # in all, or positive and negative ones
    prevalence: float = 0.5  # where `patients` is one number
    sizes: str = "few"  # films per patient: one, few (1 to 4, mean 1.7), three or heavy (a Pareto tail, 1 to 60)
    auc: float = 0.85
    alike: float = 0.5  # correlation of the films of a patient
    spreads: tuple[float, float] = (1.0, 1.0)  # standard deviations of positives and negatives
    sharpness: float = 1.3  # of the probabilities; larger ones are over-confident
    shift: float = 0.0  # of the logits


DESIGNS = (
    Design("46 patients, 80 % positive", 46, 0.8),
    Design("40 positive, 9 negative", (40, 9)),
    Design("100 patients, 10 % positive", 100, 0.1),
    Design("60 patients, heavy-tailed numbers of films", 60, sizes="heavy"),
    Design("20 + 20, one film each, AUC 0.97", (20, 20), sizes="one", auc=0.97),
    Design("20 + 20, one film each, AUC 0.99", (20, 20), sizes="one", auc=0.99),
    Design("60 patients, three films each, AUC 0.75", 60, 0.6, sizes="three", auc=0.75),
    Design("30 patients, three films each, very alike, AUC 0.95", 30, sizes="three", auc=0.95, alike=0.8),
    Design("100 patients, 30 % positive, very alike, AUC 0.93", 100, 0.3, auc=0.93, alike=0.9),
    Design("40 + 10, over-confident and shifted", (40, 10), sharpness=3.0, shift=1.5),
    Design("100 + 15, one film each, negatives widely spread", (100, 15), sizes="one", auc=0.93, spreads=(0.5, 2.0)),
    Design("300 patients, one film each, AUC 0.9", 300, sizes="one", auc=0.9),
)


def draw(design: Design, random: np.random.Generator, *, times: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth (N,) bool, P(positive) (N,) and patient (N,) of the films of a set `times` as large as the design's."""
    if isinstance(design.patients, tuple):
        truth = np.repeat([True, False], np.multiply(design.patients, times))
    else:
        truth = random.random(design.patients * times) < design.prevalence
    count = len(truth)
    sizes = {
        "one": lambda: np.ones(count, int),
        "few": lambda: random.choice([1, 2, 3, 4], p=[0.6, 0.2, 0.1, 0.1], size=count),
        "three": lambda: np.full(count, 3),
        "heavy": lambda: np.minimum(np.ceil(random.random(count) ** (-1 / 1.1)), 60).astype(int),
    }[design.sizes]()
    groups, positives = np.repeat(np.arange(count), sizes), np.repeat(truth, sizes)
    common = np.repeat(random.normal(size=count), sizes)
    noise = np.sqrt(design.alike) * common + np.sqrt(1 - design.alike) * random.normal(size=len(groups))
    apart = np.hypot(*design.spreads) * norm.ppf(design.auc)
    logits = np.where(positives, *design.spreads) * noise + apart * (positives - 0.5)
    return positives, 1 / (1 + np.exp(-design.sharpness * logits - design.shift)), groups


def true_values(design: Design) -> dict[str, float | None]:
    """Every metric of a very large set."""
    patients = sum(design.patients) if isinstance(design.patients, tuple) else design.patients
    positives, probabilities, _ = draw(design, np.random.default_rng(0), times=LARGE // patients)
    return measure(positives, probabilities, threshold=THRESHOLD)


def cover(design: Design, *, sets: int, seed: int = 1) -> dict[str, tuple[float, float]]:
    """By metric, the share of sets whose interval holds the true value, and the intervals' median width.

    Sets in which a metric is not defined don't count for it.
    """
    truth, random = true_values(design), np.random.default_rng(seed)
    held: dict[str, list[bool]] = {}
    widths: dict[str, list[float]] = {}
    for _ in range(sets):
        positives, probabilities, groups = draw(design, random)
        for name, interval in measure_intervals(positives, probabilities, groups, threshold=THRESHOLD).items():
            if interval is not None:
                held.setdefault(name, []).append(interval.low - 1e-12 <= (truth[name] or 0) <= interval.high + 1e-12)
                widths.setdefault(name, []).append(interval.high - interval.low)
    return {name: (float(np.mean(held[name])), float(np.median(widths[name]))) for name in held}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=500, help="simulated sets per design")
    parser.add_argument("--widths", action="store_true", help="print the median widths too")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=RuntimeWarning)
    found = {}
    for design in DESIGNS:
        found[design.title] = cover(design, sets=options.sets)
    names = list(next(iter(found.values())))
    print("| design |", " | ".join(names), "|")
    print("| --- |", "---: |" * len(names))
    for title, by_metric in found.items():
        cells = [by_metric.get(name, (float("nan"), float("nan"))) for name in names]
        print(f"| {title} |", " | ".join(f"{c:.2f}" + (f" ({w:.2f})" if options.widths else "") for c, w in cells), "|")


if __name__ == "__main__":
    main()
