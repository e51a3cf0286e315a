"""How often the intervals of net benefit, AURC and partial AUC, and the bands of curves, hold the true value.

python benchmarks/simulate_curves.py --sets 200
"""

# ruff: noqa: T201, TID253
import argparse

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from cxr_cli.metrics.bands import precision_band, roc_band
from cxr_cli.metrics.decision_curve import decision_curve
from cxr_cli.metrics.partial_auc import partial_auc
from cxr_cli.metrics.risk_coverage import area_under_risk, risk_coverage

DESIGNS = {  # patients, share of positive ones, fewest and most films of a patient
    "100 patients, 30 % positive, 1 film": (100, 0.3, (1, 1)),
    "46 patients, 80 % positive, 1 to 5 films": (46, 0.8, (1, 5)),
    "200 patients, 10 % positive, 1 to 3 films": (200, 0.1, (1, 3)),
}
THRESHOLDS, CUT, MAX_FPR = (0.05, 0.1, 0.3, 0.5, 0.8), 0.3, 0.2
PLACES = np.array([5, 20, 50, 80])  # of the bands: percent of the false positive rate, or of the recall


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


def true_bands(positives: np.ndarray, probabilities: np.ndarray) -> list[float]:
    """The sensitivity at each false positive rate, and the precision at each recall, of a very large set."""
    false, true, _ = roc_curve(positives, probabilities)
    precision, recall, _ = precision_recall_curve(positives, probabilities)
    return [*np.interp(PLACES / 100, false, true), *np.interp(PLACES / 100, recall[::-1], precision[::-1])]


def in_bands(positives: np.ndarray, probabilities: np.ndarray, groups: np.ndarray, true: list[float]) -> list[float]:
    """1 for each of these that the band of a set holds, 0 for each other; NaN where there is no band."""
    bands = roc_band(positives, probabilities, groups), precision_band(positives, probabilities, groups)
    held = []
    for band, values in zip(bands, (true[: len(PLACES)], true[len(PLACES) :]), strict=True):
        low, high = (band.low[PLACES], band.high[PLACES]) if band else [np.full(len(PLACES), np.nan)] * 2
        held += np.where(np.isnan(low), np.nan, (low <= values) & (values <= high)).tolist()
    return held


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=200)
    arguments = parser.parse_args()
    columns = [*(f"net benefit at {value:g}" for value in THRESHOLDS), "AURC", "partial AUC"]
    columns += [f"sensitivity at {place} %" for place in PLACES] + [f"precision at {place} %" for place in PLACES]
    print(f"| films | {' | '.join(columns)} |\n| --- |{' ---: |' * len(columns)}")
    for name, design in DESIGNS.items():
        generator = np.random.default_rng(0)
        positives, probabilities, groups = draw(generator, 200_000, *design[1:])
        benefits = decision_curve(positives, probabilities, groups, thresholds=THRESHOLDS)
        area = area_under_risk((probabilities >= CUT) != positives, confidence(probabilities))
        true = [*(point.net_benefit for point in benefits), area]
        true.append(float(roc_auc_score(positives, probabilities, max_fpr=MAX_FPR)))
        on_curves = true_bands(positives, probabilities)
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
            of_figures = [np.nan if one is None else one.low <= value <= one.high for one, value in pairs]
            held.append(of_figures + in_bands(positives, probabilities, groups, on_curves))
        print(f"| {name} | {' | '.join(f'{share:.3f}' for share in np.nanmean(held, axis=0))} |", flush=True)


if __name__ == "__main__":
    main()
