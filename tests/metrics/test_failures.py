"""Failure rates: what is planted is found, chance is not, and a patient counts once."""

import numpy as np
import pytest
from scipy.stats import permutation_test

from cxr_cli.metrics import failures
from cxr_cli.metrics.failures import failure_rates
from cxr_cli.metrics.intervals import proportion_interval


def draw(rng, *, patients=80, rate=0.2, most=4):
    """Positive films of patients who differ in how often they are missed; a value may change within a patient."""
    groups = np.repeat(np.arange(patients), rng.integers(1, most + 1, size=patients))
    missed = rng.uniform(size=len(groups)) < rng.beta(2 * rate, 2 * (1 - rate), size=patients)[groups]
    columns = {}
    for column, values in (("view", ["PA", "AP", "AP Supine"]), ("sex", ["F", "M"]), ("site", list("abcde"))):
        own = rng.choice(values, size=patients)[groups]
        columns[column] = np.where(rng.uniform(size=len(groups)) < 0.1, rng.choice(values, size=len(groups)), own)
    return columns, np.ones(len(groups), bool), ~missed, groups


def test_a_planted_failure_is_found_in_its_class_alone():
    rng = np.random.default_rng(1)
    groups = np.arange(400)
    positives = groups < 200
    view = rng.choice(["PA", "AP"], size=400)
    wrong = np.where(positives & (view == "AP"), rng.uniform(size=400) < 0.5, rng.uniform(size=400) < 0.1)
    rates = failure_rates({"view": view}, positives, positives ^ wrong, groups)

    (found,) = (rate for rate in rates if rate.stands_out)
    there = positives & (view == "AP")
    assert (found.positives, found.column, found.value) == (True, "view", "AP")
    assert (found.films, found.wrong) == (there.sum(), wrong[there].sum())
    assert found.interval == proportion_interval(wrong[there], groups[there])
    assert found.overall == wrong[positives].mean()
    assert len(rates) == 4


def test_p_is_that_of_a_permutation_test_by_scipy():
    columns, positives, called, groups = draw(np.random.default_rng(2), patients=40)
    (rate, *_) = failure_rates({"sex": columns["sex"]}, positives, called, groups)
    films = np.bincount(groups)
    shares = np.bincount(groups, weights=columns["sex"] == rate.value) / films
    errors = np.bincount(groups, weights=~called) / films

    def studentized(one):
        apart, other = one - one.mean(), shares - shares.mean()
        return apart @ other / np.sqrt(apart**2 @ other**2)

    reference = permutation_test(
        (errors,),
        studentized,
        permutation_type="pairings",
        alternative="greater",
        n_resamples=4000,
        rng=np.random.default_rng(0),
    )
    assert rate.p == pytest.approx(min(1, 2 * reference.pvalue), abs=0.03)  # twice, for two values


def test_films_of_a_patient_count_as_one():
    columns, positives, called, groups = draw(np.random.default_rng(3))
    once = failure_rates(columns, positives, called, groups)
    copied = {name: np.repeat(values, 5) for name, values in columns.items()}
    often = failure_rates(copied, np.repeat(positives, 5), np.repeat(called, 5), np.repeat(groups, 5))

    assert [rate.p for rate in once] == [rate.p for rate in often]
    assert all(rate.patients < rate.films for rate in often)


def test_chance_stands_out_in_at_most_one_of_twenty_sets(monkeypatch):
    """Uncorrected for the number of values, 20 and 49 sets fail; where films count, 52 of the second design."""
    monkeypatch.setattr(failures, "PERMUTATIONS", 499)
    found = dict.fromkeys((1, 12), 0)
    for most in found:
        for seed in range(100):
            rates = failure_rates(*draw(np.random.default_rng(seed), most=most), seed=seed)
            found[most] += any(rate.stands_out for rate in rates)

    assert all(count <= 10 for count in found.values()), found  # 5 expected; more than 10 in 1 of 100 such tests


@pytest.mark.parametrize("wrong", [np.zeros(60, bool), np.ones(60, bool)])
def test_nothing_is_compared_where_all_films_are_alike(wrong):
    positives = np.ones(60, bool)

    assert failure_rates({"view": ["PA", "AP"] * 30}, positives, positives ^ wrong, np.arange(60)) == []


def test_a_value_needs_ten_patients_not_ten_films():
    groups = np.r_[np.repeat(np.arange(9), 4), np.arange(9, 60)]
    positives = np.ones(len(groups), bool)
    called = np.arange(len(groups)) % 3 > 0

    assert failure_rates({"view": ["AP"] * 36 + ["PA"] * 51}, positives, called, groups) == []
