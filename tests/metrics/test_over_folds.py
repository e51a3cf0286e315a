"""The interval of a recipe: its formula, and how often it holds what the recipe reaches."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import t as student

from cxr_cli.metrics.intervals import wilson
from cxr_cli.metrics.measure import measure
from cxr_cli.metrics.over_folds import over_folds, times_as_wide
from cxr_cli.metrics.table import METRICS

ANY = (-np.inf, np.inf)
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "simulate_crossval.py"
VALUES = [0.72, 0.81, 0.64, 0.9, 0.77]


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    spec = importlib.util.spec_from_file_location("simulate_crossval", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("repeats", [1, 4])
def test_the_variance_is_that_of_nadeau_and_bengio(repeats):
    """Of five folds: 1 / (5 R) + 1 / 4 times the variance of all values, with 4 degrees of freedom."""
    values = VALUES * repeats
    half = student.ppf(0.975, 4) * np.std(values, ddof=1) * np.sqrt(1 / (5 * repeats) + 1 / 4)

    found = over_folds(values, folds=5, limits=ANY)

    assert (found.folds, found.mean) == (5 * repeats, pytest.approx(np.mean(VALUES)))
    assert found.sd == pytest.approx(np.std(values, ddof=1))
    assert found.interval.low == pytest.approx(found.mean - half)
    assert found.interval.high == pytest.approx(found.mean + half)


def test_fewer_folds_of_the_same_spread_have_a_wider_interval():
    """Each with a mean of 0.5 and a standard deviation of 0.1."""
    two = np.array([-1, 1]) * 0.1 / np.sqrt(2)
    five = np.array([-1, -1, 0, 1, 1]) * 0.1
    widths = []
    for values in (two, five):
        around = over_folds(list(0.5 + values), folds=len(values), limits=ANY).interval
        widths.append(around.high - around.low)

    assert times_as_wide(2, than=5) == pytest.approx(widths[0] / widths[1])
    assert times_as_wide(5, than=5) == 1


def test_the_interval_stays_within_the_limits_and_is_that_of_the_logit_or_logarithm():
    plain = over_folds(VALUES, folds=5, limits=ANY)
    half = plain.interval.high - plain.mean
    share = over_folds(VALUES, folds=5)
    correlation = over_folds([2 * value - 1 for value in VALUES], folds=5, limits=(-1, 1))
    loss = over_folds(VALUES, folds=5, limits=(0, np.inf))

    def logit(value):
        return np.log(value / (1 - value))

    for end in (share.interval.low, share.interval.high):
        assert abs(logit(end) - logit(share.mean)) == pytest.approx(half / (share.mean * (1 - share.mean)))
    assert correlation.interval.low == pytest.approx(2 * share.interval.low - 1)
    assert correlation.interval.high == pytest.approx(2 * share.interval.high - 1)
    assert np.log(loss.interval.high / loss.mean) == pytest.approx(half / loss.mean)
    assert np.log(loss.mean / loss.interval.low) == pytest.approx(half / loss.mean)
    assert over_folds([0.4, 0.9], folds=2, limits=(0, np.inf)).interval is None
    assert over_folds([0.4, 0.9, 0.6], folds=3, limits=(0, np.inf)).interval is not None
    wide = over_folds([0.0, 1.0], folds=2)
    assert 0 <= wide.interval.low < 0.01
    assert 0.99 < wide.interval.high <= 1


def test_weights_repeat_nothing_and_a_fold_that_has_nearly_all_weight_gives_no_interval():
    even = over_folds(VALUES, folds=5, limits=ANY)
    weighted = over_folds(VALUES, folds=5, limits=ANY, weights=[3, 1, 1, 1, 1])

    assert over_folds(VALUES, folds=5, limits=ANY, weights=[7] * 5) == even
    assert weighted.mean == pytest.approx(np.average(VALUES, weights=[3, 1, 1, 1, 1]))
    assert over_folds(VALUES, folds=5, weights=[100, 1, 1, 1, 1]).interval is None
    assert over_folds([*VALUES, 0.1], folds=6, weights=[1] * 5 + [0]).folds == 5


def test_equal_folds_get_the_interval_of_their_patients_or_none():
    assert over_folds([1.0] * 5, folds=5, patients=20).interval == wilson(20, 20)
    assert over_folds([0.0] * 5, folds=5, limits=(-1, 1), patients=20).interval.high == pytest.approx(
        2 * wilson(10, 20).high - 1
    )
    assert over_folds([1.0] * 5, folds=5).interval is None
    assert over_folds([1.0], folds=1, patients=20).interval is None
    assert over_folds([None, None], folds=2).mean is None


def test_each_metric_lies_within_its_limits():
    generator = np.random.default_rng(0)
    for _ in range(20):
        positives = generator.random(20) < generator.random()
        found = measure(positives, generator.random(20), threshold=generator.random())
        for name, value in found.items():
            low, high = METRICS[name].limits
            assert value is None or low <= value <= high, name


@pytest.mark.parametrize(
    ("design", "without"),
    [({"shift": 0, "repeats": 4}, 0.75), ({"patients": 60, "shift": 4.5}, 0.75)],
    ids=["no signal, 5 folds four times", "an AUC of 0.998"],
)
def test_intervals_of_the_recipe_cover_it(simulation, design, without):
    """`benchmarks/simulate_crossval.py` has more designs; `without` is more than the uncorrected t interval covers."""
    design = simulation.Design(**{"patients": 120} | design)
    sets = list(simulation.simulate(design, 120 // design.repeats))

    covered = simulation.cover(design, sets, ("t", "corrected"))

    assert covered["corrected"].min() > 0.91
    assert covered["t"].min() < without


def test_useless_features_at_uneven_sites_have_an_auc_of_a_half(simulation):
    design = simulation.Design(folds=8, sites=True, shift=0, center_sd=0)
    sets = list(simulation.simulate(design, 60))

    covered = simulation.cover(design, sets, ("corrected",))
    within = [np.nanmean(tested.figures[:, 0]) for tested in sets]
    pooled = [simulation.auc(*simulation.pool(tested)[:2]) for tested in sets]

    assert abs(np.mean(within) - 0.5) < 3 * np.std(within) / np.sqrt(60)
    assert covered["corrected"][0] > 0.9
    assert np.mean(pooled) < 0.45


def test_intervals_of_a_subgroup_cover_it(simulation):
    """A third of the patients, with the weights of `subgroups_across`: a fold's pairs of films, or films of a class."""
    sets = list(simulation.simulate(simulation.Design(prevalence=0.3), 80))
    truth, held = simulation.truth_of(sets), []
    for tested in sets:
        own = [[part[patients % 3 == 0] for part in parts] for *parts, patients in tested.films]
        counts = [(int(sick.sum()), int((~sick).sum())) for sick, _, _ in own]
        figures = [
            ([simulation.auc(sick, scores) for sick, scores, _ in own], [sick * other for sick, other in counts]),
            ([called[sick].mean() if sick.any() else 0 for sick, _, called in own], [sick for sick, _ in counts]),
        ]
        found = [over_folds(values, folds=5, weights=weights).interval for values, weights in figures]
        held.append([one.low <= value <= one.high for one, value in zip(found, truth[:2], strict=True)])

    assert np.mean(held, axis=0).min() > 0.93
