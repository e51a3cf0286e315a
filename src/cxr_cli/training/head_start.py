"""Start the head of a pretrained backbone from a logistic regression on the frozen features.

A few hundred films are a dozen steps per epoch: from a random head, training ends before it has really begun. A
regression has one optimum, takes seconds, and is what the head would have to find first.
"""

from collections.abc import Sequence

import numpy as np

from cxr_cli.training.classifier import HIDDEN, PROBABILITY, Classifier

# scikit-learn's C, for the sum over all variants of a film. From 0.01 to 0.1 it makes no difference on the ieee8023
# films; choosing it in folds, on a few dozen negatives, was worse (docs/training.md).
_STRENGTH = 0.03
_FOLDS = 5
_NOISE = 0.01  # standard deviation, for each weight


def start_head(
    classifier: Classifier, features: np.ndarray, positives: np.ndarray, groups: Sequence[str], *, seed: int
) -> None:
    """Set the head's weights so that its logit is that of a logistic regression on the pooled features.

    The regression is fitted on the films and augmented variants of each, with the same total weight for both classes.
    Folds by group then set the scale and offset of its logits (Platt 1999), because a regression on more features than
    films is overconfident.

    Args:
        classifier: changed in place.
        features: (variants, N, C) float32, the pooled features of the training films, first of the films as they are.
        positives: (N,) float32, 1 for the positive class.
        groups: one name per film; folds keep groups together.
        seed: random seed of the folds.
    """
    truth = positives.astype(int)
    scale, offset = _calibrate(features, truth, groups, seed=seed)
    weights, bias = _regression(features, truth)
    _plant(classifier, weights * scale, bias * scale + offset, seed=seed)


def _regression(features: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, float]:
    """(variants, N, C) features, (N,) truth -> (C,) weights and bias on the features as they are."""
    from sklearn.linear_model import LogisticRegression

    rows = features.reshape(-1, features.shape[-1]).astype(np.float64)
    center, variance = rows.mean(axis=0), rows.var(axis=0)
    # Plain standardizing would give features that hardly vary, mostly noise, the same weight as the others.
    spread = np.sqrt(variance + variance.mean() + 1e-12)
    model = LogisticRegression(C=_STRENGTH / len(features), class_weight="balanced", max_iter=1000)
    model.fit((rows - center) / spread, np.tile(truth, len(features)))
    weights = model.coef_[0] / spread
    return weights, float(model.intercept_[0] - center @ weights)


def _calibrate(features: np.ndarray, truth: np.ndarray, groups: Sequence[str], *, seed: int) -> tuple[float, float]:
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
        weights, bias = _regression(features[:, fit], truth[fit])
        logits[left_out] = features[0, left_out] @ weights + bias
    platt = LogisticRegression(C=1e3, class_weight="balanced").fit(logits[:, None], truth)
    scale = float(platt.coef_[0, 0])
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
