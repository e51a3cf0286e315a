"""DICOM films, through pydicom, the reference reader."""

from pathlib import Path

import numpy as np

from cxr_cli.errors import ImageError
from cxr_cli.films.transforms import stretch

_HINT = "Give one radiograph (modality CR, DX or RF) as uncompressed or JPEG DICOM, or export it as PNG"


def is_dicom(head: bytes) -> bool:
    """Whether a file's first 132 bytes are those of a DICOM file (PS3.10, 7.1)."""
    return head[128:132] == b"DICM"


def read(path: Path) -> np.ndarray:
    """Read one DICOM film as a workstation would show it: rescaled, windowed, MONOCHROME1 inverted.

    Returns:
        (H, W) uint8, 0 is black.

    Raises:
        ImageError: no pixels, several frames, or a compression that can't be read.
    """
    import pydicom
    from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

    try:
        data = pydicom.dcmread(path)
        pixels = data.pixel_array
        if pixels.ndim == 3 and data.get("SamplesPerPixel") == 3:
            pixels = pixels.mean(axis=-1)
        if pixels.ndim != 2:
            raise ImageError(
                f"Expected one film. Received: {path} holds {pixels.shape[0]} frames.",
                hint=_HINT,
            )
        # Several windows are alternatives to look at: the first is the one shown.
        shown = apply_voi_lut(apply_modality_lut(pixels, data), data, index=0)
        film = stretch(np.asarray(shown, dtype=np.float32))
    except ImageError:
        raise
    # pydicom and its decoders raise many kinds for a broken file (KeyError, RuntimeError, struct.error, …).
    except Exception as error:
        raise ImageError(f"Expected a DICOM film. Received: {path}: {error}.", hint=_HINT) from error
    return 255 - film if data.get("PhotometricInterpretation") == "MONOCHROME1" else film
