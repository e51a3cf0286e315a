"""How often a rule's sensitivity holds on new films: `sensitivity=0.95` against `sensitivity-at-least=0.95`.

Scores of positive films are normal, with an effect of the patient that makes the films of one patient alike. Each
set draws validation films, chooses the threshold with the program's own rule, and looks up the threshold's true
sensitivity. Specificity is the mirror image: the same rule on -score.

    python benchmarks/simulate_operating_points.py --sets 2000
"""

# ruff: noqa: T201, TID253
import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from cxr_cli.errors import CxrError
from cxr_cli.metrics.operating_points import choose_threshold, parse_rule

SHARE, NEGATIVES = 0.95, 60
Sizes = Callable[[np.random.Generator, int], np.ndarray]  # films of each patient


@dataclass(frozen=True)
class Design:
    """Positive films: how many patients, with how many films, and how alike those of one patient are."""

    name: str
    patients: int
    sizes: Sizes
    correlation: float = 0.0
    harder: float = 0.0  # by how many standard deviations the score falls per doubling of the patient's films

    def draw(self, generator: np.random.Generator, patients: int) -> tuple[np.ndarray, np.ndarray]:
        """The scores, and the patient of each."""
        sizes = self.sizes(generator, patients)
        members = np.repeat(np.arange(patients), sizes)
        own = np.sqrt(self.correlation) * generator.normal(size=patients) - self.harder * np.log2(sizes)
        noise = np.sqrt(1 - self.correlation) * generator.normal(size=len(members))
        return 1.5 + own[members] + noise, members


def one(generator: np.random.Generator, patients: int) -> np.ndarray:
    """One film per patient."""
    return np.ones(patients, dtype=int)


def few(generator: np.random.Generator, patients: int) -> np.ndarray:
    """One to five films."""
    return generator.integers(1, 6, patients)


def heavy(generator: np.random.Generator, patients: int) -> np.ndarray:
    """One film for most, and up to forty for a few."""
    return np.minimum(np.floor(generator.pareto(1.2, patients) + 1).astype(int), 40)


DESIGNS = (
    *(Design("one film per patient", patients, one) for patients in (15, 30, 59, 100, 300)),
    Design("1 to 5 films, correlation 0.8", 100, few, 0.8),
    Design("1 to 5 films, correlation 0.3", 100, few, 0.3),
    Design("1 to 40 films, heavy tail, correlation 0.6", 100, heavy, 0.6),
    Design("the same, more films harder", 100, heavy, 0.6, harder=0.3),
)


def keeps(design: Design, rule: str, *, sets: int, generator: np.random.Generator) -> tuple[float, float, float] | None:
    """In what share of the sets the sensitivity is kept, by films and by patients, and the mean specificity.

    Returns:
        None where there are too few patients for the rule.
    """
    new, groups = design.draw(generator, 40_000)
    weights = 1 / np.bincount(groups)[groups]
    order = np.argsort(new)
    new, by_patient = new[order], np.cumsum(weights[order]) / weights.sum()
    by_film, kept, spared = np.arange(1, len(new) + 1) / len(new), [], []
    for _ in range(sets):
        scores, members = design.draw(generator, design.patients)
        negatives = generator.normal(size=NEGATIVES)
        positives = np.repeat([True, False], [len(scores), NEGATIVES])
        patients = np.concatenate([members, len(members) + np.arange(NEGATIVES)])
        probabilities = expit(np.concatenate([scores, negatives]))
        try:
            point = choose_threshold(positives, probabilities, parse_rule(rule), groups=patients)
        except CxrError:
            return None
        threshold = np.log(point.threshold / (1 - point.threshold))
        below = int(np.searchsorted(new, threshold))
        missed = (by_film[below - 1], by_patient[below - 1]) if below else (0.0, 0.0)
        kept.append([1 - share >= SHARE for share in missed])
        spared.append(norm.cdf(threshold))
    films, people = np.mean(kept, axis=0)
    return float(films), float(people), float(np.mean(spared))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print("| positive validation films | patients | rule | kept, by films | kept, by patients | mean specificity |")
    print("| --- | ---: | --- | ---: | ---: | ---: |")
    for design in DESIGNS:
        for rule in (f"sensitivity={SHARE}", f"sensitivity-at-least={SHARE}"):
            generator = np.random.default_rng(arguments.seed)
            result = keeps(design, rule, sets=arguments.sets, generator=generator)
            cells = ["refused", "", ""] if result is None else [f"{value:.3f}" for value in result]
            print(f"| {design.name} | {design.patients} | `{rule}` | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
