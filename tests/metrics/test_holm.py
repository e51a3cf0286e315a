"""Holm's correction of p values."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from cxr_cli.metrics.holm import corrected


def test_p_values_have_holms_correction():
    # By hand: 4 x 0.01, 3 x 0.02, 2 x 0.03, and never less than the one before.
    assert corrected([0.01, None, 0.03, 0.02, 0.04]) == pytest.approx([0.04, None, 0.06, 0.06, 0.06])
    assert corrected([]) == []
    raw = np.random.default_rng(0).uniform(size=9)
    higher = np.array(corrected(list(raw)))
    assert (higher >= false_discovery_control(raw) - 1e-12).all()
    assert higher.max() <= 1
