"""What a viewer gets of a film: every value, and of the header what identifies nobody."""

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from cxr_cli.films.reader import read_film
from cxr_cli.web.pixels import write_for_viewer

PIXELS = np.random.default_rng(2).integers(0, 4096, (64, 80), dtype=np.uint16)
SECRET = {
    "PatientName": "Doe^Jane",
    "PatientID": "4711",
    "PatientBirthDate": "19500203",
    "PatientSex": "F",
    "PatientAge": "070Y",
    "StudyDate": "20200320",
    "StudyTime": "101112",
    "InstitutionName": "Some Hospital",
    "StationName": "ROOM7",
    "Manufacturer": "Maker",
    "ManufacturerModelName": "Device 9",
    "DeviceSerialNumber": "S123",
    "AccessionNumber": "A99",
    "SeriesDescription": "Jane Doe",
    "ReferringPhysicianName": "House",
    "ImageComments": "call 555",
}


@pytest.fixture
def dicom(tmp_path):
    """A DICOM film whose header is full of names."""
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.SOPClassUID, film.SOPInstanceUID = DigitalXRayImageStorageForPresentation, generate_uid()
    film.Modality, film.PhotometricInterpretation, film.SamplesPerPixel = "DX", "MONOCHROME1", 1
    film.BodyPartExamined, film.ViewPosition = "CHEST", "PA"
    film.Rows, film.Columns = PIXELS.shape
    film.BitsAllocated, film.BitsStored, film.HighBit, film.PixelRepresentation = 16, 12, 11, 0
    film.WindowCenter, film.WindowWidth = [2000, 100], [3000, 50]
    film.ImagerPixelSpacing = [0.139, 0.139]
    film.PixelData = PIXELS.tobytes()
    for name, value in SECRET.items():
        setattr(film, name, value)
    path = tmp_path / "film.dcm"
    pydicom.dcmwrite(path, film, enforce_file_format=True)
    return path


def written(read_pixels, path, tmp_path, **limits):
    into = tmp_path / "pixels"
    write_for_viewer(path, into, name="film.dcm", **{"at_most": 10**6, **limits})
    return read_pixels(into.read_bytes())


def test_all_values_of_a_dicom_film_arrive(read_pixels, dicom, tmp_path):
    got = written(read_pixels, dicom, tmp_path)

    assert np.array_equal(got.values + PIXELS.min(), PIXELS)
    assert np.array_equal(got.shown[got.values], read_film(dicom))
    assert (got.described["width"], got.described["height"], got.described["reduced"]) == (80, 64, 1)
    assert got.described["ends"] == [PIXELS.min(), PIXELS.max()]


def test_the_tags_describe_the_film_and_nobody(read_pixels, dicom, tmp_path):
    got = written(read_pixels, dicom, tmp_path).described

    assert dict(got["tags"]) == {
        "modality": "DX",
        "body part": "chest",
        "view": "PA",
        "rows × columns": "64 × 80",
        "photometric": "MONOCHROME1",
        "bits stored": "12",
        "imager pixel spacing, mm": "0.139 × 0.139",
        "window center": "2000",
        "window width": "3000",
        "transfer syntax": "Explicit VR Little Endian",
    }


def test_a_name_in_a_field_of_codes_is_not_shown(read_pixels, dicom, tmp_path):
    data = pydicom.dcmread(dicom)
    data.BodyPartExamined, data.ViewPosition, data.PhotometricInterpretation = "DOE", "JANE", "MONOCHROME2"
    data.save_as(dicom)
    shown = {value.upper() for _, value in written(read_pixels, dicom, tmp_path).described["tags"]}

    assert shown & {"DOE", "JANE", *(value.upper() for value in SECRET.values())} == set()


def test_a_large_film_is_reduced_and_a_picture_has_no_tags(read_pixels, film, tmp_path):
    height, width = read_film(film).shape
    got = written(read_pixels, film, tmp_path, at_most=height * width // 5)

    assert (got.described["reduced"], got.values.shape) == (3, (height // 3, width // 3))
    assert got.described["tags"] == []
