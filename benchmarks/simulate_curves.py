"""How often the intervals of net benefit, AURC and partial AUC hold the true value.

python benchmarks/simulate_curves.py --sets 200
"""

# ruff: noqa: T201, TID253
import argparse

import numpy as np
from sklearn.metrics import roc_auc_score

from cxr_cli.metrics.decision_curve import decision_curve
from cxr_cli.metrics.partial_auc import partial_auc
from cxr_cli.metrics.risk_coverage import area_under_risk, risk_coverage

DESIGNS = {  # patients, share of positive ones, fewest and most films of a patient
    "100 patients, 30 % positive, 1 film": (100, 0.3, (1, 1)),
    "46 patients, 80 % positive, 1 to 5 films": (46, 0.8, (1, 5)),
    "200 patients, 10 % positive, 1 to 3 films": (200, 0.1, (1, 3)),
}
THRESHOLDS, CUT, MAX_FPR = (0.05, 0.1, 0.3, 0.5, 0.8), 0.3, 0.2


def draw(
    generator: np.random.Generator, patients: int, share: float, films: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, P(positive) and patients; films of a patient are alike (correlation 0.6)."""
    groups = np.repeat(np.arange(patients), generator.integers(films[0], films[1] + 1, patients))
    positives = (generator.random(patients) < share)[groups]
    noise = np.sqrt(0.6) * generator.normal(size=patients)[groups] + np.sqrt(0.4) * generator.normal(size=len(groups))
    logits = 1.5 * (1.5 * positives + noise) - 1.125 + np.log(share / (1 - share))
    return positives, 1 / (1 + np.exp(-logits)), groups


def confidence(probabilities: np.ndarray) -> np.ndarray:
    """The distance from the threshold, as a share of the largest on that side."""
    return np.asarray(np.abs(probabilities - CUT) / np.where(probabilities >= CUT, 1 - CUT, CUT))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=200)
    arguments = parser.parse_args()
    print(f"| films | {' | '.join(f'net benefit at {value:g}' for value in THRESHOLDS)} | AURC | partial AUC |")
    print(f"| --- |{' ---: |' * (len(THRESHOLDS) + 2)}")
    for name, design in DESIGNS.items():
        generator = np.random.default_rng(0)
        positives, probabilities, groups = draw(generator, 200_000, *design[1:])
        benefits = decision_curve(positives, probabilities, groups, thresholds=THRESHOLDS)
        area = area_under_risk((probabilities >= CUT) != positives, confidence(probabilities))
        true = [*(point.net_benefit for point in benefits), area]
        true.append(float(roc_auc_score(positives, probabilities, max_fpr=MAX_FPR)))
        held = []
        for _ in range(arguments.sets):
            positives, probabilities, groups = draw(generator, *design)
            if positives.all() or not positives.any():
                continue
            around = [
                point.interval for point in decision_curve(positives, probabilities, groups, thresholds=THRESHOLDS)
            ]
            right, given = (probabilities >= CUT) == positives, np.ones(len(positives), bool)
            around.append(risk_coverage(right, confidence(probabilities), given, groups).interval)
            around.append(partial_auc(positives, probabilities, groups, max_fpr=MAX_FPR).interval)
            pairs = zip(around, true, strict=True)
            held.append([np.nan if one is None else one.low <= value <= one.high for one, value in pairs])
        print(f"| {name} | {' | '.join(f'{share:.3f}' for share in np.nanmean(held, axis=0))} |", flush=True)


if __name__ == "__main__":
    main()
