"""What is done to a film before it is resized to a model's input: cropped to the lungs, or all but them made black."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cxr_cli.errors import UsageError
from cxr_cli.films.transforms import WHOLE_FILM, FilmBox, equalize
from cxr_cli.lungs.methods import DEFAULT_METHOD, SEGMENTATION_METHODS
from cxr_cli.workspace.records import RecordPart

if TYPE_CHECKING:
    import numpy as np

    from cxr_cli.lungs.enlarge import Span
    from cxr_cli.lungs.keep import Segmented

CROP_MARGIN = 0.08  # of the side of the lungs' box, added on each side


class Framing(RecordPart, frozen=True, kw_only=True):
    """What a model sees of a film. It belongs to a dataset and to the runs trained on it.

    Where there is none, a model sees whole films.
    """

    kind: Literal["crop", "mask"]  # the box around both lungs, or a film in which all but the lungs is black
    method: str  # a name of `SEGMENTATION_METHODS`, which finds the lungs
    margin: float = 0.0  # of a crop, on each side, as a share of the box's side
    equalize: bool = False  # of a crop: spread its gray levels so that all are about as frequent

    def __post_init__(self) -> None:
        """Make sure that a film can be framed like this."""
        if self.method not in SEGMENTATION_METHODS or not 0 <= self.margin <= 1:
            raise ValueError(f"lungs found by {self.method!r}, with a margin of {self.margin}")

    @property
    def films(self) -> str:
        """What the films become, for a person."""
        return "films cropped to the lungs" if self.kind == "crop" else "lungs alone"

    def __str__(self) -> str:
        """Describe it for a person, in full."""
        margin = f" with a margin of {self.margin:.0%}" if self.margin else ""
        return f"{self.films}{margin}, found by {self.method}{', and equalized' if self.equalize else ''}"


@dataclass(frozen=True)
class FramedFilm:
    """A film as a model sees it, before it is resized."""

    film: "np.ndarray"  # (H, W) uint8
    box: FilmBox  # where it is in the whole film
    lungs: "Segmented"  # as found in the whole film
    reason: str  # why this is the whole film; empty if its lungs were found


def frame_film(film: "np.ndarray", framing: Framing) -> FramedFilm:
    """Crop a film to its lungs, or make all but them black; leave a film whose lungs are not found as it is.

    A mask has to pass every check to be used. A crop needs less: two lungs, about where lungs are.

    Args:
        film: (H, W) uint8, 0 is black, a frontal view.
        framing: what to do.

    Returns:
        A crop is not resized. Always the same for the same film.
    """
    from cxr_cli.lungs.keep import segment_lungs

    lungs = segment_lungs(film, framing.method)
    usable = can_frame(lungs, framing)
    if usable and framing.kind == "crop":
        part, box = _cropped(film, *lungs.spans, framing)
    else:
        part, box = frame_by(film, lungs.mask if usable else None, framing)
    return FramedFilm(part, box, lungs, "" if usable else "; ".join(lungs.flags))


def can_frame(lungs: "Segmented", framing: Framing) -> bool:
    """Whether lungs were found well enough for a framing; otherwise a model is shown the whole film."""
    return lungs.ok if framing.kind == "mask" else lungs.located


def frame_by(film: "np.ndarray", mask: "np.ndarray | None", framing: Framing) -> "tuple[np.ndarray, FilmBox]":
    """Frame a film by lungs that are known, for example those of the film before it was changed.

    Args:
        film: (H, W) uint8.
        mask: (H, W) bool, not empty; None if the lungs are not known, and the film stays whole.
        framing: what to do; its method is not used.

    Returns:
        The pixels, (h, w) uint8, and where they are in the film.
    """
    import numpy as np

    if mask is not None and framing.kind == "crop":
        return _cropped(film, _span(mask.max(axis=1)), _span(mask.max(axis=0)), framing)
    part = film if mask is None else np.where(mask, film, np.uint8(0))
    return equalize(part) if framing.equalize else part, WHOLE_FILM


def choose_framing(
    *, crop: str | None, mask: str | None, equalize: bool, method: str | None, segment: str | None
) -> Framing | None:
    """Make a framing of what a person asked for.

    Args:
        crop: "lungs", or None.
        mask: "lungs", or None.
        equalize: whether to spread the gray levels of a crop.
        method: a name of `SEGMENTATION_METHODS`, or None for the first of them.
        segment: short for a mask by this method, or None.

    Returns:
        None for whole films.

    Raises:
        UsageError: what was asked for doesn't go together, or there is no such part or method.
    """
    asked = [name for name, value in {"crop": crop, "mask": mask, "segment": segment}.items() if value]
    for part in filter(None, (crop, mask)):
        if part != "lungs":
            raise UsageError(f"Expected the part lungs. Received: {part!r}.", hint="For example: --crop lungs")
    if len(asked) > 1:
        raise UsageError(f"Expected one of crop and mask. Received: {' and '.join(asked)}.", hint="Leave out one")
    if method and not crop and not mask:
        raise UsageError(
            f"Expected a segmentation method with crop or mask. Received: {method} without them.",
            hint="For example: --crop lungs",
        )
    if equalize and not crop:
        raise UsageError("Expected equalize with crop. Received: equalize without it.", hint="Add: --crop lungs")
    if not asked:
        return None
    method = segment or method or DEFAULT_METHOD
    if method not in SEGMENTATION_METHODS:
        raise UsageError(
            f"Expected a segmentation method: {', '.join(SEGMENTATION_METHODS)}. Received: {method!r}.",
            hint=f"For example: {DEFAULT_METHOD}",
        )
    if crop:
        return Framing(kind="crop", method=method, margin=CROP_MARGIN, equalize=equalize)
    return Framing(kind="mask", method=method)


def framing_of_segment(fields: dict[str, Any]) -> dict[str, Any]:
    """Give the fields of a record its framing, in place of `segment`, the method of a mask, of earlier versions."""
    if "framing" in fields:  # of a later version
        return fields
    method = fields.get("segment")
    framing = {"kind": "mask", "method": method} if method else None
    return {name: value for name, value in fields.items() if name != "segment"} | {"framing": framing}


def _cropped(film: "np.ndarray", rows: "Span", columns: "Span", framing: Framing) -> "tuple[np.ndarray, FilmBox]":
    """Crop a film to rows and columns, with a margin within the film."""
    height, width = film.shape
    top, bottom = _widened(rows, height, framing.margin)
    left, right = _widened(columns, width, framing.margin)
    part, box = film[top:bottom, left:right], (left / width, top / height, right / width, bottom / height)
    return equalize(part) if framing.equalize else part, box


def _span(occupied: "np.ndarray") -> "Span":
    """From the first to after the last place of a mask's (n,) bool side."""
    places = occupied.nonzero()[0]
    return int(places[0]), int(places[-1]) + 1


def _widened(span: "Span", side: int, margin: float) -> "Span":
    first, last = span
    more = round(margin * (last - first))
    return max(0, first - more), min(side, last + more)
