"""DICOM films whose headers have a distinct value in every identifying attribute, and a search for those values.

`confidential_tags.csv` lists the attributes of DICOM PS3.15 2026c, table E.1-1 (basic application level confidentiality
profile), without the repeating groups of curves and overlays, which `Planted.film` adds. Tags and names are those of
the standard; a VR is that of PS3.6, or a guess where an attribute is too new for pydicom's dictionary.
"""

import base64
import csv
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

MARK = "ZQX7K"  # in every planted text
_UID = "1.2.826.0.1.3680043.99.7"  # every planted UID begins with it
TAGS = Path(__file__).with_name("confidential_tags.csv")
_BINARY = {"OB", "OW", "UN"}


@dataclass
class Planted:
    """What was planted: value -> where."""

    values: dict[str, str] = field(default_factory=dict)

    def add(self, value: str, where: str) -> str:
        self.values[value] = where
        return value

    def found_in(self, data: bytes) -> set[str]:
        """Where the values come from that are in `data`, whatever the case."""
        low = data.lower()
        marked = _has_mark(low)  # all texts have the mark, and all UIDs their beginning
        found = {
            f"{value} of {where}"
            for value, where in self.values.items()
            if (marked if value.startswith((MARK, _UID)) else _has_number(low, value.encode()))
            and value.lower().encode() in low
        }
        return found or ({"part of a planted value"} if marked else set())

    def found_below(self, folder: Path) -> dict[str, set[str]]:
        """By file, the values in its name or content, also within archives and embedded pictures."""
        found = {}
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                parts = [str(path.relative_to(folder)).encode(), *contents(path.read_bytes())]
                if leaks := set().union(*map(self.found_in, parts)):
                    found[str(path)] = leaks
        return found

    def film(self, path: Path, pixels: np.ndarray, number: int, **further: object) -> Dataset:
        """Write a film, (H, W) uint8, as DICOM with a planted value in every identifying attribute.

        Args:
            path: the file.
            pixels: the film.
            number: of the film; identifiers and names have it, so that they differ between films.
            **further: attributes to set in the end, by keyword.

        Returns:
            What was written.
        """
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
        with TAGS.open(encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                tag = int(row["tag"], 16)
                if tag >> 16 not in {0x0000, 0x0002}:  # of messages, not of files; and of the file's own header, below
                    _plant_one(data, tag, row["vr"], self, row["name"])
        for group in (0x5000, 0x6000, 0x601E):  # curves and overlays
            _plant_one(data, group << 16 | 0x3000, "OB", self, "curve or overlay data")
            _plant_one(data, group << 16 | 0x4000, "LT", self, "overlay comments")
        block = data.private_block(0x0009, self.add(f"{MARK}PRIVATE", "private creator"), create=True)
        block.add_new(1, "LO", self.add(f"{MARK}PRIVATELO", "private attribute"))
        block.add_new(2, "UN", self.add(f"{MARK}PRIVATEUN", "private attribute").encode() + b" ")

        data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, self.add(f"{_UID}.{number}", "the film")
        meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        data.PatientID = self.add(f"{MARK}ID{number // 2}", "patient ID")
        data.PatientName = self.add(f"{MARK}FAMILY^{MARK}GIVEN{number // 2}", "name")
        data.AccessionNumber = self.add(f"{MARK}ACC{number}", "accession number")
        data.PatientSex, data.PatientAge = "FM"[number % 2], f"{40 + number % 50:03d}Y"
        data.Modality, data.BodyPartExamined, data.ViewPosition = "DX", "CHEST", "PA"
        data.PhotometricInterpretation, data.SamplesPerPixel = "MONOCHROME2", 1
        data.Rows, data.Columns = pixels.shape
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
        data.PixelData = pixels.tobytes() + bytes(pixels.size % 2)
        for name, value in further.items():
            setattr(data, name, value)
        path.parent.mkdir(parents=True, exist_ok=True)
        pydicom.dcmwrite(path, data, enforce_file_format=True)
        return data

    def archive(self, metadata: Path, folder: Path, *, films: int) -> Path:
        """Write the first films of a metadata file as DICOM, in folders and files that are named like patients.

        The films are small. Every other one has no suffix.

        Returns:
            A table of their findings, beside the folder.
        """
        rows = csv.DictReader(metadata.read_text(encoding="utf-8").splitlines())
        images = ((metadata.parent / row["folder"] / row["filename"], row["finding"]) for row in rows)
        there = islice(((image, finding) for image, finding in images if image.is_file()), films)
        folder.mkdir()
        table = folder.parent / "findings.csv"
        with table.open("w", newline="") as stream:
            write = csv.writer(stream).writerow
            write(["Accession Number", "Finding"])
            for number, (image, finding) in enumerate(there):
                picture = Image.open(image).convert("L")
                picture.thumbnail((200, 200))
                home = folder / self.add(f"{MARK}FOLDER^{number // 2}", "folder")
                data = self.film(home / f"{MARK}FILE{number}{'.dcm' * (number % 2)}", np.asarray(picture), number)
                write([data.AccessionNumber, finding])
        return table


def _has_mark(low: bytes) -> bool:
    return MARK.lower().encode() in low or _UID.encode() in low


def _has_number(low: bytes, value: bytes) -> bool:
    """Whether a date or number is there by itself: in the digits of longer numbers and hashes, chance may put it."""
    return value in low and bool(re.search(rb"(?<![0-9a-f.])" + re.escape(value) + rb"(?![0-9a-f])", low))


def contents(data: bytes) -> Iterator[bytes]:
    """`data`, and what is packed in it: members of a zip (.npz, .keras), and data URIs of a page."""
    yield data
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from contents(archive.read(name))
    for text in re.findall(rb";base64,([A-Za-z0-9+/=]+)", data):
        yield from contents(base64.b64decode(text))


def _plant_one(data: Dataset, tag: int, vr: str, planted: Planted, name: str) -> None:
    number = tag % 9_999_991  # distinct, with at most 7 digits
    text = f"{MARK}{tag:08X}"
    dates = f"19{number % 97:02d}{1 + number % 11:02d}{1 + number % 28:02d}"
    values: dict[str, str] = {
        "UI": f"{_UID}.{tag}",
        "DA": dates,
        "TM": f"{number % 24:02d}{number % 60:02d}07.{number:07d}"[:13],
        "DT": f"{dates}0{number % 10}{number % 60:02d}09.{number:07d}"[:21],
        "DS": f"{number}.5719",
        "IS": f"9{number:07d}",
        "UR": f"http://{text}.example",
    }
    if vr == "SQ":
        inner, innermost = Dataset(), Dataset()
        inner.PatientName = planted.add(f"{text}N", f"{name}, a name in it")
        inner.CodeMeaning = planted.add(f"{text}C", f"{name}, a code in it")
        innermost.InstitutionName = planted.add(f"{text}I", f"{name}, an institution two levels down")
        inner.RequestAttributesSequence = [innermost]
        data.add_new(tag, vr, [inner])
    elif vr in {"AS", "US"}:  # too short to be found again: of them, only the patient's age is read
        data.add_new(tag, vr, "041Y" if vr == "AS" else 7)
    else:
        value = planted.add(values.get(vr, text), name)
        data.add_new(tag, vr, value.encode() + bytes(len(value) % 2) if vr in _BINARY else value)


@pytest.fixture
def planted() -> Planted:
    """Plants values in DICOM films, and finds them again."""
    return Planted()


@pytest.fixture(scope="session")
def kept_planted() -> Planted:
    """The same for films that several tests read."""
    return Planted()
