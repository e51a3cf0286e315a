"""Whether a picture gets a class: the one place that decides.

What its file says (colors, the header of a DICOM file) is read by `films.nature`; the film gate and the lungs come from
the U-Net, and the distance from the run's own films from its reference.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cxr_cli.films.nature import why_no_chest_film
from cxr_cli.lungs.unet import unet

if TYPE_CHECKING:
    from cxr_cli.lungs.keep import Segmented
    from cxr_cli.lungs.lung_map import LungMap

# Of the probability that the film gate gives. docs/explanation/abstention.md counts films of hospitals that it never
# saw.
_LEAST_FRONTAL = 0.4
_SURE = 0.9  # from here on nothing else is tried; and so sure must a turned version be, to say how the film is turned
_SMALLEST_LUNGS = 0.03  # share of the picture; on films, lungs cover 0.1 to 0.6 of it
_TURNS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "inverted: what should be dark is bright": lambda film: 255 - film,
    "upside down": lambda film: film[::-1],
    "turned to the right": np.rot90,
    "turned to the left": lambda film: np.rot90(film, 3),
}


def why_no_class(film: np.ndarray, *, path: Path | None = None, lungs: "LungMap | Segmented | None" = None) -> str:
    """Say why a picture gets no class from any run.

    Args:
        film: (H, W) uint8, 0 is black.
        path: its file. Defaults to none.
        lungs: what the U-Net sees in it. Defaults to none: the U-Net is asked.

    Returns:
        The reason, in a few words; empty if the picture is an upright frontal chest film, not inverted, with lungs.
    """
    said = why_no_chest_film(path) if path else ""
    if said:
        return said
    seen = lungs if lungs and lungs.frontal is not None else unet(film)
    frontal = 1.0 if seen.frontal is None else seen.frontal  # None: a U-Net without a film gate
    empty = seen.area < _SMALLEST_LUNGS
    if not empty and frontal >= _SURE:
        return ""
    # A film that is turned or inverted may still look a little like one that is not; its right version looks more so.
    turned = {words: unet(turn(film)).frontal or 0 for words, turn in _TURNS.items()}
    how, best = max(turned.items(), key=lambda item: item[1])
    if best >= _SURE and best > frontal:
        return f"the film is {how}"
    if not empty and frontal >= _LEAST_FRONTAL:
        return ""
    return "no lungs found" if empty else "not a frontal chest film"


def why_unlike(run: str) -> str:
    """The reason why a film that is far from those of a run gets no class from it."""
    return f"unlike the films that {run} was trained on"


def abstention_summary(reasons: Counter[str], *, films: int, forced: bool) -> str:
    """Say in a sentence how many films got no class.

    Args:
        reasons: how many, by reason.
        films: number of all films.
        forced: they were predicted all the same.
    """
    if films == 1:
        (reason,) = reasons
        without = f"Note: without --force, the picture would get no class: {reason}."
        return without if forced else "To have the picture predicted all the same: --force"
    kinds = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common())
    count = reasons.total()
    if forced and films == 1:
        return f"Note: without --force, the picture would get no class: {next(iter(reasons))}."
    if forced:
        return f"Note: without --force, {count} of {films} films would get no class: {kinds}."
    return f"{count} of {films} films got no class: {kinds}. To have them predicted all the same: --force"
