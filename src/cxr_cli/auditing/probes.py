"""Scores that separate the classes of films, out of fold, by patient."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

FOLDS = 5
_REPEATS = 3  # with other folds: with a few hundred films, one division into folds is a matter of luck
_TREES = 60  # of a fold: 900 in all, 180 of which score a film. Fewer would hide part of a weak shortcut
_SHARE = 0.3  # of the features, that a split chooses from
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
    from sklearn import config_context
    from sklearn.tree import ExtraTreeRegressor

    scores, importances = np.zeros(len(positives)), np.zeros(features.shape[1])
    for place, (train, test) in enumerate(_folds(positives, groups, seed)):
        learned, asked, targets = features[train], features[test], positives[train].astype(np.float64)
        weights = _balanced(positives[train])
        # Other trees in each fold: a film's score is the mean of more of them. Splits by the variance of 0 and 1 are
        # those by Gini's impurity.
        tree = ExtraTreeRegressor(
            min_samples_leaf=3, max_features=_SHARE, random_state=np.random.RandomState([seed, place])
        )
        # One by one: the library's forest takes about as long to check and copy the settings of trees as to grow them.
        with config_context(skip_parameter_validation=True):
            for _ in range(_TREES):
                tree.fit(learned, targets, sample_weight=weights, check_input=False)
                scores[test] += tree.predict(asked, check_input=False)
                importances += tree.feature_importances_
    return scores / (_REPEATS * _TREES), importances / max(importances.sum(), 1e-12)


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
        weights = _balanced(positives[train])
        mean = weights @ products[train] / len(train)  # (N,), products with the weighted mean of the training films
        middle, center = mean[train] @ weights / len(train), targets[train] @ weights / len(train)
        centered = products[train] - mean - mean[train][:, None] + middle  # (films of training, N)
        roots = np.sqrt(weights)
        # A penalty of one per film: about as many standardized features as films must not be fitted freely.
        matrix = roots[:, None] * centered[:, train] * roots + len(train) * np.eye(len(train))
        solved = np.linalg.solve(matrix, roots * (targets[train] - center))
        scores[test] += (roots * solved) @ centered[:, test] + center
    return scores / _REPEATS


def _balanced(positives: np.ndarray) -> np.ndarray:
    """Weights of films, (N,) float64, 1 on average, that give both classes the same."""
    share = positives.mean()
    return np.asarray(np.where(positives, 0.5 / share, 0.5 / (1 - share)))


def _folds(positives: np.ndarray, groups: np.ndarray, seed: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """The films to learn from and those to score, in every division."""
    return _divided(tuple(positives.tolist()), tuple(groups.tolist()), seed)


@lru_cache(maxsize=4)  # most checks are of the same films
def _divided(
    positives: tuple[bool, ...], groups: tuple[str, ...], seed: int
) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    members = np.unique(np.array(groups), return_inverse=True)[1]
    dealt = [_deal(np.array(positives), members, seed=seed + repeat)[members] for repeat in range(_REPEATS)]
    return tuple((np.flatnonzero(own != fold), np.flatnonzero(own == fold)) for own in dealt for fold in range(FOLDS))


def _deal(positives: np.ndarray, members: np.ndarray, *, seed: int) -> np.ndarray:
    """Deal groups to folds that get about as many films of each class.

    The folds are those of scikit-learn's StratifiedGroupKFold, which takes several times as long: it computes the
    spread of films over the folds for one fold after another that a group may go to.

    Args:
        positives: (N,) bool.
        members: (N,) int, the group of each film.
        seed: of the order of groups that are alike.

    Returns:
        (groups,) int, the fold of each.
    """
    films = np.stack([np.bincount(members, weights=positives == side) for side in (False, True)], axis=1)
    order, random = np.arange(len(films)), np.random.RandomState(seed)
    random.shuffle(order)
    totals, held, fold_of = films.sum(axis=0), np.zeros((FOLDS, 2)), np.zeros(len(films), int)
    to_each = np.eye(FOLDS)[..., None]
    for group in order[np.argsort(-films[order].std(axis=1), kind="stable")]:
        spreads = ((held + to_each * films[group]) / totals).std(axis=1).mean(axis=1).tolist()
        sizes, best = held.sum(axis=1).tolist(), 0
        for fold in range(1, FOLDS):  # of folds that are as good, the first of the smallest
            alike = abs(spreads[fold] - spreads[best]) <= 1e-8 + 1e-5 * spreads[best]
            if spreads[fold] < spreads[best] or (alike and sizes[fold] < sizes[best]):
                best = fold
        held[best] += films[group]
        fold_of[group] = best
    return fold_of
