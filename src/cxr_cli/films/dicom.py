"""DICOM films, through pydicom, the reference reader."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cxr_cli.errors import ImageError
from cxr_cli.films.transforms import scale, stretch

if TYPE_CHECKING:
    from pydicom import Dataset

_HINT = "Give one radiograph (modality CR, DX or RF) as uncompressed or JPEG DICOM, or export it as PNG"


def is_dicom(head: bytes) -> bool:
    """Whether a file's first 132 bytes are those of a DICOM file (PS3.10, 7.1)."""
    return head[128:132] == b"DICM"


def read(path: Path) -> np.ndarray:
    """Read one DICOM film as a workstation shows it when it is opened.

    Stored values are rescaled, then mapped to gray by the VOI lookup table or, without one, by the first window
    (PS3.3, C.11.1 and C.11.2); MONOCHROME1 is inverted last. A film with neither is taken as it is if it has 8 bits or
    fewer, and stretched (see `stretch`) if it has more, as in every other format. Color becomes gray (ITU-R 601).

    Returns:
        (H, W) uint8, 0 is black.

    Raises:
        ImageError: the file has no pixels, several frames, or a compression that can't be read.
    """
    import pydicom

    try:
        data = pydicom.dcmread(path)
        pixels = data.pixel_array  # YBR comes as RGB
        if pixels.ndim == 3 and data.get("SamplesPerPixel") == 3:
            return _gray_of_color(pixels, data)
        if pixels.ndim != 2:
            raise ImageError(f"Expected one film. Received: {path} holds {pixels.shape[0]} frames.", hint=_HINT)
        film = _displayed(pixels, data)
    except ImageError:
        raise
    # pydicom and its decoders raise many kinds for a broken file (KeyError, RuntimeError, struct.error, …).
    except Exception as error:
        raise ImageError(f"Expected a DICOM film. Received: {path}: {error}.", hint=_HINT) from error
    return 255 - film if data.get("PhotometricInterpretation") == "MONOCHROME1" else film


def _gray_of_color(pixels: np.ndarray, data: "Dataset") -> np.ndarray:
    """(H, W, 3) RGB -> (H, W) uint8; of more than 8 bits the upper 8 count, as Pillow reads a PNG."""
    upper = pixels >> max(int(data.BitsStored) - 8, 0)
    return np.asarray(Image.fromarray(upper.astype(np.uint8)).convert("L"))


def _displayed(pixels: np.ndarray, data: "Dataset") -> np.ndarray:
    """(H, W) stored values -> (H, W) uint8, the lowest value black."""
    from pydicom.pixels.processing import apply_modality_lut, apply_voi

    values = np.asarray(apply_modality_lut(pixels, data))
    table = (data.get("VOILUTSequence") or [None])[0]
    if table is not None and "LUTDescriptor" in table and "LUTData" in table:
        gray = apply_voi(np.rint(values).astype(np.int64), data)
        return scale(gray, 0, 2 ** int(table.LUTDescriptor[2]) - 1)
    if None not in (data.get("WindowCenter"), data.get("WindowWidth")):
        return _windowed(values, data)
    bits = int(data.get("BitsStored", 16))
    if bits <= 8:
        lowest = -(2 ** (bits - 1)) if data.PixelRepresentation else 0
        black, white = sorted(apply_modality_lut(np.array([lowest, lowest + 2**bits - 1]), data).tolist())
        return scale(values, black, white)
    return stretch(values.astype(np.float32))


def _windowed(values: np.ndarray, data: "Dataset") -> np.ndarray:
    """Apply the first window by its function: LINEAR, LINEAR_EXACT or SIGMOID (PS3.3, C.11.2.1.2 and C.11.2.1.3)."""
    from pydicom import Dataset
    from pydicom.pixels.processing import apply_windowing

    # pydicom maps a window to the range of the stored values. Of 8 bits, that is the range of what is displayed.
    display = Dataset()
    display.PhotometricInterpretation, display.BitsStored, display.PixelRepresentation = "MONOCHROME2", 8, 0
    for name in ("WindowCenter", "WindowWidth", "VOILUTFunction"):
        if data.get(name) not in (None, ""):
            display[name] = data[name]
    return scale(apply_windowing(values, display), 0, 255)
