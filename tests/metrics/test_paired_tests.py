"""DeLong's and McNemar's tests compared with plain implementations of their definitions."""

import numpy as np
import pytest
from scipy.stats import binomtest

from cxr_cli.metrics.paired_tests import delong, mcnemar


def scores(films: int, seed: int):
    generator = np.random.default_rng(seed)
    positives = generator.random(films) < 0.4
    common = generator.normal(size=films) + positives
    return positives, *(np.round(common + generator.normal(size=films), 1) for _ in range(2))


def by_definition(positives, a, b):
    """DeLong et al. 1988, with the kernel evaluated for every pair of films."""
    kernels = []
    for values in (a, b):
        x, y = values[positives][:, None], values[~positives][None]
        kernels.append((x > y) + 0.5 * (x == y))
    areas = [kernel.mean() for kernel in kernels]
    s10 = np.cov([kernel.mean(axis=1) for kernel in kernels])
    s01 = np.cov([kernel.mean(axis=0) for kernel in kernels])
    covariance = s10 / positives.sum() + s01 / (~positives).sum()
    return areas, covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]


def test_delong_with_one_film_per_patient_matches_the_definition():
    positives, a, b = scores(70, seed=1)
    (auc_a, auc_b), variance = by_definition(positives, a, b)

    found = delong(positives, a, b, np.arange(70))

    assert (found.auc_a, found.auc_b) == pytest.approx((auc_a, auc_b))
    assert found.interval.high - found.interval.low == pytest.approx(2 * 1.959964 * np.sqrt(variance))
    assert 0 < found.p < 1


def test_duplicated_films_do_not_narrow_delongs_interval():
    positives, a, b = scores(70, seed=1)
    once = delong(positives, a, b, np.arange(70))

    found = delong(*(np.repeat(column, 10) for column in (positives, a, b, np.arange(70))))

    assert found.p == pytest.approx(once.p, rel=1e-9)


def test_delong_has_its_nominal_error_rate_with_several_films_per_patient():
    """Two equally good classifiers differ in 5% of 400 comparisons, plus or minus three standard errors."""
    called = 0
    for seed in range(400):
        generator = np.random.default_rng(seed)
        positives = np.repeat(generator.random(60) < 0.5, 3)
        a, b = (
            np.repeat(generator.normal(size=60), 3) + 0.5 * generator.normal(size=180) + positives for _ in range(2)
        )
        called += delong(positives, a, b, np.repeat(np.arange(60), 3)).p < 0.05

    assert 0.017 < called / 400 < 0.083


def test_equal_scores_have_no_difference():
    positives, a, _ = scores(30, seed=2)

    found = delong(positives, a, a, np.arange(30))

    assert (found.difference, found.p, found.interval) == (0, 1, None)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (6, 0), (10, 4), (5, 5)])
def test_mcnemar_matches_the_exact_binomial_test(only_a, only_b):
    right_a = np.array([True] * only_a + [False] * only_b + [True] * 20)
    right_b = np.array([False] * only_a + [True] * only_b + [True] * 20)

    found = mcnemar(right_a, right_b, np.arange(len(right_a)))

    expected = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1
    assert (found.only_a, found.only_b) == (only_a, only_b)
    assert found.p == pytest.approx(expected)


def test_mcnemar_counts_each_patient_once():
    right_a = np.ones(12, bool)

    found = mcnemar(right_a, ~right_a, np.repeat(np.arange(3), 4))

    assert found.only_a == 12
    assert found.p == pytest.approx(2 / 2**3)
