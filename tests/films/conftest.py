"""Small films of seeded noise, and DICOM films of any kind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid


@pytest.fixture
def pixels() -> np.ndarray:
    """(40, 56) uint8 noise that contains both 0 and 255."""
    noise = np.random.default_rng(5).integers(1, 255, (40, 56)).astype(np.uint8)
    noise[7, 9], noise[8, 11] = 0, 255
    return noise


@pytest.fixture(scope="session")
def write_dicom() -> Callable[..., None]:
    """A function that writes a DICOM film."""
    return _write_dicom


def _write_dicom(
    path: Path,
    stored: np.ndarray,
    *,
    bits: int,
    photometric: str = "MONOCHROME2",
    syntax: str = ExplicitVRLittleEndian,
    frames: list[bytes] | None = None,
    **tags: object,
) -> None:
    """Write a DICOM film.

    Args:
        path: the file.
        stored: (H, W), (frames, H, W) or (H, W, 3).
        bits: stored of each pixel.
        photometric: how the values are meant.
        syntax: its transfer syntax.
        frames: its compressed frames, in a syntax that has them.
        **tags: further elements.
    """
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    data = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.Modality, data.PhotometricInterpretation = "DX", photometric
    color = photometric in {"RGB", "YBR_FULL"}
    data.SamplesPerPixel = 3 if color else 1
    if color:
        data.PlanarConfiguration = 0
    elif stored.ndim == 3:
        data.NumberOfFrames = len(stored)
    data.Rows, data.Columns = stored.shape[:2] if color else stored.shape[-2:]
    data.BitsAllocated, data.BitsStored, data.HighBit = 8 * stored.dtype.itemsize, bits, bits - 1
    data.PixelRepresentation = int(np.issubdtype(stored.dtype, np.signedinteger))
    if frames:
        data.PixelData = encapsulate(frames)
        data["PixelData"].VR = "OB"
    else:
        order = ">" if syntax == pydicom.uid.ExplicitVRBigEndian else "<"
        data.PixelData = stored.astype(stored.dtype.newbyteorder(order)).tobytes()
        data["PixelData"].VR = "OW"
    for name, value in tags.items():
        setattr(data, name, value)
    pydicom.dcmwrite(path, data, enforce_file_format=True)
