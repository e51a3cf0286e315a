"""Where the head of a pretrained backbone starts: at a logistic regression on its frozen features.

A few hundred films are a dozen steps an epoch: from a random head, training ends before it has begun. A regression has
one optimum, takes seconds, and is what the head would have to find first.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cxr_cli.modeling.classifier import HIDDEN, PROBABILITY, Classifier
from cxr_cli.modeling.engine import keras, tf
from cxr_cli.modeling.input_pipeline import Augmentation, augment, to_rgb
from cxr_cli.progress import Track

# scikit-learn's C, for the sum over all variants of a film. From 0.01 to 0.1 it makes no difference on the ieee8023
# films; choosing it by folds, on a few dozen negatives, chose worse (docs/training.md).
_STRENGTH = 0.03
_VARIANTS = 4  # augmented ones of each film, beside the film itself
_FOLDS = 5
_NOISE = 0.01  # of a weight, in units of the features
_BATCH = 32


def start_head(
    classifier: Classifier,
    films: np.ndarray,
    positives: np.ndarray,
    groups: Sequence[str],
    augmentation: Augmentation,
    *,
    seed: int,
    track: Track,
) -> None:
    """Set the head's weights so that its logit is a logistic regression's on the pooled features.

    The regression is fitted on the films and four augmented variants of each, both classes weighing the same. Folds
    that no group spans then set the scale and offset of its logits (Platt 1999), because a regression on more features
    than films is too sure of itself.

    Args:
        classifier: changed in place.
        films: (N, S, S) uint8, the training films.
        positives: (N,) float32, 1 for the positive class.
        groups: a name a film; folds keep groups together.
        augmentation: how the variants are moved.
        seed: of the variants and folds.
        track: is told of each variant.
    """
    features = _pooled_features(classifier, films, augmentation, seed=seed, track=track)
    truth = positives.astype(int)
    scale, offset = _calibrate(features, truth, groups, seed=seed)
    weights, bias = _regression(features, truth)
    _plant(classifier, weights * scale, bias * scale + offset, seed=seed)


def _pooled_features(
    classifier: Classifier, films: np.ndarray, augmentation: Augmentation, *, seed: int, track: Track
) -> np.ndarray:
    """(N, S, S) uint8 -> (variants, N, C) float32, the films themselves first."""
    model = keras.Model(classifier.model.input, classifier.pooled)
    starts = range(0, len(films), _BATCH)
    jobs = [(variant, start) for variant in range(1 + _VARIANTS) for start in starts]
    rows = []
    for variant, start in track(jobs, "Reading features of the films and their variants, in batches", total=len(jobs)):
        batch: Any = films[start : start + _BATCH]
        if variant:
            batch = augment(tf.constant(batch), augmentation, seed=tf.constant([seed + start, variant], tf.int64))
        else:
            batch = to_rgb(batch)
        rows.append(np.asarray(model.predict_on_batch(batch)))
    return np.concatenate(rows).reshape(1 + _VARIANTS, len(films), -1)


def _regression(features: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, float]:
    """(variants, N, C) features, (N,) truth -> (C,) weights and bias on the features as they are."""
    from sklearn.linear_model import LogisticRegression

    rows = features.reshape(-1, features.shape[-1]).astype(np.float64)
    center, variance = rows.mean(axis=0), rows.var(axis=0)
    # Plain standardising would raise features that hardly vary, mostly noise, to the rank of the others.
    spread = np.sqrt(variance + variance.mean() + 1e-12)
    model = LogisticRegression(C=_STRENGTH / len(features), class_weight="balanced", max_iter=1000)
    model.fit((rows - center) / spread, np.tile(truth, len(features)))
    weights = model.coef_[0] / spread
    return weights, float(model.intercept_[0] - center @ weights)


def _calibrate(features: np.ndarray, truth: np.ndarray, groups: Sequence[str], *, seed: int) -> tuple[float, float]:
    """The scale and offset that the regression's logits need on films that it was not fitted on."""
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
    # A negative scale would turn the answers round: then the folds found nothing, and nothing is to be built on them.
    return (scale, float(platt.intercept_[0])) if scale > 0 else (1.0, 0.0)


def _plant(classifier: Classifier, weights: np.ndarray, bias: float, *, seed: int) -> None:
    """Spread one logit over all hidden units: half carry it, half its negation, and relu(z) - relu(-z) = z.

    Over all units, so that Dropout only rescales it. Noise that cancels over the units lets them learn to differ.
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
