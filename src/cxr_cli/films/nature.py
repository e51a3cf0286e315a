"""What a file says of its picture besides the gray levels: colors, and the header of a DICOM file."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from cxr_cli.films import dicom
from cxr_cli.films.pictures import FORMATS
from cxr_cli.films.silence import READING

if TYPE_CHECKING:
    from pydicom import Dataset

# Modalities of radiographs, and of pictures whose file doesn't say how they were made (PS3.3, C.7.3.1.1.1).
_RADIOGRAPHS = {"", "CR", "DX", "DR", "RG", "RF", "XA", "XR", "OT", "SC", "HC"}
# Body parts other than the chest (PS3.16, annex L), as devices write them. An unknown word is no objection.
# fmt: off
_OTHER_PARTS = {
    "ABDOMEN", "ANKLE", "ARM", "BRAIN", "BREAST", "CALCANEUS", "CALF", "CERVIX", "COCCYX", "CSPINE", "ELBOW",
    "EXTREMITY", "EYE", "FACE", "FEMUR", "FINGER", "FOOT", "FOREARM", "HAND", "HEAD", "HIP", "HUMERUS", "JAW",
    "KNEE", "LEG", "LOWLIMB", "LSPINE", "MANDIBLE", "MAXILLA", "NECK", "ORBIT", "PELVIS", "SACRUM", "SHOULDER",
    "SINUS", "SKULL", "TEETH", "THIGH", "THUMB", "TIBIA", "TOE", "UPLIMB", "WRIST", "ZYGOMA",
}
# fmt: on
_LATERAL = {"LL", "RL", "LAT", "LATERAL", "LEFT LATERAL", "RIGHT LATERAL"}  # not LLD and RLD, which are frontal
# Root mean square of what the gray level doesn't explain of red and blue, in gray levels. At most 10 in 613 films of
# the ieee8023 collection, where some are photographs of a screen and some have arrows in color; most photographs of
# other things have more.
_MOST_COLOR = 16.0
_SIDE = 64  # pixels, at which colors are looked at


def why_no_chest_film(path: Path) -> str:
    """Say why a picture can't be a frontal chest film, as far as its file tells.

    Args:
        path: a film that `read_film` can read.

    Returns:
        The reason, in a few words; empty if the file has nothing against it.
    """
    with READING, path.open("rb") as stream:
        return _of_header(path) if dicom.is_dicom(stream.read(132)) else _of_colors(path)


def _of_header(path: Path) -> str:
    import pydicom

    names = ["Modality", "BodyPartExamined", "ViewPosition"]
    data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(names), force=True)
    modality, part, view = (_text(data, name) for name in names)
    if modality not in _RADIOGRAPHS:
        return f"the DICOM file says modality {modality}, not a radiograph"
    if part in _OTHER_PARTS:
        return f"the DICOM file says body part {part}, not chest"
    if view in _LATERAL:
        return f"the DICOM file says view {view}, not frontal"
    return ""


def _text(data: "Dataset", name: str) -> str:
    """An element as text, in capitals; empty where its value doesn't fit the type that the file gives it."""
    try:
        return str(data.get(name) or "").strip().upper()
    except Exception:  # noqa: BLE001 - pydicom raises many kinds
        return ""


def _of_colors(path: Path) -> str:
    with ExitStack() as stack:
        try:
            picture = stack.enter_context(Image.open(path, formats=FORMATS))
        except UnidentifiedImageError:  # a JPEG of more than 8 bits, which `read_film` decodes without Pillow
            return ""
        if picture.mode not in {"RGB", "RGBA", "P", "PA", "CMYK", "YCbCr"}:
            return ""
        picture.draft("RGB", (_SIDE, _SIDE))  # only JPEG has drafts
        small = picture.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
    colors = np.asarray(small, dtype=np.float64).reshape(-1, 3)
    gray = colors @ (0.299, 0.587, 0.114)
    tints = colors[:, [0, 2]] - gray[:, None]
    # A film that is photographed or printed may have a tint, but the same one wherever it is as bright.
    curve = np.stack([np.ones_like(gray), gray, gray**2], axis=1)
    rest = tints - curve @ np.linalg.lstsq(curve, tints, rcond=None)[0]
    return "a picture in colors" if float(np.sqrt((rest**2).mean())) > _MOST_COLOR else ""
