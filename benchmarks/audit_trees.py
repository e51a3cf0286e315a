"""How many trees an audit's forests need: AUCs of a shortcut that is planted in the features of fine detail of films.

The films are those of a prepared workspace. In each set, 280 of its patients get a class at random. Planted in 60% of
the positive patients are changes of two features, of one block, or smaller ones of one block. Beside each AUC is the
processor time of a set.

    python benchmarks/audit_trees.py cxr-workspace --sets 5
"""

# ruff: noqa: T201, TID253
import argparse
from pathlib import Path
from time import process_time

import numpy as np
from sklearn.metrics import roc_auc_score

from cxr_cli.auditing import probes
from cxr_cli.auditing.areas import DETAIL, SIDE, detail_of
from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.films.reader import read_at
from cxr_cli.threads import in_threads
from cxr_cli.workspace.layout import Workspace

TREES, PATIENTS, PLANTS = (20, 40, 60, 100), 280, ("nothing", "two features", "a block", "a block, weakly")


def planted(plant: str, features: np.ndarray, shown: np.ndarray, seed: int) -> np.ndarray:
    """Change the features, (N, F), of the films in `shown`, in units of their spread."""
    rng, spread, changed = np.random.default_rng(seed), features.std(axis=0), features.copy()
    if plant == "two features":
        changed[np.ix_(shown, rng.permutation(features.shape[1])[:2])] += 1.2 * spread.mean()
    elif plant != "nothing":
        first, size = 3 * rng.integers(100), 0.8 if plant == "a block, weakly" else 1.5
        changed[shown, first : first + 3] += size * spread[first : first + 3]
    return changed


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--sets", type=int, default=5)
    options = parser.parse_args()
    dataset = Workspace(options.workspace).prepared()
    films = read_manifest(dataset)
    read = in_threads(lambda film: read_at(dataset.root / film.path, SIDE), films)
    details = [detail_of(film / np.float32(255)) for film in read]
    features, groups = np.stack([DETAIL.features(one, one) for one in details]), np.array([one.group for one in films])
    print(f"| planted in | {' | '.join(f'{trees} trees' for trees in TREES)} |\n| --- |{' ---: |' * len(TREES)}")
    for plant in PLANTS:
        cells = []
        for probes._TREES in TREES:
            started = process_time()
            areas = [_area(plant, features, groups, seed) for seed in range(options.sets)]
            cells.append(f"{np.mean(areas):.3f} ({(process_time() - started) / options.sets:.2f} s)")
        print(f"| {plant} | {' | '.join(cells)} |", flush=True)


def _area(plant: str, features: np.ndarray, groups: np.ndarray, seed: int) -> float:
    rng = np.random.default_rng(seed)
    patients = rng.permutation(np.unique(groups))[:PATIENTS]
    films, positive = np.isin(groups, patients), patients[: len(patients) // 2]
    own = groups[films]
    positives, shown = np.isin(own, positive), np.isin(own, positive[: round(0.6 * len(positive))])
    scores, _ = probes.feature_scores(planted(plant, features[films], shown, seed), positives, own, seed=seed)
    return float(roc_auc_score(positives, scores))


if __name__ == "__main__":
    main()
