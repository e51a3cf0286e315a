"""DICOM films of two studies, with a value planted in each field that says who the patient is."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

from cxr_cli.bundled import files
from cxr_cli.prediction.predictor import open_predictor
from cxr_cli.rendering.render import render
from cxr_cli.workspace.folders import RunFolder

MODEL = Path(files.__file__).parent / "model"  # in the package; other tests run without it
SENDERS = "/usr/bin:/usr/local/bin"  # where DCMTK is, and not the programs of pynetdicom, which have the same names
PLANTED = {
    "PatientName": "Plantedname^Patient",
    "PatientID": "PLANTED-ID-77",
    "PatientBirthDate": "19310207",
    "AccessionNumber": "PLANTED-ACC-9",
    "ReferringPhysicianName": "Plantedname^Referrer",
    "InstitutionName": "Planted Hospital",
}


@pytest.fixture(autouse=True)
def model_of_the_package(monkeypatch):
    """The model in the package predicts: no training."""
    monkeypatch.setattr(files, "MODEL", MODEL)


@pytest.fixture(scope="session")
def predictor():
    return open_predictor(RunFolder(MODEL))


def write_film(path: Path, pixels: np.ndarray, *, syntax: UID = ExplicitVRLittleEndian, **tags: object) -> Path:
    """Write `pixels`, (H, W) uint8, as a complete CR film of a study of its own, with further or other `tags`."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = ComputedRadiographyImageStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid()
    film = FileDataset(str(path), {}, file_meta=meta, preamble=bytes(128))
    film.SOPClassUID, film.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    film.Rows, film.Columns = pixels.shape
    film.BitsAllocated, film.BitsStored, film.HighBit, film.PixelRepresentation = 8, 8, 7, 0
    film.PixelData = pixels.tobytes() + bytes(pixels.size % 2)
    values = {
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "Modality": "CR",
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "PhotometricInterpretation": "MONOCHROME2",
        "SamplesPerPixel": 1,
        "PatientSex": "F",
        "StudyDate": "20200301",
        "StudyTime": "101500",
        "StudyID": "1",
        "SeriesNumber": 1,
        "InstanceNumber": 1,
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "PatientOrientation": ["L", "F"],
        **PLANTED,
        **tags,
    }
    for name, value in values.items():
        if value is not None:
            setattr(film, name, value)
    if syntax != ExplicitVRLittleEndian:
        film.compress(syntax)
    pydicom.dcmwrite(path, film, enforce_file_format=True)
    return path


@pytest.fixture(scope="session")
def studies(tmp_path_factory) -> Path:
    """Two films that get a class: one says where in the patient its rows lead, one does not."""
    folder = tmp_path_factory.mktemp("studies")
    for seed, orientation in enumerate((["L", "F"], None)):
        phantom = render(positive=False, seed=seed, size=(450, 400)).film
        write_film(folder / f"film{seed}.dcm", phantom, PatientOrientation=orientation)
    return folder


@pytest.fixture(scope="session")
def noise(tmp_path_factory) -> Path:
    """A DICOM image that is no chest film."""
    pixels = np.random.default_rng(0).integers(0, 256, (300, 300)).astype(np.uint8)
    return write_film(tmp_path_factory.mktemp("noise") / "noise.dcm", pixels)


@pytest.fixture
def validated():
    """Check DICOM files with dciodvfy of dicom3tools, which shares no code with pydicom."""
    if not shutil.which("dciodvfy"):
        pytest.skip("needs dciodvfy: apt-get install dicom3tools")

    def validate(*paths: Path) -> None:
        for path in paths:
            done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
            assert "Error" not in done.stderr, f"{path}: {done.stderr}"

    return validate


def no_identity_in(*texts: str) -> bool:
    """Whether none of `texts` has anything that says who the patient is."""
    return not any(part in text for text in texts for value in PLANTED.values() for part in value.split("^"))
