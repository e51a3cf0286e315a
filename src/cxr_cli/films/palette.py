"""The colors of heat: the hotter, the lighter, so that gray prints and color-blind readers see the same order.

The upper part of "inferno" (van der Walt & Smith, CC0), from dark red over orange to pale yellow; its lightness, L*,
rises evenly from 37 to 98. Without matplotlib, whose import takes longer than a prediction.
"""

import numpy as np

_STOPS = ("9b2964", "b3325a", "c83f4b", "db503b", "ea632a", "f57b17", "fb9606", "fcb216", "f8cf3a", "f1ec6d", "fcffa4")


def _table() -> np.ndarray:
    stops = np.array([list(bytes.fromhex(stop)) for stop in _STOPS], dtype=np.float64)
    places, at = np.linspace(0, 1, 256), np.linspace(0, 1, len(stops))
    return np.stack([np.interp(places, at, channel) for channel in stops.T], axis=-1).astype(np.float32)


_TABLE = _table()


def heat_colors(level: np.ndarray) -> np.ndarray:
    """The colors of heat.

    Args:
        level: (…) float in [0, 1].

    Returns:
        (…, 3) float32 in [0, 255], red, green and blue.
    """
    return np.asarray(_TABLE[np.rint(level * 255).astype(np.uint8)])
