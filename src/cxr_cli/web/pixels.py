"""A film for a viewer: its pixels at full depth, how they are shown at first, and what its header says of the film."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cxr_cli.dataset.headers import read_header
from cxr_cli.errors import ImageError
from cxr_cli.films.depth import read_deep_film
from cxr_cli.films.dicom import is_dicom
from cxr_cli.films.silence import READING

if TYPE_CHECKING:
    from pydicom import Dataset

LENGTH = 4  # bytes before the description that say how long it is, in little-endian order
# Numbers, and codes of a fixed list. No text that a person types: a name can stand in any of them. No name of the
# device or of its maker, no dates and no ages: together they can point to a hospital, a day and a patient.
_NUMBERS = {
    "BitsStored": "bits stored",
    "PixelSpacing": "pixel spacing, mm",
    "ImagerPixelSpacing": "imager pixel spacing, mm",
    "WindowCenter": "window center",
    "WindowWidth": "window width",
    "RescaleSlope": "rescale slope",
    "RescaleIntercept": "rescale intercept",
}
_PHOTOMETRIC = {"MONOCHROME1", "MONOCHROME2", "RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"}


class FilmPixels(msgspec.Struct, frozen=True):
    """What stands before the pixels."""

    width: int
    height: int
    depth: int  # bytes of a pixel: 1 or 2, in little-endian order
    steps: int  # values from 0 on; each has a byte in the table after this description, the gray level at first
    ends: Sequence[float]  # what the lowest and the highest value stand for, in the units of the file
    reduced: int  # how many pixels of the film became one, in a row
    tags: Sequence[tuple[str, str]]  # of a DICOM file: names and values


def write_for_viewer(path: Path, into: Path, *, name: str, at_most: int) -> None:
    """Write a film for a viewer: the length of its description, the description, the table and the pixels.

    Args:
        path: an image file.
        into: a file to write.
        name: the film's name, for messages.
        at_most: number of pixels; a larger film is reduced.

    Raises:
        ImageError: the film can't be read.
    """
    try:
        film, reduced = read_deep_film(path).reduced(at_most)
    except ImageError as error:
        raise ImageError(error.message.replace(str(path), name), hint=error.hint) from error
    height, width = film.values.shape
    described = msgspec.json.encode(
        FilmPixels(
            width,
            height,
            film.values.dtype.itemsize,
            len(film.shown),
            film.ends,
            reduced,
            list(_tags(path)),
        )
    )
    with into.open("xb") as file:
        file.write(len(described).to_bytes(LENGTH, "little") + described)
        file.write(film.shown.tobytes())
        file.write(film.values.astype(film.values.dtype.newbyteorder("<"), copy=False).tobytes())


def _tags(path: Path) -> Iterator[tuple[str, str]]:
    """What the header of a DICOM file says of the film, and nobody else."""
    with path.open("rb") as stream:
        if not is_dicom(stream.read(132)):
            return
    header = read_header(path)
    terms = {
        "modality": header.modality,
        "body part": header.body_part,
        "view": header.view,
        "side": header.side,
        "for processing": "yes" if header.raw else "",
        "text in the pixels": header.burned_in.lower(),
    }
    yield from ((name, value) for name, value in terms.items() if value)
    with READING:
        try:
            yield from _of_standard(path)
        except Exception:  # noqa: BLE001 - pydicom raises many kinds, and the film is shown all the same
            return


def _of_standard(path: Path) -> Iterator[tuple[str, str]]:
    import pydicom

    named = ["Rows", "Columns", "PhotometricInterpretation", *_NUMBERS]
    data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(named), force=True)
    yield "rows × columns", f"{int(data.Rows)} × {int(data.Columns)}"
    photometric = str(data.get("PhotometricInterpretation", ""))
    if photometric in _PHOTOMETRIC:
        yield "photometric", photometric
    for name, words in _NUMBERS.items():
        if number := _number(data, name):
            yield words, number
    syntax = data.file_meta.get("TransferSyntaxUID")
    if syntax is not None and syntax.is_transfer_syntax and not syntax.is_private:
        yield "transfer syntax", syntax.name


def _number(data: "Dataset", name: str) -> str:
    """One number, or two with a sign between; of a list of windows the first."""
    from pydicom.multival import MultiValue

    value = data.get(name)
    values = list(value) if isinstance(value, MultiValue) else [] if value is None else [value]
    numbers = [f"{float(one):.6g}" for one in values]
    return " × ".join(numbers[:2]) if name.endswith("Spacing") else numbers[0] if numbers else ""
