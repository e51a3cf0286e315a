"""Start the head of a pretrained backbone from a logistic regression on the frozen features.

A few hundred films are a dozen steps per epoch: from a random head, training ends before it has really begun. A
regression has one optimum, takes seconds, and is what the head would have to find first.
"""

from collections.abc import Sequence

import numpy as np

from cxr_cli.training.classifier import HIDDEN, PROBABILITY, Classifier

_FOLDS = 5
_NOISE = 0.01  # standard deviation, for each weight


def start_head(
    classifier: Classifier,
    features: np.ndarray,
    positives: np.ndarray,
    groups: Sequence[str],
    *,
    c: float,
    seed: int,
    sources: Sequence[str] = (),
) -> None:
    """Set the head's weights so that its logit is that of a logistic regression on the pooled features.

    The regression is fitted on the films and augmented variants of each, with the same total weight for both classes,
    and for all sources of a class if they are given. Folds by group then set the scale and offset of its logits (Platt
    1999), because a regression on more features than films is overconfident, and a strongly regularized one too timid.

    Args:
        classifier: changed in place.
        features: (variants, N, C) float32, the pooled features of the training films, first of the films as they are.
        positives: (N,) float32, 1 for the positive class.
        groups: one name per film; folds keep groups together.
        c: scikit-learn's C, for the sum over all variants of a film; the less, the stronger the regularization.
        seed: random seed of the folds.
        sources: one name per film. Defaults to none: all films of a class have the same weight.
    """
    from threadpoolctl import threadpool_limits

    truth = positives.astype(int)
    names = np.asarray(sources or [""] * len(truth))
    with threadpool_limits(1, user_api="blas"):  # many short products: threads would mostly wait for each other
        scale, offset = _calibrate(features, truth, names, groups, c=c, seed=seed)
        weights, bias = _regression(features, truth, _balance(truth, names), c=c)
    _plant(classifier, weights * scale, bias * scale + offset, seed=seed)


def _balance(truth: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """(N,) weights with a mean of 1: the same total for both classes, and within a class for all of its sources."""
    weights = np.zeros(len(truth))
    for label in (0, 1):
        own = set(sources[truth == label])
        for name in own:
            films = (truth == label) & (sources == name)
            weights[films] = len(truth) / (2 * len(own) * films.sum())
    return weights


def _regression(features: np.ndarray, truth: np.ndarray, balance: np.ndarray, *, c: float) -> tuple[np.ndarray, float]:
    """(variants, N, C) features, (N,) truth and weights -> (C,) weights and bias on the features as they are."""
    from sklearn.linear_model import LogisticRegression

    rows = features.reshape(-1, features.shape[-1]).astype(np.float64)
    center, variance = rows.mean(axis=0), rows.var(axis=0)
    # Plain standardizing would give features that hardly vary, mostly noise, the same weight as the others.
    spread = np.sqrt(variance + variance.mean() + 1e-12)
    model = LogisticRegression(C=c / len(features), max_iter=1000)
    copies = len(features)
    model.fit((rows - center) / spread, np.tile(truth, copies), sample_weight=np.tile(balance, copies))
    weights = model.coef_[0] / spread
    return weights, float(model.intercept_[0] - center @ weights)


def _calibrate(
    features: np.ndarray, truth: np.ndarray, sources: np.ndarray, groups: Sequence[str], *, c: float, seed: int
) -> tuple[float, float]:
    """Fit the scale and offset of the regression's logits on films on which it was not fitted."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold

    names = np.asarray(groups)
    folds = min(_FOLDS, *(len(set(names[truth == label])) for label in (0, 1)))
    if folds < 2:
        return 1.0, 0.0
    logits = np.zeros(len(truth))
    for fit, left_out in StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(truth, truth, names):
        if len(set(truth[fit])) < 2:
            return 1.0, 0.0
        # Balanced within the fold: otherwise the intercept, which is not regularized, hides the rest at a small C.
        weights, bias = _regression(features[:, fit], truth[fit], _balance(truth[fit], sources[fit]), c=c)
        logits[left_out] = features[0, left_out] @ weights + bias
    # A strongly regularized regression has logits near 0: scaled first, so that Platt's own penalty is as small for it.
    size = float(logits.std()) or 1.0
    platt = LogisticRegression(C=1e3).fit(logits[:, None] / size, truth, sample_weight=_balance(truth, sources))
    scale = float(platt.coef_[0, 0]) / size
    # A negative scale would invert the predictions: then the folds found nothing, and are not used.
    return (scale, float(platt.intercept_[0])) if scale > 0 else (1.0, 0.0)


def _plant(classifier: Classifier, weights: np.ndarray, bias: float, *, seed: int) -> None:
    """Spread one logit over all hidden units: half carry it, half its negation, and relu(z) - relu(-z) = z.

    It is spread over all units so that dropout only rescales it. Noise that cancels over the units lets them diverge.
    """
    hidden = classifier.model.get_layer(HIDDEN)
    output = classifier.model.get_layer(PROBABILITY)
    half = hidden.units // 2
    sign = np.concatenate([np.ones(half), -np.ones(half), np.zeros(hidden.units % 2)])
    noise = np.random.default_rng(seed).normal(0, _NOISE, (len(weights), half))
    carried = weights[:, None] + noise - noise.mean(axis=1, keepdims=True)  # (C, half)
    kernel = np.concatenate([carried, -carried, np.zeros((len(weights), hidden.units % 2))], axis=1)
    hidden.set_weights([kernel.astype(np.float32), (bias * sign).astype(np.float32)])
    output.set_weights([(sign / half)[:, None].astype(np.float32), np.zeros(1, np.float32)])
