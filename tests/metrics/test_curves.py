"""Decision curves, risk-coverage curves and partial AUCs: against other packages, by hand, and by simulation."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxr_cli.errors import UsageError
from cxr_cli.metrics.decision_curve import decision_curve
from cxr_cli.metrics.partial_auc import check_max_fpr, partial_auc
from cxr_cli.metrics.risk_coverage import area_under_risk, risk_coverage, risks


def films():
    generator = np.random.default_rng(0)
    positives = np.arange(200) % 4 == 0
    return positives, 1 / (1 + np.exp(-(generator.normal(size=200) + 1.5 * positives - 1.5)))


@pytest.mark.parametrize(
    ("prevalence", "treat_all", "net_benefit"),
    [
        (
            None,
            [0.21052631578947367, 0.16666666666666666, 0.0, -0.5, -2.0],
            [0.21263157894736842, 0.1761111111111111, 0.13333333333333333, 0.08, 0.025],
        ),
        (
            0.1,
            [0.052631578947368425, 0.0, -0.2, -0.8, -2.6],
            [0.05515789473684211, 0.019333333333333327, -0.016, -0.004, 0.01],
        ),
    ],
)
def test_net_benefit_is_that_of_the_dcurves_package(prevalence, treat_all, net_benefit):
    """Of dcurves 1.1.7: dca(data, "y", ["p"], thresholds=[0.05, 0.1, 0.25, 0.5, 0.75], prevalence=prevalence)."""
    positives, probabilities = films()

    points = decision_curve(
        positives, probabilities, np.arange(200), prevalence=prevalence, thresholds=(0.05, 0.1, 0.25, 0.5, 0.75)
    )

    assert [point.treat_all for point in points] == pytest.approx(treat_all)
    assert [point.net_benefit for point in points] == pytest.approx(net_benefit)
    assert all(point.interval.low <= point.net_benefit <= point.interval.high for point in points)


def test_net_benefit_of_the_published_example():
    """Family history in the 750 patients of the dcurves tutorial: 24 of 105 with cancer have it, 91 of 645 without."""
    truth = np.repeat([True, True, False, False], [24, 81, 91, 554])
    history = np.repeat([1.0, 0.0, 1.0, 0.0], [24, 81, 91, 554])

    points = decision_curve(truth, history, np.arange(750), thresholds=(0.05, 0.1, 0.2))

    assert [point.net_benefit for point in points] == pytest.approx([0.025614, 0.018519, 0.001667], abs=1e-6)
    assert [point.treat_all for point in points] == pytest.approx([0.094737, 0.044444, -0.075], abs=1e-6)


def drawn(generator, *, patients=80, share=0.3):
    sizes = generator.integers(1, 4, patients)
    groups = np.repeat(np.arange(patients), sizes)
    positives = (generator.random(patients) < share)[groups]
    score = 1.5 * positives + 0.8 * generator.normal(size=patients)[groups] + 0.6 * generator.normal(size=len(groups))
    return positives, 1 / (1 + np.exp(-(1.5 * score - 1.125 + np.log(share / (1 - share))))), groups


def confidence(probabilities):
    return np.abs(probabilities - 0.3) / np.where(probabilities >= 0.3, 0.7, 0.3)


def test_intervals_of_net_benefit_and_aurc_hold_the_true_values():
    generator, thresholds = np.random.default_rng(1), (0.1, 0.3, 0.6)
    positives, probabilities, groups = drawn(generator, patients=50_000)
    true = [point.net_benefit for point in decision_curve(positives, probabilities, groups, thresholds=thresholds)]
    area = area_under_risk((probabilities >= 0.3) != positives, confidence(probabilities))
    held = []
    for _ in range(100):
        positives, probabilities, groups = drawn(generator)
        points = decision_curve(positives, probabilities, groups, thresholds=thresholds)
        right = (probabilities >= 0.3) == positives
        around = risk_coverage(right, confidence(probabilities), np.ones(len(right), bool), groups).interval
        held.append(
            [
                *(p.interval.low <= value <= p.interval.high for p, value in zip(points, true, strict=True)),
                around.low <= area <= around.high,
            ]
        )

    assert np.mean(held) >= 0.93
    assert np.min(np.mean(held, axis=0)) >= 0.88


def test_the_risk_is_the_share_of_wrong_films_among_the_surest():
    wrong, sure = np.array([False, True, False, True]), np.array([0.9, 0.2, 0.8, 0.4])

    assert risks(wrong, sure) == pytest.approx([0, 0, 1 / 3, 1 / 2])
    assert area_under_risk(wrong, sure) == pytest.approx((1 / 3 + 1 / 2) / 4)
    figures = risk_coverage(~wrong, sure, np.array([True, False, True, True]), np.arange(4))
    assert (figures.random, figures.coverage, figures.risk) == pytest.approx((0.5, 0.75, 1 / 3))
    assert figures.best == pytest.approx(figures.area)  # the wrong films are the least sure ones


def test_films_that_are_equally_sure_count_alike_in_any_order():
    wrong = np.array([True, False, False, True])

    for order in ([0, 1, 2, 3], [1, 2, 0, 3]):
        assert risks(wrong[order], np.ones(4)) == pytest.approx([0.5] * 4)
    assert area_under_risk(wrong, np.ones(4)) == risk_coverage(~wrong, np.ones(4), wrong, np.arange(4)).random


def test_a_partial_auc_is_scikit_learns_and_has_an_interval():
    positives, probabilities, groups = drawn(np.random.default_rng(2))

    partial = partial_auc(positives, probabilities, groups, max_fpr=0.2)

    assert partial.value == roc_auc_score(positives, probabilities, max_fpr=0.2)
    assert 0 < partial.interval.low < partial.value < partial.interval.high < 1
    assert partial_auc(positives, positives.astype(float), groups, max_fpr=0.1).value == 1
    assert partial_auc(np.array([True, False]), np.array([0.9, 0.1]), np.arange(2), max_fpr=0.1).interval is None


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_a_share_of_false_positives_is_between_0_and_1(share):
    with pytest.raises(UsageError, match=r"Expected a largest 1 - specificity between 0 and 1\. Received: "):
        check_max_fpr(share)
    check_max_fpr(None)
