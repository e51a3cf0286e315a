"""What is used of the header of a DICOM file."""

import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    BasicTextSRStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from cxr_cli.dataset.headers import FilmHeader, read_header


@pytest.fixture
def header_of(tmp_path):
    """Write a file with these attributes, and read its header."""

    def read(kind: str = DigitalXRayImageStorageForPresentation, *, rows: int = 64, **attributes: object) -> FilmHeader:
        data = Dataset()
        data.file_meta = FileMetaDataset()
        data.file_meta.MediaStorageSOPClassUID, data.file_meta.TransferSyntaxUID = kind, ExplicitVRLittleEndian
        data.SOPClassUID, data.SOPInstanceUID, data.file_meta.MediaStorageSOPInstanceUID = kind, "1.2.3", "1.2.3"
        if rows:
            data.Rows = rows
        for name, value in attributes.items():
            setattr(data, name, value)
        path = tmp_path / "film"
        pydicom.dcmwrite(path, data, enforce_file_format=True)
        return read_header(path)

    return read


def code(meaning: str) -> list[Dataset]:
    item = Dataset()
    item.CodeMeaning = meaning
    return [item]


@pytest.mark.parametrize(
    ("attributes", "view"),
    [
        ({"ViewPosition": "PA"}, "PA"),
        ({"ViewPosition": "AP"}, "AP"),
        ({"ViewPosition": "LL"}, "L"),
        ({"ViewPosition": "L"}, "L"),
        ({"ViewPosition": "RLO"}, "oblique"),
        ({"ViewPosition": "AP", "SeriesDescription": "Thorax supine"}, "AP Supine"),
        ({"ViewCodeSequence": code("postero-anterior")}, "PA"),
        ({"ViewCodeSequence": code("antero-posterior")}, "AP"),
        ({"SeriesDescription": "W Chest PA"}, "PA"),
        ({"SeriesDescription": "Chest pa and lat"}, ""),
        ({"ViewPosition": "LL", "SeriesDescription": "Chest PA"}, "L"),
        ({"SeriesDescription": "Doe, Paul"}, ""),
        ({}, ""),
    ],
)
def test_the_view_is_the_first_that_the_header_names(header_of, attributes, view):
    assert header_of(**attributes).view == view


@pytest.mark.parametrize(
    ("attributes", "age"),
    [
        ({"PatientAge": "045Y"}, "45"),
        ({"PatientAge": "018M"}, "1"),
        ({"PatientAge": "012M"}, "1"),
        ({"PatientAge": "011M"}, "0"),
        ({"PatientAge": "090Y"}, "90"),
        ({"PatientAge": "097Y"}, "90"),
        ({"PatientBirthDate": "19500615", "StudyDate": "20200614"}, "69"),
        ({"PatientBirthDate": "19500615", "StudyDate": "20200615"}, "70"),
        ({"PatientAge": "040Y", "PatientBirthDate": "19500615", "StudyDate": "20200615"}, "40"),
        ({"PatientBirthDate": "20210101", "StudyDate": "20200615"}, ""),
        ({"PatientBirthDate": "19500615"}, ""),
        ({}, ""),
    ],
)
def test_an_age_is_given_or_from_two_dates(header_of, attributes, age):
    assert header_of(**attributes).age == age


def test_only_known_terms_are_passed_on(header_of):
    header = header_of(
        Modality="DOE", BodyPartExamined="JOHN DOE", ViewPosition="DOE", PatientSex="D", ImageLaterality="D"
    )

    assert (header.modality, header.body_part) == ("other", "other")
    assert (header.view, header.sex, header.side) == ("", "", "")


def test_a_patient_is_the_id_or_name_and_birth_date(header_of):
    assert header_of(PatientID=" 0042 ", PatientName="Doe^John").patient == "0042"
    assert header_of(PatientName="Doe^John", PatientBirthDate="19500102").patient == "doe john 19500102"
    assert header_of(PatientName="DOE^JOHN^^", PatientBirthDate="19500102").patient == "doe john 19500102"
    assert header_of(PatientName="Doe^John").patient == ""


def test_what_is_no_film_is_said(header_of, tmp_path):
    assert header_of(BasicTextSRStorage, rows=0).problem == "holds no image"
    assert header_of(MediaStorageDirectoryStorage).problem == "an index of DICOM files (DICOMDIR)"
    text = tmp_path / "text"
    text.write_text("no film")
    assert read_header(text).problem == "not a DICOM file"
    assert read_header(tmp_path / "missing").problem == "not a file"


@pytest.mark.parametrize(
    "rest", [b"", b"\x02\x00\x10\x00UI\xff\x7f1.2", bytes(500), np.random.default_rng(0).bytes(3000)]
)
def test_a_damaged_header_is_told_from_a_file_without_an_image(header_of, tmp_path, rest):
    damaged = tmp_path / "damaged"
    damaged.write_bytes(bytes(128) + b"DICM" + rest)
    assert read_header(damaged).unreadable
    assert header_of(rows=0).unreadable
    assert not header_of().unreadable
    film = (tmp_path / "film").read_bytes()
    for length in (140, 200, 300, len(film) - 8):
        damaged.write_bytes(film[:length])
        assert read_header(damaged).problem == "its header can't be read", length


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    assert read_header(tmp_path / "pipe") == FilmHeader(Path(tmp_path / "pipe"), "not a file")
