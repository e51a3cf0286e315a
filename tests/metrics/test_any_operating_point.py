"""For any validation films: an operating point keeps what it promises on them, and asking for more moves one way."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxr_cli.errors import UsageError
from cxr_cli.metrics.operating_points import OperatingPoint, Rule, choose_threshold, films_needed, parse_rule
from cxr_cli.metrics.sample import call_positive

SHARES = st.integers(1, 99).map(lambda percent: percent / 100) | st.floats(0.001, 0.999)
KINDS = st.sampled_from(
    ["sensitivity", "specificity", "sensitivity-at-least", "specificity-at-least", "threshold", "youden"]
)
RULES = st.tuples(KINDS, st.floats() | st.floats(0, 1) | st.text()).map(lambda rule: f"{rule[0]}={rule[1]}")


@st.composite
def films(draw):
    """Truth and probabilities of films of both classes."""
    count = draw(st.integers(2, 30))
    truth = draw(arrays(bool, count))
    assume(0 < truth.sum() < count)
    kind = draw(st.sampled_from([np.float64, np.float32]))
    return truth, draw(arrays(kind, count, elements=st.floats(0, 1, width=32) | st.sampled_from([0.0, 0.5, 1.0])))


def figures(films, threshold: float) -> tuple[float, float]:
    """Sensitivity and specificity."""
    truth, probabilities = films
    called = call_positive(probabilities, threshold=threshold)
    return called[truth].mean(), (~called)[~truth].mean()


def at(films, rule: Rule) -> OperatingPoint:
    """The operating point, after a check of its figures."""
    truth, _ = films
    point = choose_threshold(*films, rule)
    assert (point.sensitivity, point.specificity) == figures(films, point.threshold)
    assert (point.positives, point.negatives) == (truth.sum(), (~truth).sum())
    assert parse_rule(point.rule) == rule
    return point


def thresholds(films) -> list[float]:
    """One for each way to divide the films."""
    return [*map(float, films[1]), 0.0, 1.1]


@given(films=films(), share=SHARES)
def test_a_sensitivity_or_specificity_is_reached_at_the_least_cost(films, share):
    sensitive, specific = at(films, Rule("sensitivity", share)), at(films, Rule("specificity", share))

    positives, negatives = sensitive.positives, specific.negatives
    assert round(sensitive.sensitivity * positives) >= films_needed(share, positives)
    assert round(specific.specificity * negatives) >= films_needed(share, negatives)
    for sensitivity, specificity in (figures(films, threshold) for threshold in thresholds(films)):
        if round(sensitivity * positives) >= films_needed(share, positives):
            assert specificity <= sensitive.specificity
        if round(specificity * negatives) >= films_needed(share, negatives):
            assert sensitivity <= specific.sensitivity


@given(films=films(), shares=st.tuples(SHARES, SHARES).map(sorted))
def test_asking_for_more_lowers_or_raises_the_threshold(films, shares):
    less, more = shares

    assert at(films, Rule("sensitivity", more)).threshold <= at(films, Rule("sensitivity", less)).threshold
    assert at(films, Rule("specificity", more)).threshold >= at(films, Rule("specificity", less)).threshold


@given(films=films())
def test_no_threshold_has_a_larger_youden_index(films):
    point = at(films, Rule("youden"))

    best = max(sum(figures(films, threshold)) for threshold in thresholds(films))
    assert point.sensitivity + point.specificity == pytest.approx(best, abs=1e-8)


@given(films=films(), value=st.floats(0.001, 0.999))
def test_a_threshold_is_taken_as_it_is(films, value):
    assert at(films, Rule("threshold", value)).threshold == value


def test_a_film_between_two_neighbouring_probabilities_is_on_the_side_that_was_counted():
    low = np.float32(0.7)
    films = np.array([False, True]), np.array([low, np.nextafter(low, np.float32(1))])

    assert figures(films, at(films, Rule("youden")).threshold) == (1, 1)


def test_films_of_a_certain_probability_can_be_spared_and_missed():
    truth, certain = np.array([True, False]), np.ones(2)

    assert at((truth, certain), Rule("specificity", 0.9)).specificity == 1
    assert at((truth, np.zeros(2)), Rule("sensitivity", 0.9)).sensitivity == 1


@given(text=st.text() | RULES)
def test_any_text_is_a_rule_that_is_written_as_it_is_read_or_refused(text):
    with suppress(UsageError):
        assert parse_rule(str(parse_rule(text))) == parse_rule(text)


@given(share=SHARES, total=st.integers(1, 10_000))
def test_the_films_needed_are_the_fewest(share, total):
    needed = films_needed(share, total)

    assert needed / total >= share * (1 - 1e-12)
    assert (needed - 1) / total < share * (1 + 1e-12)
    assert needed == pytest.approx(share * total, abs=1)
