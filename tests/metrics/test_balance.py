"""Standardized differences, by hand."""

import pytest

from cxr_cli.metrics.balance import mean_difference, share_difference


def test_means_differ_in_standard_deviations():
    # Means 2 and 5, variances 1 and 4: 3 / sqrt(2.5).
    assert mean_difference([1, 2, 3], [3, 5, 7]) == pytest.approx(1.897366596)
    assert mean_difference([1], [1, 2]) is None
    assert mean_difference([1, 1], [1, 1]) is None


def test_shares_differ_in_standard_deviations():
    # 0.3 - 0.5, in sqrt((0.25 + 0.21) / 2).
    assert share_difference((5, 10), (3, 10)) == pytest.approx(-0.417028828)
    assert share_difference((0, 0), (3, 10)) is None
    assert share_difference((4, 4), (9, 9)) is None
