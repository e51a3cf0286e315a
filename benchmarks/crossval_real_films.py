"""How often does the interval of a cross-validation exclude 0.5 on real films with shuffled labels?

The features are those of the model in the package, reduced to 50 principal components; the recipe is a logistic
regression. Labels are shuffled over patients, so that nothing can be learned from the films: an AUC's 95 % interval
should exclude 0.5 in at most 5 of 100. The pooled interval is of all out-of-fold predictions together, over patients.

    python benchmarks/crossval_real_films.py --metadata covid-chestxray/metadata.csv

Takes four minutes on one core. Prints a Markdown table, and the figures with the labels as they are.
"""
# ruff: noqa: T201, TID253

import argparse
from dataclasses import fields
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from cxr_cli.bundled.files import MODEL
from cxr_cli.dataset.folds import draw_folds
from cxr_cli.dataset.manifest import Film
from cxr_cli.dataset.metadata import select_films
from cxr_cli.films.reader import read_film
from cxr_cli.films.transforms import resize
from cxr_cli.metrics.intervals import Interval
from cxr_cli.metrics.over_folds import over_folds
from cxr_cli.metrics.ranking_intervals import auc_interval
from cxr_cli.workspace.folders import RunFolder

COMPONENTS = 50
PLANS = ((5, 1), (10, 1), (5, 4))  # folds and repeats


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--metadata", type=Path, required=True)
    parser.add_argument("--sets", type=int, default=100, help="Shufflings of the labels.")
    options = parser.parse_args()
    selection = select_films([options.metadata])
    images = [film.image for film in selection.kept]
    positives = np.array([film.label == selection.positive for film in selection.kept])
    patients = np.array([film.patient or str(film.image) for film in selection.kept])
    features = PCA(COMPONENTS, random_state=0).fit_transform(read_features(images))
    features /= features.std(axis=0)
    generator = np.random.default_rng(0)
    names, members = np.unique(patients, return_inverse=True)
    sick = np.bincount(members, weights=positives) * 2 > np.bincount(members)
    shuffled = [generator.permutation(sick)[members] for _ in range(options.sets)]
    print(f"{len(images)} films of {len(names)} patients\n")
    print("| cross-validation | labels as they are | shuffled: mean AUC | excludes 0.5 | pooled excludes 0.5 |")
    print("| --- | --- | --- | --- | --- |")
    for folds, repeats in PLANS:
        mean, interval, _ = test(features, positives, patients, folds, repeats, seed=0)
        found = [
            test(features, labels, patients, folds, repeats, seed=number) for number, labels in enumerate(shuffled)
        ]
        of_recipe, of_pooled = (np.mean([not _holds(row[which]) for row in found]) for which in (1, 2))
        print(
            f"| {folds} folds × {repeats} | {mean:.3f} ({interval.low:.3f} to {interval.high:.3f}) | "
            f"{np.mean([row[0] for row in found]):.3f} | {of_recipe:.2f} | {of_pooled:.2f} |",
            flush=True,
        )


def read_features(images: list[Path]) -> np.ndarray:
    """(N, C) float32, the pooled features of each film."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(RunFolder(MODEL).litert_model), num_threads=1)
    runner = interpreter.get_signature_runner()
    (name, details), *_ = runner.get_input_details().items()
    size = int(details["shape"][1])
    films = (np.repeat(resize(read_film(image), size)[None, ..., None], 3, axis=-1) for image in images)
    return np.concatenate([runner(**{name: film})["features"] for film in films])


def test(
    features: np.ndarray, positives: np.ndarray, patients: np.ndarray, folds: int, repeats: int, *, seed: int
) -> tuple[float, Interval, Interval]:
    """The mean AUC of the folds, its interval, and that of the predictions of the first repeat, pooled."""
    empty = dict.fromkeys((field.name for field in fields(Film)), "")
    films = [
        Film(**empty | {"label": str(truth), "group": str(patient), "sha256": f"{number:064x}"})
        for number, (truth, patient) in enumerate(zip(positives, patients, strict=True))
    ]
    areas, scores = [], np.zeros(len(films))
    for fold in draw_folds(films, folds, positive="True", seed=seed, repeats=repeats):
        parts = np.array(fold.parts)
        train, tested = parts == "train", parts == "test"
        head = LogisticRegression(C=0.01, class_weight="balanced").fit(features[train], positives[train])
        own = head.decision_function(features[tested])
        areas.append(float(roc_auc_score(positives[tested], own)))
        if fold.repeat == 1:
            scores[tested] = own
    across = over_folds(areas, folds=folds)
    pooled = auc_interval(positives, scores, patients)
    assert across.mean is not None
    assert across.interval is not None
    assert pooled is not None
    return across.mean, across.interval, pooled


def _holds(interval: Interval) -> bool:
    return interval.low <= 0.5 <= interval.high


if __name__ == "__main__":
    main()
