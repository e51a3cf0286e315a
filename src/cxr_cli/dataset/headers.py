"""Read the header of one DICOM file: a few attributes, as terms of fixed lists wherever they may be written.

A value as it stands in the file may be anything, also a name in the wrong place. What is written of it is a term that
this module knows, or nothing.
"""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_cli.films.dicom import is_dicom
from cxr_cli.films.silence import READING

if TYPE_CHECKING:
    from pydicom import Dataset

_ATTRIBUTES = (
    *("SOPInstanceUID", "AccessionNumber", "PatientID", "PatientName", "PatientBirthDate", "InstitutionName"),
    *("StudyDate", "StudyTime", "AcquisitionTime", "InstanceNumber", "PatientAge", "PatientSex", "Modality"),
    *("BodyPartExamined", "ViewPosition", "ViewCodeSequence", "SeriesDescription", "Laterality", "ImageLaterality"),
    *("PresentationIntentType", "BurnedInAnnotation", "NumberOfFrames", "Rows", "SOPClassUID"),
)
_INDEX = "1.2.840.10008.1.3.10"  # SOP class of a DICOMDIR
OTHER = "other"  # a value that is in none of the lists
_UNREADABLE = "its header can't be read"

# Word in the header -> what is written.
_MODALITIES = {
    name: name
    for name in (
        *("CR", "DX", "RF", "RG", "XA", "MG", "IO", "PX", "CT", "MR", "US", "NM", "PT", "OT", "SC", "BMD"),
        *("SR", "PR", "KO", "SEG", "DOC", "ECG", "ES", "GM", "SM", "XC", "RTIMAGE", "RTSTRUCT", "RTDOSE", "RTPLAN"),
    )
}
_BODY_PARTS = {
    **dict.fromkeys(("CHEST", "THORAX", "LUNG", "LUNGS", "TORAX", "TORACE"), "chest"),
    **{
        name.upper(): name
        for name in (
            *("abdomen", "pelvis", "hip", "knee", "leg", "foot", "ankle", "hand", "finger", "wrist", "arm", "forearm"),
            *("elbow", "shoulder", "clavicle", "sternum", "rib", "ribs", "spine", "cspine", "tspine", "lspine"),
            *("skull", "head", "neck", "jaw", "breast", "heart", "extremity", "femur", "humerus", "toe", "whole body"),
        )
    },
}
_VIEWS = {
    "PA": "PA",
    "AP": "AP",
    **dict.fromkeys(("LL", "RL", "LAT", "LATERAL"), "L"),
    **dict.fromkeys(("OBLIQUE", "OBL", "RLO", "LLO", "RAO", "LAO", "RPO", "LPO"), "oblique"),
    **dict.fromkeys(("DECUBITUS", "DECUB", "RLD", "LLD"), "decubitus"),
    "LORDOTIC": "lordotic",
}
_DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}  # of the units of an age
_OLDEST = 90  # ages above it single people out: they count as this one


@dataclass(frozen=True, slots=True)
class FilmHeader:
    """What is used of the header of a DICOM file."""

    path: Path
    problem: str = ""  # why it is no image; empty if it is one
    size: int = 0  # of the file, in bytes
    # What identifies people and places. None of it may be written.
    uid: str = ""  # of the image (SOPInstanceUID)
    accession: str = ""
    patient: str = ""  # the ID, or else name and birth date
    institution: str = ""
    moment: tuple[str, ...] = ()  # date and times, which sort the films of a patient
    # Terms of fixed lists. Empty where the header says nothing.
    modality: str = ""
    body_part: str = ""
    view: str = ""
    side: str = ""  # L, R, or B for both
    sex: str = ""  # M, F or O
    age: str = ""  # in whole years; 90 stands for all ages from 90
    frames: int = 1
    raw: bool = False  # for processing: not yet what a workstation shows
    burned_in: str = ""  # YES or NO: whether the pixels show text about the patient

    @property
    def unreadable(self) -> bool:
        """Whether it may be a film, but is damaged."""
        return self.problem == _UNREADABLE


def read_header(path: Path) -> FilmHeader:
    """Read what is used of the header of a DICOM file, and none of its pixels. Never raises, and never warns."""
    import pydicom

    try:
        if not path.is_file():  # opening a pipe could wait for ever
            return FilmHeader(path, "not a file")
        with path.open("rb") as stream:
            if not is_dicom(stream.read(132)):
                return FilmHeader(path, "not a DICOM file")
            size = os.fstat(stream.fileno()).st_size
        with READING:
            # Forced: files without a preamble are read too, once `is_dicom` knows them.
            data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_ATTRIBUTES), force=True)
            if data.file_meta.get("MediaStorageSOPClassUID") == _INDEX:
                return FilmHeader(path, "an index of DICOM files (DICOMDIR)")
            return _used(path, data, size)
    # pydicom raises many kinds for a broken file, and their texts quote values of the header.
    except Exception:  # noqa: BLE001
        return FilmHeader(path, _UNREADABLE)


def _used(path: Path, data: "Dataset", size: int) -> FilmHeader:
    value = {name: _text(data, name) for name in _ATTRIBUTES if name != "ViewCodeSequence"}
    if not value["Rows"]:
        return FilmHeader(path, _UNREADABLE if _should_be_image(data, value["SOPClassUID"]) else "holds no image")
    frames = value["NumberOfFrames"]
    number = value["InstanceNumber"]
    return FilmHeader(
        path,
        size=size,
        uid=value["SOPInstanceUID"],
        accession=value["AccessionNumber"],
        patient=value["PatientID"] or _person(value),
        institution=value["InstitutionName"].casefold(),
        moment=(value["StudyDate"], value["StudyTime"], value["AcquisitionTime"], number.zfill(9)),
        modality=_term(value["Modality"], _MODALITIES),
        body_part=_term(value["BodyPartExamined"], _BODY_PARTS),
        view=_view(value["ViewPosition"], _code_meaning(data), value["SeriesDescription"]),
        side=next((side for name in ("ImageLaterality", "Laterality") if (side := value[name]) in set("LRB")), ""),
        sex=value["PatientSex"] if value["PatientSex"] in set("MFO") else "",
        age=_age(value["PatientAge"], value["PatientBirthDate"], value["StudyDate"]),
        frames=int(frames) if frames.isdecimal() else 1,
        raw=value["PresentationIntentType"] == "FOR PROCESSING",
        burned_in=value["BurnedInAnnotation"] if value["BurnedInAnnotation"] in {"YES", "NO"} else "",
    )


def _should_be_image(data: "Dataset", kind: str) -> bool:
    """Whether a file without rows was an image once: its kind is one, or is lost. A report, for example, is none."""
    from pydicom.uid import UID

    kind = kind or str(data.file_meta.get("MediaStorageSOPClassUID", ""))
    return not kind or "Image Storage" in UID(kind).name


def _text(data: "Dataset", name: str) -> str:
    """A value as text, several ones with spaces between; empty where it is missing or broken."""
    from pydicom.multival import MultiValue

    try:
        value = data.get(name)
        text = " ".join(map(str, value)) if isinstance(value, MultiValue) else str(value)
    except Exception:  # noqa: BLE001 - as in `read_header`
        return ""
    return "" if value is None else " ".join(text.replace("\0", " ").split())


def _code_meaning(data: "Dataset") -> str:
    try:
        return _text(data.ViewCodeSequence[0], "CodeMeaning")
    except Exception:  # noqa: BLE001 - it is missing, or broken
        return ""


def _person(value: Mapping[str, str]) -> str:
    """Name a patient without an ID by name and birth date, if both are there."""
    name = " ".join(re.split(r"[\^=\s]+", value["PatientName"].casefold())).strip()
    return f"{name} {value['PatientBirthDate']}" if name and value["PatientBirthDate"] else ""


def _words(text: str) -> Collection[str]:
    return set(re.findall(r"[A-Z]+", text.upper()))


def _term(text: str, terms: Mapping[str, str]) -> str:
    """The term that one of the words of `text` stands for; other words stand for `OTHER`, none for nothing."""
    known = [terms[word] for word in sorted(_words(text)) if word in terms]
    return known[0] if known else OTHER if text else ""


def _view(*texts: str) -> str:
    """The view that the first text with a view names; nothing if it names two."""
    for text in texts:
        short = re.sub(r"post[a-z]*[\s-]*ant[a-z]*", " PA ", text, flags=re.IGNORECASE)
        short = re.sub(r"ant[a-z]*[\s-]*post[a-z]*", " AP ", short, flags=re.IGNORECASE)
        named = {_VIEWS[word] for word in _words(short) if word in _VIEWS} or ({"L"} if text == "L" else set())
        if named:
            view = named.pop() if len(named) == 1 else ""
            supine = any("SUPINE" in _words(other) for other in texts)
            return "AP Supine" if view == "AP" and supine else view
    return ""


def _age(age: str, birth: str, study: str) -> str:
    """An age in whole years, from the patient's age or else from two dates; ages above 90 count as 90."""
    if given := re.fullmatch(r"(\d{1,3}) ?([DWMY]?)", age.upper()):
        years = int(int(given[1]) * _DAYS[given[2] or "Y"] / _DAYS["Y"] + 1e-9)
    elif all(re.fullmatch(r"\d{8}", date) for date in (birth, study)):
        years = (int(study) - int(birth)) // 10_000  # as digits, YYYYMMDD, they differ by full years
    else:
        return ""
    return str(min(years, _OLDEST)) if 0 <= years <= 130 else ""
