import numpy as np
import pytest
from scipy.ndimage import label

from cxr_cli.lungs.pieces import pieces


def test_pieces_touch_at_a_side_not_at_a_corner():
    mask = np.array([[1, 1, 0, 1], [0, 1, 0, 1], [1, 0, 1, 1], [1, 0, 0, 0]], dtype=bool)

    np.testing.assert_array_equal(pieces(mask), [[1, 1, 0, 2], [0, 1, 0, 2], [3, 0, 2, 2], [3, 0, 0, 0]])


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.6, 0.7, 1.0])
def test_pieces_are_those_of_scipy(share):
    rng = np.random.default_rng(0)
    for shape in ((1, 1), (1, 40), (40, 1), (60, 80)):
        mask = rng.random(shape) < share
        found, (expected, count) = pieces(mask), label(mask)

        assert len(np.unique(found[mask])) == count
        # The same pieces, whatever their numbers.
        assert len(np.unique(np.stack([found[mask], expected[mask]]), axis=1).T) == count
