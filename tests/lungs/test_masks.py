import numpy as np
import pytest

from cxr_cli.lungs.masks import border_share, dice, iou, settled, two_largest


def square(top: int, left: int, side: int, *, size: int = 40) -> np.ndarray:
    mask = np.zeros((size, size), dtype=bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_dice_and_iou_of_overlapping_halves():
    left, middle = square(0, 0, 20), square(0, 10, 20)

    assert dice(left, middle) == 0.5
    assert iou(left, middle) == pytest.approx(1 / 3)
    assert dice(left, left) == iou(left, left) == 1
    assert dice(left, square(20, 20, 20)) == iou(left, square(20, 20, 20)) == 0


def test_two_empty_masks_agree():
    empty = square(0, 0, 0)

    assert dice(empty, empty) == iou(empty, empty) == 1


def test_the_two_largest_regions_are_ordered_left_to_right():
    left, right, crumb = square(5, 2, 8), square(5, 20, 12), square(30, 10, 3)
    found = two_largest(left | right | crumb)

    assert len(found) == 2
    np.testing.assert_array_equal(found[0], left)
    np.testing.assert_array_equal(found[1], right)
    assert len(two_largest(left)) == 1
    assert two_largest(np.zeros((9, 9), dtype=bool)) == []


def outline_of(*boxes: tuple[float, float, float, float]) -> np.ndarray:
    """Return the outlines, (n, 4, 2), of boxes given as (left, top, right, bottom)."""
    return np.array([[(x0, y1), (x0, y0), (x1, y0), (x1, y1)] for x0, y0, x1, y1 in boxes])


def test_the_edge_moves_to_the_intensity_boundary():
    darkness = np.zeros((128, 128), dtype=np.float32)
    darkness[32:96, 20:52] = darkness[32:96, 76:108] = 1
    near = outline_of((0.18, 0.27, 0.39, 0.73), (0.61, 0.27, 0.82, 0.73))  # 3 pixels too large
    even = np.zeros_like(darkness)

    assert dice(settled(near, even), darkness > 0) < 0.9
    assert dice(settled(near, darkness), darkness > 0) > 0.95


def test_share_of_the_border():
    assert border_share(square(10, 10, 5)) == 0
    assert border_share(np.ones((8, 8), dtype=bool)) == 1
    assert border_share(square(0, 10, 20)) == pytest.approx(20 / 160)
