import numpy as np
import pytest

from cxr_cli.metrics.intervals import wilson
from cxr_cli.metrics.measure import measure, measure_intervals
from cxr_cli.metrics.subgroups import age_band, subgroups


@pytest.mark.parametrize(
    ("age", "band"),
    [
        ("0", "0-17"),
        ("17.9", "0-17"),
        ("18", "18-39"),
        ("59", "40-59"),
        ("60.0", "60-79"),
        ("80", "80+"),
        ("045Y", "40-59"),
        ("45 years", "40-59"),
        ("59,9 y", "40-59"),
        ("006M", "0-17"),
        ("200 d", "0-17"),
        (" 7 yrs. ", "0-17"),
    ],
)
def test_age_bands(age, band):
    assert age_band(age) == band


@pytest.mark.parametrize(
    "age",
    [
        "",
        "old",
        "-1",
        "nan",
        "400",
        "inf",
        "1e1",
        "4_5",
        "<1",
        ">80",
        "80+",
        "60s",
        "1900-01-01",
        "12-May",
        "=45",
        "45Z",
    ],
)
def test_an_invalid_age_is_unknown(age):
    assert age_band(age) == "unknown"


def test_subgroup_metrics_are_those_of_their_films():
    generator = np.random.default_rng(0)
    views = ["PA"] * 60 + ["AP"] * 25 + [""] * 4
    positives = np.r_[np.arange(60) % 2 == 0, np.arange(25) % 5 != 0, [True, True, False, False]]
    probabilities = np.clip(0.4 + 0.2 * positives + 0.2 * generator.normal(size=89), 0, 1)
    patients = np.r_[np.arange(60) // 2, 100 + np.arange(25), 200 + np.arange(4)]

    rows = subgroups({"view": views}, positives, probabilities, patients, threshold=0.5)

    assert [(row.value, row.films, row.positives, row.negatives) for row in rows] == [
        ("PA", 60, 30, 30),
        ("AP", 25, 20, 5),
        ("unknown", 4, 2, 2),
    ]
    assert [row.patients for row in rows] == [30, 25, 4]
    frontal, supine, unknown = rows
    there = slice(0, 60)
    expected = measure(positives[there], probabilities[there], threshold=0.5)
    around = measure_intervals(positives[there], probabilities[there], patients[there], threshold=0.5)
    assert frontal.metrics == {name: expected[name] for name in ("sensitivity", "roc_auc", "specificity")}
    assert frontal.intervals["roc_auc"] == around["roc_auc"]
    assert (supine.too_few, supine.metrics["specificity"], supine.metrics["roc_auc"]) == (True, None, None)
    assert supine.metrics["sensitivity"] is not None
    assert unknown.too_few
    assert set(unknown.metrics.values()) == {None}


def test_subgroups_by_finding_have_one_class():
    rows = subgroups(
        {"finding": ["COVID-19"] * 12}, np.ones(12, bool), np.linspace(0, 1, 12), np.arange(12), threshold=0.5
    )

    assert rows[0].metrics == {"sensitivity": 0.5, "roc_auc": None, "specificity": None}
    assert rows[0].intervals["sensitivity"].low == pytest.approx(wilson(6, 12).low)


def test_many_films_of_few_patients_are_too_few():
    """40 films of each class, the positive ones of nine patients."""
    positives, probabilities = np.arange(80) < 40, np.linspace(1, 0, 80)
    patients = np.r_[np.arange(40) % 9, 100 + np.arange(40) % 10]

    (row,) = subgroups({"view": ["PA"] * 80}, positives, probabilities, patients, threshold=0.5)

    assert (row.too_few, row.metrics["sensitivity"], row.metrics["roc_auc"]) == (True, None, None)
    assert row.metrics["specificity"] is not None
