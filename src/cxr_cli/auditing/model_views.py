"""The table of views: what is done to each film before a model is asked about it again."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np
from PIL import Image

BORDER_SHARE = 0.1  # of the film's side, as in the audit of a dataset
RIM = 0.02  # of the film's longer side: a mask is widened by it before lungs are removed, so that no edge of them stays
SHIFT = 0.06  # of the film's side, to the right and down
BLURRED = 64  # pixels a side, from which the film is enlarged again
_GRAY = np.uint8(128)
_FILL = 64  # pixels a side, at which the smooth filling is computed
_SPREAD = 6.0  # pixels of it, the standard deviation of the blur

Change = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (H, W) uint8 film, (H, W) bool lungs -> (H, W) uint8


class Asks(StrEnum):
    """What a view asks the model."""

    ALL = "all"  # the film as it is: every other view is compared with it
    LUNGS = "lungs"  # only what should matter is left
    OUTSIDE = "outside"  # nothing of the lungs is left, nor their outline
    AROUND = "around"  # the lungs are gone, but their outline, the heart and what hides lung are left
    HARMLESS = "harmless"  # changed in a way that leaves the diagnosis as it is
    EXTRA = "extra"  # for the reader: no rule uses it


@dataclass(frozen=True)
class View:
    """A way to show films to a model."""

    title: str
    change: Change
    asks: Asks
    meaning: str  # what is on the film, and what to expect, in a sentence
    moves: bool = False  # lungs are elsewhere afterwards: a mask is changed in the same way


def _same(film: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    return film


def _lungs_only(film: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    return np.where(lungs, film, np.uint8(0))


def _lungs_black(film: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    return np.where(_widened(lungs), np.uint8(0), film)


def _lungs_filled(film: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    return _filled(film, _widened(lungs))


def _box_gray(film: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    """Not filled from its surroundings: that would show their brightness where the model looks for lungs."""
    return np.where(_box(_widened(lungs)), _GRAY, film)


def _outline_only(film: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    return np.where(lungs, _GRAY, np.uint8(0))


def _border_only(film: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    rows, columns = (max(1, round(BORDER_SHARE * side)) for side in film.shape)
    shown = film.copy()
    shown[rows:-rows, columns:-columns] = 0
    return shown


def _mirrored(film: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    return film[:, ::-1]


def _shifted(film: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    """What was at the left and upper edge is repeated there."""
    rows, columns = (round(SHIFT * side) for side in film.shape)
    padded = np.pad(film, ((rows, 0), (columns, 0)), mode="edge")
    return np.asarray(padded[: film.shape[0], : film.shape[1]])


def _blurred(film: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    return _enlarged(_reduced(film.astype(np.float32), BLURRED), film.shape)


def _detail_only(film: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(int(_GRAY) + film.astype(np.int16) - _blurred(film, lungs), 0, 255), dtype=np.uint8)


# In the order of the page.
VIEWS: dict[str, View] = {
    "whole": View("as they are", _same, Asks.ALL, "The whole film. Every other row is compared with this one."),
    "lungs_only": View(
        "lungs only",
        _lungs_only,
        Asks.LUNGS,
        "All but the lungs is black. A model that reads the lungs should keep most of its AUC.",
    ),
    "box_gray": View(
        "no chest",
        _box_gray,
        Asks.OUTSIDE,
        "The rectangle around both lungs is gray: no lung, no outline and no heart is left. A model that reads the "
        "lungs falls to 0.5.",
    ),
    "border_only": View(
        "border only",
        _border_only,
        Asks.OUTSIDE,
        "All but the outer 10% is black. A model that reads the lungs falls to 0.5.",
    ),
    "lungs_black": View(
        "lungs black",
        _lungs_black,
        Asks.AROUND,
        "The lungs are black. Their outline, the heart and the rest stay, so some AUC may remain.",
    ),
    "lungs_filled": View(
        "lungs filled",
        _lungs_filled,
        Asks.AROUND,
        "The lungs are filled with the blurred gray of what surrounds them: no sharp outline stays. Some AUC may "
        "remain.",
    ),
    "outline_only": View(
        "outline only",
        _outline_only,
        Asks.EXTRA,
        "Flat gray lungs on black: how much the shape of the lungs tells the model.",
    ),
    "mirrored": View(
        "mirrored",
        _mirrored,
        Asks.HARMLESS,
        "Left and right are swapped. Little should change.",
        moves=True,
    ),
    "shifted": View(
        "shifted",
        _shifted,
        Asks.HARMLESS,
        f"Moved by {100 * SHIFT:.0f}% of the film’s sides to the right and down. Little should change.",
        moves=True,
    ),
    "blurred": View(
        "blurred",
        _blurred,
        Asks.HARMLESS,
        f"Reduced to {BLURRED} pixels a side and enlarged again. Opacities stay visible; letters, noise and traces of "
        "compression don’t.",
    ),
    "detail_only": View(
        "detail only",
        _detail_only,
        Asks.EXTRA,
        "The film minus its blurred version: edges, letters, noise and compression, without light and dark areas.",
    ),
}
WHOLE = "whole"


def _widened(lungs: np.ndarray) -> np.ndarray:
    from scipy.ndimage import maximum_filter

    return np.asarray(maximum_filter(lungs, 2 * round(RIM * max(lungs.shape)) + 1))


def _box(mask: np.ndarray) -> np.ndarray:
    """The rectangle around a mask, as a mask."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    box = np.zeros_like(mask)
    if rows.size:
        box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
    return box


def _filled(film: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Fill a region with the blurred gray of what surrounds it."""
    outside, blur = (~region).astype(np.float32), _blur()
    gray, known = (blur @ _reduced(values, _FILL) @ blur.T for values in (film * outside, outside))
    return np.where(region, _enlarged(gray / np.maximum(known, 1e-6), film.shape), film)


@cache
def _blur() -> np.ndarray:
    """A normal curve along a side of the filling, as a matrix: (64, 64) float32."""
    from scipy.ndimage import gaussian_filter1d

    curve = gaussian_filter1d(np.eye(_FILL), _SPREAD, axis=0, mode="nearest", truncate=12)
    return np.asarray(curve, dtype=np.float32)


def _reduced(values: np.ndarray, side: int) -> np.ndarray:
    """(H, W) float32 -> (side, side) float32, the means."""
    return np.asarray(Image.fromarray(values).resize((side, side), Image.Resampling.BOX))


def _enlarged(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(h, w) float32 -> (H, W) uint8."""
    drawn = Image.fromarray(values).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(np.rint(np.asarray(drawn).clip(0, 255)), dtype=np.uint8)
