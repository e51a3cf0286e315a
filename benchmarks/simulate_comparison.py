"""`cxr compare` where all runs are equally good: how often any p is below 0.05, and what intervals of differences hold.

python benchmarks/simulate_comparison.py --sets 400
"""

# ruff: noqa: T201
import argparse

import numpy as np

from cxr_cli.metrics.holm import corrected
from cxr_cli.metrics.paired_differences import paired_difference
from cxr_cli.metrics.paired_tests import delong, mcnemar
from cxr_cli.metrics.sample import Sample
from cxr_cli.metrics.table import METRICS

NAMES = ("sensitivity", "specificity", "balanced_accuracy", "accuracy", "mcc")
DESIGNS = {  # patients, share of positive ones, most films of a patient
    "60 patients, half positive, 2 films": (60, 0.5, (2, 2)),
    "46 patients, 80 % positive, 1 to 5 films": (46, 0.8, (1, 5)),
    "200 patients, 20 % positive, 1 film": (200, 0.2, (1, 1)),
}


def draw(
    generator: np.random.Generator, runs: int, patients: int, share: float, films: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, patients, and the scores of runs that are equally good and similar to one another."""
    sizes = generator.integers(films[0], films[1] + 1, patients)
    groups = np.repeat(np.arange(patients), sizes)
    positives = (np.arange(patients) < round(share * patients))[groups]
    shared = generator.normal(size=patients)[groups] + 0.5 * generator.normal(size=len(groups))
    own = generator.normal(size=(runs, patients))[:, groups]
    return positives, groups, 1.2 * (positives - 0.5) + 0.7 * shared + 0.7 * own


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=400)
    arguments = parser.parse_args()
    print("| films | runs | any p below 0.05, as it is | with the best run, as it is | corrected |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, design in DESIGNS.items():
        for runs in (2, 3, 5):
            generator, alarms = np.random.default_rng(0), []
            for _ in range(arguments.sets):
                positives, groups, scores = draw(generator, runs, *design)
                right = (scores >= 0) == positives
                areas, pairs = [], [(i, j) for i in range(runs) for j in range(i)]
                chances: list[float | None] = []
                for i, j in pairs:
                    area = delong(positives, scores[i], scores[j], groups)
                    areas += [(area.auc_a, i), (area.auc_b, j)]
                    chances += [area.p, mcnemar(right[i], right[j], groups).p]
                best = max(areas)[1]
                with_best = [chances[2 * place + k] for place, pair in enumerate(pairs) if best in pair for k in (0, 1)]
                lists = (chances, with_best, corrected(chances))
                alarms.append([any(p is not None and p < 0.05 for p in one) for one in lists])
            cells = " | ".join(f"{share:.3f}" for share in np.mean(alarms, axis=0))
            print(f"| {name} | {runs} | {cells} |", flush=True)
    print()
    print(f"| coverage of the difference of two runs | {' | '.join(METRICS[name].title for name in NAMES)} |")
    print(f"| --- |{' ---: |' * len(NAMES)}")
    for name, design in DESIGNS.items():
        generator, held = np.random.default_rng(0), []
        for _ in range(arguments.sets):
            positives, groups, scores = draw(generator, 2, *design)
            a, b = (Sample(positives, 1 / (1 + np.exp(-one)), one >= 0) for one in scores)
            around = [paired_difference(METRICS[metric], a, b, groups).interval for metric in NAMES]
            held.append([np.nan if one is None else one.low <= 0 <= one.high for one in around])
        print(f"| {name} | {' | '.join(f'{share:.3f}' for share in np.nanmean(held, axis=0))} |", flush=True)


if __name__ == "__main__":
    main()
