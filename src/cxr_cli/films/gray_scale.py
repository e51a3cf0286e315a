"""From the stored values of a DICOM film to the gray levels that a workstation shows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cxr_cli.films.dicom_reasons import FaultyFilmError
from cxr_cli.films.transforms import darkest_and_brightest, scale, stripes

if TYPE_CHECKING:
    from pydicom import Dataset

# PS3.3, C.11.2.1.2 and C.11.2.1.3: value, center and width -> share of white
_VOI_FUNCTIONS = {
    "LINEAR": lambda value, center, width: (value - (center - 0.5)) / max(width - 1, 1e-9) + 0.5,
    "LINEAR_EXACT": lambda value, center, width: (value - center) / width + 0.5,
    "SIGMOID": lambda value, center, width: 1 / (1 + np.exp(np.clip(-4 * (value - center) / width, -700, 700))),
}


@dataclass(frozen=True)
class LookupTable:
    """A table of a DICOM file: the value for each input from `first` on; inputs beyond its ends get its end values."""

    first: int
    values: np.ndarray  # (N,) uint16 or uint8
    bits: int  # of its values, as the file says

    def look_up(self, inputs: np.ndarray) -> np.ndarray:
        """Give the value for each input, as float64."""
        places = np.rint(inputs).astype(np.int64) - self.first
        return np.asarray(self.values[places.clip(0, len(self.values) - 1)], dtype=np.float64)


@dataclass(frozen=True)
class GrayScale:
    """What a DICOM header says about how its pixels are shown."""

    stored: tuple[int, int]  # the lowest and the highest value that a pixel can have
    slope: float = 1
    intercept: float = 0
    modality: LookupTable | None = None  # instead of slope and intercept
    voi: LookupTable | None = None
    window: tuple[float, float, str] | None = None  # center, width and function; the table comes first
    padding: tuple[int, int] | None = None  # the first and the last stored value of what is no part of the film
    inverted: bool = False  # the lowest value is white: MONOCHROME1

    def show(self, pixels: np.ndarray) -> np.ndarray:
        """Map stored values to gray levels.

        They are rescaled, then mapped to gray by the VOI lookup table or, without one, by the window (PS3.3, C.11.1 and
        C.11.2); MONOCHROME1 is inverted last. A film with neither keeps its values if it has 8 bits or fewer, and is
        stretched from its darkest to its brightest value if it has more. Padding is black, and isn't stretched.

        Args:
            pixels: (H, W) of integers or floats.

        Returns:
            (H, W) uint8, 0 is black.
        """
        shown = np.empty(pixels.shape, np.uint8)
        if has_table(pixels):
            low, table = self.table(pixels)
            for rows in stripes(len(pixels)):
                shown[rows] = table[pixels[rows].astype(np.intp) - low]
            return shown
        ends = self._ends([pixels[rows] for rows in stripes(len(pixels))])
        for rows in stripes(len(pixels)):
            shown[rows] = self._gray(pixels[rows], *ends)
        return shown

    def table(self, pixels: np.ndarray) -> tuple[int, np.ndarray]:
        """The gray level of each stored value, as `show` gives it.

        Args:
            pixels: (H, W) of integers of at most 16 bits, see `has_table`.

        Returns:
            The lowest value, and (N,) uint8, a gray level for each value from it to the highest one.
        """
        low, high = int(pixels.min()), int(pixels.max())
        present = np.zeros(high - low + 1, bool)
        for rows in stripes(len(pixels)):
            present[pixels[rows].astype(np.intp).ravel() - low] = True
        levels = np.arange(low, high + 1)
        return low, self._gray(levels, *self._ends([levels[present]]))

    def rescaled_ends(self, low: int, high: int) -> tuple[float, float]:
        """What two stored values stand for, in the units of the window."""
        first, last = self._rescaled(np.array([low, high])).tolist()
        return first, last

    def _ends(self, parts: list[np.ndarray]) -> tuple[float, float]:
        """The values that become black and white, where neither a table nor a window says so."""
        if self.voi:
            return 0, 2**self.voi.bits - 1
        if self.window:
            return 0, 1
        if self.stored[1] - self.stored[0] < 256:
            black, white = sorted(self._rescaled(np.array(self.stored)).tolist())
            return black, white
        return darkest_and_brightest(self._rescaled(part[~self._is_padding(part)]) for part in parts)

    def _gray(self, stored: np.ndarray, black: float, white: float) -> np.ndarray:
        values = self._rescaled(stored)
        if self.voi:
            values = self.voi.look_up(values)
        elif self.window:
            center, width, function = self.window
            values = _VOI_FUNCTIONS[function](values, center, width)
        # Inverted before rounding, so that a film and its inverted copy are equal.
        gray = scale(values, white, black) if self.inverted else scale(values, black, white)
        gray[self._is_padding(stored)] = 0
        return gray

    def _rescaled(self, stored: np.ndarray) -> np.ndarray:
        if self.modality:
            return self.modality.look_up(stored)
        return stored.astype(np.float64) * self.slope + self.intercept

    def _is_padding(self, stored: np.ndarray) -> np.ndarray:
        if not self.padding:
            return np.zeros(stored.shape, bool)
        return (stored >= self.padding[0]) & (stored <= self.padding[1])


def has_table(pixels: np.ndarray) -> bool:
    """Whether stored values are few enough for a table with a gray level for each."""
    return pixels.dtype.kind in "iu" and pixels.dtype.itemsize <= 2


def read_gray_scale(data: "Dataset", frame: int) -> GrayScale:
    """Read from a DICOM header how its pixels are shown.

    Args:
        data: the header.
        frame: from 0; an enhanced file may say it for each frame.

    Raises:
        ValueError: a window or a table has a value that is out of range. pydicom raises further kinds for values that
            it can't read.
    """
    bits = int(data.get("BitsStored") or data.get("BitsAllocated") or 16)
    signed = bool(data.get("PixelRepresentation"))
    lowest = -(2 ** (bits - 1)) if signed else 0
    parts = [data, *_functional_groups(data, frame)]
    modality, voi = _table_of(parts, "ModalityLUTSequence", signed), _table_of(parts, "VOILUTSequence", signed)
    slope, intercept = _first(parts, "RescaleSlope"), _first(parts, "RescaleIntercept")
    return GrayScale(
        stored=(lowest, lowest + 2**bits - 1),
        slope=1 if slope is None else _number(slope),
        intercept=0 if intercept is None else _number(intercept),
        modality=modality,
        voi=voi,
        window=_window(parts),
        padding=_padding(data, bits, signed=signed),
        inverted=data.get("PhotometricInterpretation") == "MONOCHROME1",
    )


def _functional_groups(data: "Dataset", frame: int) -> list["Dataset"]:
    """The groups of an enhanced multi-frame file that say how a frame is shown (PS3.3, C.7.6.16)."""
    each = data.get("PerFrameFunctionalGroupsSequence") or []
    groups = [*each[frame : frame + 1], *(data.get("SharedFunctionalGroupsSequence") or [])]
    names = ("PixelValueTransformationSequence", "FrameVOILUTSequence")
    return [item for group in groups for name in names for item in group.get(name) or []]


def _first(parts: list["Dataset"], name: str) -> object:
    """The first value of an element, in the first part that has one; None without any."""
    for part in parts:
        value = part.get(name)
        value = value[0] if _is_list(value) and len(value) else value
        if value is not None and value != "" and not _is_list(value):
            return value
    return None


def _is_list(value: object) -> bool:
    from pydicom.multival import MultiValue

    return isinstance(value, list | tuple | MultiValue)


def _number(value: object) -> float:
    number = float(str(value))
    if not np.isfinite(number):
        raise FaultyFilmError(f"its header has {value} where a number is expected")
    return number


def _window(parts: list["Dataset"]) -> tuple[float, float, str] | None:
    center, width = _first(parts, "WindowCenter"), _first(parts, "WindowWidth")
    if center is None or width is None:
        return None
    function = str(_first(parts, "VOILUTFunction") or "LINEAR").upper()
    if function not in _VOI_FUNCTIONS:
        raise FaultyFilmError(f"its VOI LUT function is none of {', '.join(_VOI_FUNCTIONS)}")
    if _number(width) <= 0 or (function == "LINEAR" and _number(width) < 1):
        raise FaultyFilmError(f"its window has a width of {width}")
    return _number(center), _number(width), function


def _padding(data: "Dataset", bits: int, *, signed: bool) -> tuple[int, int] | None:
    value = data.get("PixelPaddingValue")
    if not isinstance(value, int):
        return None
    other = data.get("PixelPaddingRangeLimit")
    ends = [value, other if isinstance(other, int) else value]
    # The element's type may be that of the other sign.
    ends = [_as_signed(end, 16) if signed and end >= 2 ** (bits - 1) else end for end in ends]
    return min(ends), max(ends)


def _as_signed(value: int, bits: int) -> int:
    return value - 2**bits if value >= 2 ** (bits - 1) else value


def _table_of(parts: list["Dataset"], name: str, signed: bool) -> LookupTable | None:
    """The first table of a sequence (PS3.3, C.11.1.1 and C.11.2.1.1), if it is complete."""
    table = next((items[0] for part in parts if (items := part.get(name))), None)
    if table is None or "LUTDescriptor" not in table or "LUTData" not in table:
        return None
    count, first, bits = (int(value) for value in table.LUTDescriptor)
    count = (count & 0xFFFF) or 2**16
    data = table.LUTData
    if isinstance(data, bytes):
        order = "<" if table.original_encoding[1] is not False else ">"
        # 8-bit values are packed, two in a word, or have a word each.
        kind = np.dtype(np.uint8) if len(data) < 2 * count else np.dtype(f"{order}u2")
        values = np.frombuffer(data[: len(data) - len(data) % kind.itemsize], kind)
    else:
        values = np.atleast_1d(np.asarray(data, dtype=np.uint16))
    if not 1 <= bits <= 16 or len(values) < count:
        raise FaultyFilmError(
            f"its lookup table has {len(values)} values of {bits} bits, expected {count} of 8 to 16 bits"
        )
    return LookupTable(_as_signed(first, 16) if signed else first, values[:count], bits)
