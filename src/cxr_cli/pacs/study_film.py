"""The film that a DICOM object refers to: its header comes in, the new object joins its patient and study."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_cli.errors import ImageError, UsageError
from cxr_cli.extras import require_modules
from cxr_cli.films.dicom import is_dicom
from cxr_cli.films.silence import READING

if TYPE_CHECKING:
    from pydicom import Dataset

_REFERRED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Rows", "Columns")
# A new object of a study repeats what the study's films say about the patient and the study, so that it is filed there.
_REPEATED = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
_OF_THE_IMAGE = (
    *("Modality", "PatientOrientation", "PixelSpacing", "ImagerPixelSpacing", "NumberOfFrames", "BurnedInAnnotation"),
    *("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"),
)


def require_dicom() -> None:
    """Refuse to work without the packages of the extra `dicom`.

    Raises:
        CxrError: one of them is not installed.
    """
    require_modules("highdicom", "imagecodecs", "pynetdicom", "dicomweb_client", needed_by="work with DICOM studies")


def check_study_films(films: Iterable[Path]) -> None:
    """Refuse films that have no study to which a DICOM object could refer. Unreadable files are left to the reader.

    Raises:
        CxrError: the extra `dicom` is not installed.
        UsageError: a film is no DICOM file, holds several frames, or its header names no study.
    """
    require_dicom()
    for film in films:
        if not film.is_file():  # a link to nothing, or a pipe, whose opening would wait
            continue
        try:
            with film.open("rb") as stream:
                head = stream.read(132)
        except OSError:
            continue
        if not head:
            continue
        if not is_dicom(head):
            raise UsageError(
                f"Expected DICOM films, because DICOM results refer to their studies. Received: {film}, which is no "
                "DICOM file.",
                hint="Name DICOM films only, or leave out --dicom-out",
            )
        try:
            source = read_study_film(film)
        except ImageError:
            continue
        if source.fault:
            raise UsageError(
                f"Expected films that a DICOM result can refer to. Received: {film}, {source.fault}.",
                hint="Leave out the film, or --dicom-out",
            )


@dataclass(frozen=True)
class StudyFilm:
    """What the header of a film says about itself, its patient and its study."""

    film: Path
    header: "Dataset"

    @property
    def fault(self) -> str:
        """Why no object can refer to the film, in words; empty if one can."""
        missing = [name for name in _REFERRED if not self.header.get(name)]
        if missing:
            return f"whose header lacks {', '.join(missing)}"
        invalid = [name for name in _REFERRED if name.endswith("UID") and not is_uid(str(self.header[name].value))]
        if invalid:
            return f"whose header has no valid {', '.join(invalid)}"
        frames = int(self.header.get("NumberOfFrames") or 1)
        return f"which holds {frames} frames" if frames > 1 else ""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.header.Rows), int(self.header.Columns)

    @property
    def orientation(self) -> list[str]:
        """Where in the patient the rows and the columns lead, as ["L", "F"]; empty if the film doesn't say."""
        return [str(part) for part in self.header.get("PatientOrientation") or []]

    @property
    def spacing(self) -> list[float]:
        """Distance of two pixels in mm, down and across; 1 if the film doesn't say."""
        return [float(mm) for mm in self.header.get("PixelSpacing") or self.header.get("ImagerPixelSpacing") or (1, 1)]

    def referred(self) -> "Dataset":
        """A header to refer to: all that highdicom needs of a film, and nothing about the patient.

        What it says about the patient is set later, by `joined`: highdicom checks such values, and logs those that it
        doubts, with the patient's name.
        """
        from pydicom import Dataset

        bare = Dataset()
        for name in (*_REFERRED, *(name for name in _OF_THE_IMAGE if name.startswith("Lossy"))):
            if name in self.header:
                bare[name] = self.header[name]
        for name in _REPEATED:
            setattr(bare, name, "")
        bare.Modality = str(self.header.get("Modality") or "OT")
        return bare

    def joined(self, made: "Dataset", *, description: str) -> "Dataset":
        """Add to a new object what it has in common with the film.

        Args:
            made: the object. It is changed.
            description: of its series, at most 64 characters.
        """
        from pydicom import config
        from pydicom.datadict import dictionary_VR
        from pydicom.dataelem import DataElement
        from pydicom.tag import Tag

        for name in _REPEATED:
            tag, value = Tag(name), self.header.get(name)
            if value is None and name == "IssuerOfPatientID":
                made.pop(tag, None)
                continue
            # As it is, valid or not: the study's other objects have it so.
            text = "" if value is None else str(value)
            made[tag] = DataElement(tag, dictionary_VR(tag), text, validation_mode=config.IGNORE)
        made.SpecificCharacterSet = "ISO_IR 192"
        made.SeriesDescription = description
        if "Rows" in made:
            made.BodyPartExamined = "CHEST"
            made.PatientOrientation = self.orientation or ""
        return made


def is_uid(text: str) -> bool:
    """Whether a text is a UID: digits and dots, at most 64."""
    return 0 < len(text) <= 64 and set(text) <= set("0123456789.")


def read_study_film(film: Path) -> StudyFilm:
    """Read the header of a DICOM film.

    Raises:
        ImageError: it can't be read.
    """
    import pydicom

    wanted = [*_REFERRED, *_REPEATED, *_OF_THE_IMAGE, "SpecificCharacterSet"]
    try:
        with READING:
            header = pydicom.dcmread(film, stop_before_pixels=True, specific_tags=wanted, force=True)
            header.decode()
            for name in wanted:  # values are read when they are first asked for
                header.get(name)
    # pydicom raises many kinds for a broken file, and its messages may quote the header.
    except Exception as error:  # noqa: BLE001
        raise ImageError(
            f"Expected a DICOM film. Received: {film}, whose header can't be read ({type(error).__name__}).",
            hint="Export the film again",
        ) from None
    return StudyFilm(film, header)
