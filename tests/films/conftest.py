"""Small films of seeded noise."""

import numpy as np
import pytest


@pytest.fixture
def pixels() -> np.ndarray:
    """(40, 56) uint8 noise that contains both 0 and 255."""
    noise = np.random.default_rng(5).integers(1, 255, (40, 56)).astype(np.uint8)
    noise[7, 9], noise[8, 11] = 0, 255
    return noise
