"""Bands hold the curve of the population, and have a width where the sample has no error."""

import numpy as np
import pytest
from scipy.stats import norm

from cxr_cli.metrics.bands import precision_band, roc_band

APART = 1.2  # standard deviations between the classes


def sample(seed: int, *, patients: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Films of patients, one or two each, whose scores are normal within the class."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(patients), random.integers(1, 3, patients))
    positives = (random.random(patients) < 0.4)[groups]
    shared = (random.normal(size=patients))[groups]
    return positives, np.sqrt(0.5) * (shared + random.normal(size=len(groups))) + APART * positives, groups


def test_bands_hold_the_true_curve_in_most_samples():
    at = np.array([10, 30, 50, 70])  # places of the grid
    false_rates = at / 100
    sensitivities = norm.cdf(APART + norm.ppf(false_rates))
    recalls = at / 100
    precisions = 0.4 * recalls / (0.4 * recalls + 0.6 * norm.sf(norm.isf(recalls) + APART))
    in_roc, in_precision = [], []
    for seed in range(60):
        roc, precision = roc_band(*sample(seed)), precision_band(*sample(seed))
        assert roc is not None
        assert precision is not None
        in_roc.append((roc.low[at] <= sensitivities) & (sensitivities <= roc.high[at]))
        in_precision.append((precision.low[at] <= precisions) & (precisions <= precision.high[at]))

    # 95% with 60 samples: 0.88 to 1.
    assert (np.mean(in_roc, axis=0) >= 0.88).all()
    assert (np.mean(in_precision, axis=0) >= 0.88).all()


def test_a_sample_without_an_error_has_a_band_with_a_width():
    positives = np.repeat([True, False], 20)
    band = roc_band(positives, positives.astype(float), np.arange(40))

    assert band is not None
    assert (band.high == 1).all()
    np.testing.assert_allclose(band.low[50], 0.839, atol=0.001)  # as Wilson's interval of 20 of 20


def test_copies_of_films_make_no_band_narrower():
    positives, scores, groups = sample(3)
    once, thrice = (
        roc_band(positives, scores, groups),
        roc_band(*(np.repeat(x, 3) for x in (positives, scores, groups))),
    )

    assert once is not None
    assert thrice is not None
    np.testing.assert_allclose(thrice.low, once.low, atol=1e-9)


def test_the_same_films_give_the_same_band_and_another_seed_nearly():
    first, again, other = roc_band(*sample(1)), roc_band(*sample(1)), roc_band(*sample(1), seed=1)

    assert first is not None
    assert again is not None
    assert other is not None
    np.testing.assert_array_equal(first.low, again.low)
    assert 0 < np.abs(first.low - other.low).max() < 0.05


@pytest.mark.parametrize("band", [roc_band, precision_band])
def test_a_class_of_one_patient_has_no_band(band):
    assert band(np.array([True, True, False, False]), np.arange(4.0), np.array(["a", "a", "b", "c"])) is None
