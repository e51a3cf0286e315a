"""How often intervals hold the true value, in simulated sets: short versions of `benchmarks/simulate_intervals.py`.

In each design, intervals from a bootstrap's standard error held the value of some metric in at most 0.93 of sets. Each
figure here is of 150 sets, whose standard error is 0.018 at 0.95.
"""

import runpy
from pathlib import Path

import numpy as np
import pytest

from cxr_cli.metrics.intervals import (
    Estimate,
    mean_interval,
    patient_interval,
    predictive_intervals,
    predictive_values,
    wilson,
)
from cxr_cli.metrics.ranking_intervals import auc_interval
from cxr_cli.metrics.sample_size import auc_sample_size

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "simulate_intervals.py"


@pytest.fixture(scope="module")
def benchmark():
    return runpy.run_path(str(BENCHMARK))


@pytest.mark.parametrize("place", [0, 2, 3], ids=["46 patients", "prevalence 0.1", "heavy tails"])
def test_every_metrics_interval_holds_the_true_value(benchmark, place):
    found = benchmark["cover"](benchmark["DESIGNS"][place], sets=150)

    assert {name: covered for name, (covered, _) in found.items() if covered < 0.9} == {}


def test_the_auc_is_covered_where_negatives_are_few_and_spread(benchmark):
    """Where a logarithmic scale alone fails: 15 negatives, of which the truth depends on one or two."""
    (design,) = (one for one in benchmark["DESIGNS"] if "spread" in one.title)

    covered, _ = benchmark["cover"](design, sets=150)["roc_auc"]

    assert covered >= 0.91


def test_predictive_values_at_a_prevalence_are_covered():
    random, truth = np.random.default_rng(0), (0.8, 0.9)
    expected = predictive_values(*truth, prevalence=0.1)
    held = np.zeros((400, 2), bool)
    for row in held:
        parts = [Estimate(count / 40, wilson(count, 40)) for count in random.binomial(40, truth)]
        around = predictive_intervals(*parts, prevalence=0.1)
        row[:] = [one.low <= value <= one.high for one, value in zip(around, expected, strict=True)]

    assert (held.mean(axis=0) >= 0.92).all()


def test_the_share_in_which_each_patient_counts_once_is_covered():
    """As prediction sets are measured: 15 patients with 1 to 20 films, whose films are alike."""
    random, held = np.random.default_rng(0), 0
    for _ in range(400):
        sizes = np.minimum(np.ceil(random.random(15) ** (-1 / 1.5)), 20).astype(int)
        groups = np.repeat(np.arange(15), sizes)
        _, around = patient_interval(random.random(len(groups)) < random.beta(4.5, 0.5, size=15)[groups], groups)
        held += around.low <= 0.9 <= around.high

    assert held / 400 >= 0.93


def test_a_mean_is_covered_where_few_patients_have_most_films():
    random, held = np.random.default_rng(0), 0
    for _ in range(400):
        sizes = np.minimum(np.ceil(random.random(25) ** (-1 / 1.5)), 20).astype(int)
        groups = np.repeat(np.arange(25), sizes)
        around = mean_interval(random.normal(size=25)[groups] + random.normal(size=len(groups)), groups)
        held += around.low <= 0 <= around.high

    assert held / 400 >= 0.92


def test_as_many_patients_as_it_says_make_the_interval_of_the_auc_as_narrow(benchmark):
    """With 15 negative patients of 90; then so many more in the same ratio."""
    design = benchmark["Design"]("", (75, 15))
    random = np.random.default_rng(3)
    sizes = [auc_sample_size(*benchmark["draw"](design, random)) for _ in range(40)]
    assert all((size.positive, size.patients, size.goal) == (False, 15, 0.05) for size in sizes)
    needed = float(np.median([size.needed for size in sizes if size.needed]))  # no number from too little variance

    widths = []
    for _ in range(10):
        around = auc_interval(*benchmark["draw"](design, random, times=round(needed / 15)))
        widths.append((around.high - around.low) / 2)

    assert np.median([size.half_width for size in sizes]) == pytest.approx(0.12, abs=0.03)
    assert np.mean(widths) == pytest.approx(0.05, rel=0.15)


def test_a_narrow_interval_needs_no_more_patients():
    positives = np.arange(4000) % 2 == 0

    size = auc_sample_size(positives, positives + np.random.default_rng(0).normal(size=4000), np.arange(4000))

    assert (size.needed, size.half_width < 0.05) == (None, True)
    assert auc_sample_size(np.ones(9, bool), np.arange(9.0), np.arange(9)) is None


@pytest.mark.parametrize(
    ("films", "scores"), [(6, [0.2, 0.3, 0.1, 0.4, 0.5, 0.1]), (24, [0.9, 0.1] * 12)], ids=["3 + 3 films", "none wrong"]
)
def test_films_whose_variance_says_nothing_give_no_number_of_patients(films, scores):
    size = auc_sample_size(np.arange(films) % 2 == 0, np.array(scores), np.arange(films))

    assert (size.needed, size.patients, size.half_width > 0.05) == (None, films // 2, True)
