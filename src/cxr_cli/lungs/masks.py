"""Lung masks: from an outline to a clean mask, the checks of a mask, and how well two masks agree."""

import numpy as np
from PIL import Image, ImageDraw

from cxr_cli.lungs.pieces import pieces

# In shares of a side, except for _PULL.
_STIFF = 0.03  # a clear edge moves the outline by about this much; without an edge it stays
_NEAR = 0.027  # distance around a point within which inside and outside are compared
_SOFT = 0.008  # radius by which corners are rounded
_PULL = 20.0  # weight of the clusters against the outline


def settled(outline: np.ndarray, darkness: np.ndarray) -> np.ndarray:
    """Fill an outline, with its edge moved to a border between dark and bright nearby.

    A point near the outline goes to the side whose mean darkness, nearby, is closer to its own.

    Args:
        outline: (2, n, 2) x and y of each lung's points, in [0, 1].
        darkness: (S, S) float32 in [0, 1].

    Returns:
        (S, S) bool, without holes.
    """
    from scipy.ndimage import binary_fill_holes, distance_transform_edt, gaussian_filter

    side = len(darkness)
    canvas = Image.new("1", (side, side))
    for lung in outline * side - 0.5:
        ImageDraw.Draw(canvas).polygon([(x, y) for x, y in lung.tolist()], fill=1)
    inside = np.asarray(canvas)
    depth = (distance_transform_edt(inside) - distance_transform_edt(~inside)) / side
    share = gaussian_filter(inside.astype(np.float32), _NEAR * side)
    within = gaussian_filter(darkness * inside, _NEAR * side) / np.maximum(share, 1e-3)
    beyond = gaussian_filter(darkness * ~inside, _NEAR * side) / np.maximum(1 - share, 1e-3)
    pull = (darkness - (within + beyond) / 2) * np.maximum(within - beyond, 0)
    return np.asarray(binary_fill_holes(gaussian_filter(depth / _STIFF + _PULL * pull, _SOFT * side) > 0))


def two_largest(mask: np.ndarray) -> list[np.ndarray]:
    """The two largest connected pieces of a mask, from left to right; fewer if there are fewer.

    Args:
        mask: (H, W) bool.

    Returns:
        (H, W) bool each.
    """
    numbered = pieces(mask)
    sizes = np.bincount(numbered.ravel())
    sizes[0] = 0
    largest = [piece for piece in np.argsort(sizes)[::-1][:2] if sizes[piece]]
    masks = [numbered == piece for piece in largest]
    return sorted(masks, key=lambda lung: float(np.flatnonzero(lung.any(axis=0)).mean()))


def dice(mask: np.ndarray, reference: np.ndarray) -> float:
    """Dice's coefficient of two (H, W) bool masks: 2 |A and B| / (|A| + |B|), 0 to 1; 1 for two empty ones."""
    both = int((mask & reference).sum())
    total = int(mask.sum()) + int(reference.sum())
    return 2 * both / total if total else 1.0


def iou(mask: np.ndarray, reference: np.ndarray) -> float:
    """Intersection over union of two (H, W) bool masks, 0 to 1; 1 for two empty ones."""
    either = int((mask | reference).sum())
    return int((mask & reference).sum()) / either if either else 1.0


def border_share(mask: np.ndarray) -> float:
    """How much of the film's border a mask, (H, W) bool, touches, in [0, 1]."""
    return float(np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).mean())
