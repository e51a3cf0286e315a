"""What a test on films from elsewhere says against a run, in exact words."""

import pytest

from cxr_cli.doubts import alarm, remark, warning
from cxr_cli.evaluation.external_in_words import another_class, class_doubt, external_doubt
from cxr_cli.metrics.intervals import Interval


def of_gap(auc, low, high, **changed):
    fields = {"interval": Interval(low=auc - 0.03, high=auc + 0.03), "internal": 0.928, "gap": auc - 0.928}
    return external_doubt("clinic", auc=auc, **fields | {"gap_interval": Interval(low=low, high=high)} | changed)


def test_not_shown_to_be_better_than_chance():
    around = Interval(low=0.44, high=0.61)

    assert external_doubt("clinic", auc=0.53, interval=around, internal=0.928) == alarm(
        "The external test on clinic failed: the AUC of 0.530 is not shown to be better than chance; its interval is "
        "0.440 to 0.610, which includes 0.5. In the run's own test it is 0.928."
    )
    assert external_doubt("clinic", auc=0.9, interval=None) == alarm(
        "The external test on clinic failed: the AUC of 0.900 is not shown to be better than chance; it has no "
        "interval."
    )


def test_worse_than_chance_is_not_said_to_include_chance():
    doubt = external_doubt("clinic", auc=0.351, interval=Interval(low=0.318, high=0.384))

    assert doubt == alarm(
        "The external test on clinic failed: the AUC of 0.351 is worse than chance; its interval is 0.318 to 0.384, "
        "below 0.5. On these films the scores point the wrong way.",
        "Check the labels, and what else differs between the classes.",
    )


def test_much_lower_than_in_the_own_test_is_an_alarm_and_lower_a_warning():
    assert of_gap(0.72, -0.25, -0.15) == alarm(
        "The external test on clinic failed: the AUC of 0.720 is 0.208 lower (0.150 to 0.250) than in the run's own "
        "test, 0.928."
    )
    assert of_gap(0.88, -0.08, -0.01) == warning(
        "On clinic, the AUC of 0.880 is 0.048 lower (0.010 to 0.080) than in the run's own test, 0.928."
    )
    assert external_doubt("clinic", auc=0.53, interval=Interval(low=0.44, high=0.61), finding="Pneumonia") == remark(
        "On clinic (positive: Pneumonia), the AUC of 0.530 is not shown to be better than chance; its interval is "
        "0.440 to 0.610, which includes 0.5."
    )
    assert of_gap(0.72, -0.25, -0.15, finding="Pneumonia") == remark(
        "On clinic (positive: Pneumonia), the AUC of 0.720 is 0.208 lower (0.150 to 0.250) than in the run's own test, "
        "0.928."
    )


def test_what_may_be_chance_or_has_nothing_to_compare_with_is_no_doubt():
    assert of_gap(0.9, -0.08, 0.02) is None
    assert of_gap(0.9, -0.08, 0.02, internal=None, gap=None, gap_interval=None) is None


@pytest.mark.parametrize(
    ("finding", "another"),
    [
        ("COVID-19", False),
        ("covid", False),
        ("Pneumonia/Viral/COVID-19", False),
        ("Covid films", False),
        ("Pneumonia", True),
        ("non_covid", True),
        ("", True),
    ],
)
def test_a_finding_of_another_name_is_another_class(finding, another):
    assert another_class(finding, "covid") is another


def test_films_of_another_class_are_called_by_their_name():
    assert class_doubt("Pneumonia", "covid") == alarm(
        "The positive films of this test are Pneumonia; the run was trained to find covid. Its sensitivity is the "
        "share of Pneumonia films that it calls covid."
    )
