"""Scores that separate the classes of films, out of fold, by patient."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

FOLDS = 5
_REPEATS = 3  # with other folds: with a few hundred films, one division into folds is a matter of luck
_TREES = 60  # of a fold: 900 in all, 180 of which score a film. Fewer would hide part of a weak shortcut
FEWEST = 5  # patients of either class that a check needs


def can_be_probed(positives: np.ndarray, groups: np.ndarray) -> bool:
    """Whether there are enough patients of either class."""
    return min(len(np.unique(groups[side])) for side in (positives, ~positives)) >= FEWEST


def value_scores(values: Sequence[str], positives: np.ndarray, groups: np.ndarray, *, seed: int) -> np.ndarray:
    """Score each film by how often others with its value are positive (target encoding), as a rank among the values.

    Ranks are used because the shares themselves would mislead: if a fold has more positives, the others have fewer, so
    a value without information would score below chance.

    Args:
        values: one word per film.
        positives: (N,) bool.
        groups: (N,), films that stay together.
        seed: of the folds.

    Returns:
        (N,) float64 in [0, 1], higher is more positive; a value that no other fold has gets the share of all films.
    """
    words, column = np.unique(np.array(values), return_inverse=True)
    scores = np.zeros(len(column))
    everywhere = _ranks(column, positives, len(words))[-1]
    for train, test in _folds(positives, groups, seed):
        ranks = _ranks(column[train], positives[train], len(words))[column[test]]
        scores[test] += np.where(np.isnan(ranks), everywhere, ranks)
    return scores / _REPEATS


def _ranks(column: np.ndarray, positives: np.ndarray, count: int) -> np.ndarray:
    """The rank in [0, 1] of each word's share of positives, NaN for a word without films; last, for all films."""
    films, share = np.bincount(column, minlength=count), positives.mean()
    # The share of a few films is pulled toward that of all films, with the weight of two films.
    shares = (np.bincount(column, weights=positives, minlength=count) + 2 * share) / (films + 2)
    there = np.sort(shares[films > 0])
    asked = np.r_[np.where(films > 0, shares, np.nan), share]
    ranks = (np.searchsorted(there, asked) + np.searchsorted(there, asked, side="right")) / (2 * len(there))
    return np.where(np.isnan(asked), np.nan, ranks)


def feature_scores(
    features: np.ndarray, positives: np.ndarray, groups: np.ndarray, *, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Score each film by forests of extremely randomized trees (Geurts et al. 2006) that saw no film of its group.

    Args:
        features: (N, F) float32.
        positives: (N,) bool.
        groups: (N,), films that stay together.
        seed: of the folds and the trees.

    Returns:
        (N,) float64, higher is more positive; and (F,) the importance of each feature, with sum 1.
    """
    from sklearn.ensemble import ExtraTreesClassifier

    scores, importances = np.zeros(len(positives)), np.zeros(features.shape[1])
    for place, (train, test) in enumerate(_folds(positives, groups, seed)):
        forest = ExtraTreesClassifier(
            _TREES,
            min_samples_leaf=3,
            max_features=0.3,
            class_weight="balanced",
            random_state=seed + 1000 * place,  # other trees in each fold: a film's score is the mean of more of them
        )
        scores[test] += forest.fit(features[train], positives[train]).predict_proba(features[test])[:, 1]
        with np.errstate(invalid="ignore"):  # where no tree has a split, no feature has an importance
            importances += np.nan_to_num(forest.feature_importances_)
    return scores / _REPEATS, importances / max(importances.sum(), 1e-12)


def frozen_scores(features: np.ndarray, positives: np.ndarray, groups: np.ndarray, *, seed: int) -> np.ndarray:
    """Score each film by ridge regression on the features of a network, from films of other groups.

    All folds share the products of films, so that each solves for as many unknowns as it has films, and not for
    thousands of features (kernel ridge regression, with an intercept, and classes of the same weight).

    Args:
        features: (N, F) float32, many more than a forest can look through in the same time.
        positives: (N,) bool.
        groups: (N,), films that stay together.
        seed: of the folds.

    Returns:
        (N,) float64, higher is more positive.
    """
    spread = features.std(axis=0, dtype=np.float64)
    standard = (features - features.mean(axis=0, dtype=np.float64)) / np.where(spread > 0, spread, 1)
    products, targets = standard @ standard.T, np.where(positives, 1.0, -1.0)
    scores = np.zeros(len(positives))
    for train, test in _folds(positives, groups, seed):
        share = positives[train].mean()
        weights = np.where(positives[train], 0.5 / share, 0.5 / (1 - share))  # 1 on average
        mean = weights @ products[train] / len(train)  # (N,), products with the weighted mean of the training films
        middle, center = mean[train] @ weights / len(train), targets[train] @ weights / len(train)
        centered = products[train] - mean - mean[train][:, None] + middle  # (films of training, N)
        roots = np.sqrt(weights)
        # A penalty of one per film: about as many standardized features as films must not be fitted freely.
        matrix = roots[:, None] * centered[:, train] * roots + len(train) * np.eye(len(train))
        solved = np.linalg.solve(matrix, roots * (targets[train] - center))
        scores[test] += (roots * solved) @ centered[:, test] + center
    return scores / _REPEATS


def _folds(positives: np.ndarray, groups: np.ndarray, seed: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """The films to learn from and those to score, in every division."""
    return _divided(tuple(positives.tolist()), tuple(groups.tolist()), seed)


@lru_cache(maxsize=4)  # most checks are of the same films
def _divided(
    positives: tuple[bool, ...], groups: tuple[str, ...], seed: int
) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    from sklearn.model_selection import StratifiedGroupKFold

    folds = [StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed + repeat) for repeat in range(_REPEATS)]
    return tuple(division for one in folds for division in one.split(positives, positives, groups))
