from types import SimpleNamespace

import pytest

from cxr_cli.evaluation.in_words import gaps_in_words, useful_range

POINTS = [
    SimpleNamespace(threshold=threshold, net_benefit=benefit, treat_all=0.2, interval=SimpleNamespace(low=low))
    for threshold, benefit, low in ((0.1, 0.1, 0.0), (0.2, 0.3, 0.1), (0.3, 0.4, 0.25))
]


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (POINTS[:1], "at no threshold probability above that of treating all or none"),
        (POINTS[:2], "at 1 of 2 threshold probabilities, 0.20; at none of them its whole interval is"),
        (POINTS, "at 2 of 3 threshold probabilities, between 0.20 and 0.30; at 1 of them its whole interval is"),
    ],
)
def test_where_a_run_is_worth_more_than_treating_all_or_none(points, words):
    found = useful_range(SimpleNamespace(points=points, prevalence=0.25))

    assert found == f"{'' if len(points) == 1 else 'above that of treating all or none '}{words}; prevalence 0.25"


def test_gaps_say_their_direction():
    gaps = {"roc_auc": -0.1, "specificity": 0.353, "mcc": None, "sensitivity": 0.0001}
    found = gaps_in_words({name: SimpleNamespace(gap=gap) for name, gap in gaps.items()})

    assert found == "Elsewhere: ROC AUC lower by 0.100, specificity higher by 0.353, sensitivity the same."
    assert gaps_in_words({}) == ""
