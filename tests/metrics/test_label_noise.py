"""Wrong labels: the closed forms against labels that are made wrong."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxr_cli.metrics.label_noise import flattering_noise, random_noise


@pytest.mark.parametrize(("share", "prevalence"), [(0.01, 0.5), (0.05, 0.2), (0.1, 0.8)])
def test_the_figures_before_random_errors_are_recovered(share, prevalence):
    rng = np.random.default_rng(0)
    truth = rng.uniform(size=150_000) < prevalence
    scores = rng.normal(truth * 1.5)
    labels = truth ^ (rng.uniform(size=len(truth)) < share)
    called = scores >= 0.7
    noise = random_noise(
        share,
        sensitivity=called[labels].mean(),
        specificity=(~called[~labels]).mean(),
        auc=roc_auc_score(labels, scores),
        prevalence=labels.mean(),
    )

    assert noise.sensitivity == pytest.approx(called[truth].mean(), abs=0.008)
    assert noise.specificity == pytest.approx((~called[~truth]).mean(), abs=0.008)
    assert noise.auc == pytest.approx(roc_auc_score(truth, scores), abs=0.008)
    assert noise.auc > roc_auc_score(labels, scores) + share / 2


def test_more_errors_than_a_class_has_films_are_impossible():
    noise = random_noise(0.1, sensitivity=0.9, specificity=0.9, auc=0.95, prevalence=0.05)

    assert (noise.sensitivity, noise.specificity, noise.auc) == (None, None, None)


def test_a_figure_above_1_is_none():
    noise = random_noise(0.1, sensitivity=0.99, specificity=0.99, auc=None, prevalence=0.5)

    assert (noise.sensitivity, noise.specificity, noise.auc) == (None, None, None)


@pytest.mark.parametrize("cells", [(5, 2, 1, 4), (2, 1, 0, 9), (7, 0, 3, 2)])
def test_the_lowest_figures_are_those_of_all_ways_to_choose_wrong_labels(cells):
    names = ("true_positive", "false_positive", "false_negative", "true_negative")
    labels = np.repeat([True, False, True, False], cells)
    called = np.repeat([True, True, False, False], cells)
    agree = np.flatnonzero(labels == called)
    lowest = np.ones(2)
    for wrong in combinations(agree, 3):
        truth = labels.copy()
        truth[list(wrong)] ^= True
        figures = [called[truth].mean() if truth.any() else 1, (~called[~truth]).mean() if not truth.all() else 1]
        lowest = np.minimum(lowest, figures)

    figures = flattering_noise(3 / len(labels), cells=dict(zip(names, cells, strict=True)))
    assert figures == pytest.approx(tuple(lowest))


def test_more_wrong_labels_than_the_model_agrees_with_leave_nothing_and_not_less():
    cells = {"true_positive": 1, "false_positive": 40, "false_negative": 50, "true_negative": 2}

    assert flattering_noise(0.1, cells=cells) == (0, 0)
