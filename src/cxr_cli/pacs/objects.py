"""What all DICOM objects that are written have in common: who made them, their names, and how they reach the disk."""

import hashlib
import io
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_cli.errors import ImageError
from cxr_cli.films.silence import READING
from cxr_cli.pacs.study_film import StudyFilm, read_study_film
from cxr_cli.prediction.predictor import Predictor
from cxr_cli.progress import note
from cxr_cli.workspace.files import write_bytes

if TYPE_CHECKING:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.coding_schemes import CodingSchemeIdentificationItem
    from highdicom.sr import AlgorithmIdentification, CodedConcept
    from pydicom import Dataset

MANUFACTURER = "cxr"
SERIES = "cxr, for research and teaching only, never a diagnosis"
_SCHEME = "99CXR"
_LONGEST = 64  # characters of a long string (LO), such as a code's meaning


@dataclass(frozen=True)
class Algorithm:
    """The model, or the method, that a DICOM object comes from."""

    name: str
    version: str
    model: Path | None = None  # its file
    settings: Mapping[str, object] | None = None  # how it decides

    @cached_property
    def sha256(self) -> str:
        """The hash of the model's file; empty for a method that has none."""
        return hashlib.sha256(self.model.read_bytes()).hexdigest() if self.model else ""

    @property
    def _parameters(self) -> dict[str, str]:
        hashed = {"sha256 of the model": self.sha256} if self.sha256 else {}
        return hashed | {name: str(value) for name, value in (self.settings or {}).items()}

    def in_image(self) -> "AlgorithmIdentificationSequence":
        """The algorithm, as images name it."""
        from highdicom import AlgorithmIdentificationSequence
        from pydicom.sr.codedict import codes

        return AlgorithmIdentificationSequence(
            short_text(self.name),
            family=codes.DCM.ArtificialIntelligence,
            version=short_text(self.version),
            source=MANUFACTURER,
            parameters=self._parameters,
        )

    def in_report(self) -> "AlgorithmIdentification":
        """The algorithm, as structured reports name it."""
        from highdicom.sr import AlgorithmIdentification
        from pydicom.sr.codedict import codes

        return AlgorithmIdentification(
            self.name,
            self.version,
            parameters=[f"{name}: {value}" for name, value in self._parameters.items()],
            family=codes.DCM.ArtificialIntelligence,
            manufacturer=MANUFACTURER,
        )

    def equipment(self) -> dict[str, Any]:
        """The arguments of highdicom that say which device makes an object."""
        return {
            "manufacturer": MANUFACTURER,
            "manufacturer_model_name": short_text(f"{self.name} {self.version}"),
            "software_versions": f"cxr {version('cxr-cli')}",
            "device_serial_number": self.sha256[:16] or "none",
        }


def new_instance(series_number: int) -> dict[str, Any]:
    """The arguments of highdicom that name a new object, in a series of its own."""
    from pydicom.uid import generate_uid

    return {
        "series_instance_uid": generate_uid(),
        "series_number": series_number,
        "sop_instance_uid": generate_uid(),
        "instance_number": 1,
    }


def own_scheme() -> "CodingSchemeIdentificationItem":
    """The scheme of `own_code`."""
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    return CodingSchemeIdentificationItem(_SCHEME, name="Codes of cxr", responsible_organization=MANUFACTURER)


def own_code(value: str, meaning: str) -> "CodedConcept":
    """A code of this package, for what no public scheme has a code for.

    Args:
        value: at most 16 characters.
        meaning: cut after 64 characters.
    """
    from highdicom.sr import CodedConcept

    return CodedConcept(value, _SCHEME, short_text(meaning))


def short_text(text: str) -> str:
    """Cut a text to what DICOM allows in a long string (LO), without its separator."""
    return text.replace("\\", "/")[:_LONGEST].strip()


class Objects:
    """Writes objects of films into a folder, each named by its own new UID, and counts them.

    Args:
        folder: where they go; created if it is missing.
        title: what is written of a film, in the plural.

    Attributes:
        written: number of films so far that have what `title` says.
        failed: why other films that have a result have none.
    """

    def __init__(self, folder: Path, title: str) -> None:
        self.folder = folder
        self.written = 0
        self.failed: list[ImageError] = []
        self._title = title

    def tell(self) -> None:
        """Say where the objects are, and of how many films."""
        films = "1 film" if self.written == 1 else f"{self.written} films"
        note(
            f"DICOM {self._title} of {films}: {self.folder}"
            if self.written
            else f"No DICOM {self._title} were written."
        )

    def _write(self, film: Path, *makers: Callable[[StudyFilm], "Dataset"]) -> None:
        """Make objects of a film and write them.

        Raises:
            WorkspaceError: they can't be written.
        """
        try:
            source = read_study_film(film)
            if source.fault:
                raise _refused(film, source.fault)
            made = [_encoded(source, make) for make in makers]
        except ImageError as error:
            self.failed.append(error)
            return
        for uid, data in made:
            write_bytes(self.folder / f"{uid}.dcm", data)
        self.written += 1


def _encoded(source: StudyFilm, make: Callable[[StudyFilm], "Dataset"]) -> tuple[str, bytes]:
    """The UID of a new object, and its file."""
    data = io.BytesIO()
    logging.getLogger("highdicom").setLevel(logging.CRITICAL)  # its lines may quote the header
    try:
        with READING:
            made = source.joined(make(source), description=SERIES)
            made.save_as(data, enforce_file_format=True)
    # The messages may quote the header.
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        fault = f"whose header has values that DICOM does not allow ({type(error).__name__})"
        raise _refused(source.film, fault) from None
    return str(made.SOPInstanceUID), data.getvalue()


def _refused(film: Path, fault: str) -> ImageError:
    return ImageError(f"Expected a film that a DICOM result can refer to. Received: {film}, {fault}.")


def algorithm_of_run(predictor: Predictor) -> Algorithm:
    """The run that predicts, as DICOM objects name it."""
    run, record = predictor.run, predictor.record
    rule = f" ({record.operating_point.rule})" if record.operating_point else ""
    settings = {"architecture": record.arch, "operating point": f"{record.threshold:.6f}{rule}"}
    if predictor.prevalence is not None:
        settings["prevalence"] = f"{predictor.prevalence:g}"
    return Algorithm(
        name=run.name,
        version=run.version or f"trained with cxr {record.versions['cxr-cli']}",
        model=run.litert_model,
        settings=settings,
    )
