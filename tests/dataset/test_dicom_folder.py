"""Films are selected from a folder of DICOM files by their headers."""

from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from cxr_cli.dataset.dicom_folder import select_from_dicom
from cxr_cli.dataset.pseudonyms import Pseudonyms
from cxr_cli.dataset.selection import Selection
from cxr_cli.errors import FolderError, MetadataError

PSEUDONYMS = Pseudonyms(bytes(32))


def write_header(path: Path, uid: str, **attributes: object) -> None:
    """Write the header of a frontal chest film. It has no pixels: they are not looked at here."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = DigitalXRayImageStorageForPresentation
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = uid
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.Modality, data.ViewPosition, data.Rows = "DX", "PA", 64
    for name, value in attributes.items():
        setattr(data, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, data, enforce_file_format=True)


@pytest.fixture
def select(tmp_path):
    """Select from the folder `archive` with these findings."""

    def run(findings: str) -> Selection:
        (tmp_path / "findings.csv").write_text(findings)
        return select_from_dicom(tmp_path / "archive", tmp_path / "findings.csv", pseudonyms=PSEUDONYMS)

    return run


def test_films_of_a_patient_are_in_the_order_in_which_they_were_taken(select, tmp_path):
    taken = {"1": ("20200302", "0900"), "2": ("20200301", "1800"), "3": ("20200302", "0830"), "4": ("20190101", "1200")}
    for number, (date, time) in taken.items():
        patient = "B" if number == "4" else "A"
        write_header(tmp_path / "archive" / number, number, StudyDate=date, StudyTime=time, PatientID=patient)

    kept = select("filename,finding\n1,COVID-19\n2,COVID-19\n3,no\n4,no\n").kept

    order = [film.image.name for film in kept if film.patient == PSEUDONYMS.of("patient", "A")]
    assert order == ["2", "3", "1"]
    assert [film.filename for film in kept if film.image.name == "1"] == [f"{PSEUDONYMS.of('film', '1')}.png"]


def test_of_copies_the_largest_is_kept(select, tmp_path):
    write_header(tmp_path / "archive" / "a", "1")
    write_header(tmp_path / "archive" / "b", "1", ImageComments="more")
    write_header(tmp_path / "archive" / "c", "1")

    selection = select("SOPInstanceUID,finding\n1,COVID-19\n")

    assert [film.image.name for film in selection.kept] == ["b"]
    assert [row.reason for row in selection.excluded] == ["a copy of another file"] * 2


def test_each_film_without_one_finding_has_a_reason(select, tmp_path):
    for name in ("a/1", "a/2", "b/2", "a/3", "a/4"):
        write_header(tmp_path / "archive" / name, name.replace("a/", "1.").replace("b/", "2."))

    selection = select("filename,finding\n1,COVID-19\n2,COVID-19\n3,\na/4,one\na/4,other\nmissing,x\n")

    assert [film.finding for film in selection.kept] == ["COVID-19"]
    assert [row.reason for row in selection.excluded] == [
        "its file name is there more than once",
        "finding is empty",
        "the findings contradict each other",
        "its file name is there more than once",
    ]
    assert selection.notes[0] == (
        "The findings are matched by file name. Rows that fit no film: 2 of 6. Films without a row: 2."
    )


def test_institutions_have_pseudonyms_whatever_the_case(select, tmp_path):
    for number, institution in enumerate(("St. Mary", "ST. MARY", "Other")):
        write_header(tmp_path / "archive" / f"{number}", f"1.{number}", InstitutionName=institution)

    locations = [film.location for film in select("filename,finding\n0,x\n1,x\n2,x\n").kept]

    assert sorted(locations) == sorted(
        [PSEUDONYMS.of("institution", "st. mary")] * 2 + [PSEUDONYMS.of("institution", "other")]
    )


def test_without_a_film_the_error_counts_and_names_nobody(select, tmp_path):
    write_header(tmp_path / "archive" / "DOE^JOHN", "1", AccessionNumber="SECRET")

    with pytest.raises(MetadataError) as caught:
        select("accession,finding\nOTHER,COVID-19\n")

    assert "finding is known: 0 left" in caught.value.message
    assert "The findings are matched by accession number. Rows that fit no film: 1 of 1." in caught.value.message
    assert not any(name in caught.value.message for name in ("DOE", "SECRET", "OTHER"))


def test_a_missing_folder_is_an_error(select):
    with pytest.raises(FolderError, match="no such folder"):
        select("filename,finding\n")
