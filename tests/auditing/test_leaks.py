"""Planted patients and copies in two parts are found."""

import csv
import shutil

import pytest
from PIL import Image

from cxr_cli.auditing.leaks import find_faults
from cxr_cli.dataset.duplicates import read_duplicates
from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.dataset.prepare import prepare
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.folders import PARTS
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record

PATIENT = r"^(p\d+)_"


@pytest.fixture
def parts(phantoms, tmp_path):
    """Class folders in train, val and test without shared patients; file names start with the patient."""
    folder = tmp_path / "parts"
    with phantoms.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    patients = list(dict.fromkeys(row["patientid"] for row in rows))
    for row in rows:
        number = patients.index(row["patientid"])
        # Patients come in pairs, one of each class.
        part = PARTS[number // 2 % 3]
        label = "non_covid" if row["finding"] == "No Finding" else "covid"
        place = folder / part / label / f"p{number}_{row['filename']}"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(phantoms.parent / row["filename"], place)
    return folder


def faults(folder, tmp_path, pattern=PATIENT):
    workspace = Workspace(tmp_path / "workspace")
    record = prepare(workspace, folders=folder, patient_pattern=pattern).record
    return find_faults(record, read_manifest(workspace.dataset), read_duplicates(workspace.dataset))


def first(folder, label, part="train"):
    return sorted((folder / part / label).iterdir())[0]


def test_a_split_by_patient_is_clean(parts, tmp_path):
    assert faults(parts, tmp_path) == []


def test_a_patient_in_two_parts_is_found(parts, tmp_path):
    moved = first(parts, "covid")
    patient = moved.name.split("_")[0]
    other = first(parts, "covid", "test")
    leaked = other.with_name(f"{patient}_again.png")
    other.rename(leaked)

    [fault] = faults(parts, tmp_path)

    assert (fault.level, fault.about) == ("alarm", "parts")
    assert fault.found == "train and test share patients or films."
    assert "1 of " in fault.numbers
    assert "copies" not in fault.numbers
    assert f": {leaked.name}." in fault.numbers


def test_a_resized_reencoded_renamed_copy_is_found(parts, tmp_path):
    film = Image.open(first(parts, "covid"))
    copy = parts / "test" / "covid" / "p900_unknown.jpg"
    film.resize((film.width * 3 // 4, film.height * 3 // 4)).save(copy, quality=80)

    [fault] = faults(parts, tmp_path)

    assert (fault.level, fault.about) == ("alarm", "parts")
    assert "1 near copies of train films" in fault.numbers
    assert copy.name in fault.numbers


def test_a_copy_with_another_label_is_found(parts, tmp_path):
    film = first(parts, "covid")
    shutil.copy(film, parts / "train" / "non_covid" / "p901_copy.png")

    [fault] = faults(parts, tmp_path)

    assert (fault.level, fault.about) == ("alarm", "labels")
    assert fault.numbers.startswith("1 pair: ")
    assert film.name in fault.numbers
    assert "p901_copy.png" in fault.numbers


def test_films_without_a_patient_are_reported(parts, tmp_path):
    [fault] = faults(parts, tmp_path, pattern=None)

    assert (fault.level, fault.about) == ("warning", "patients")
    assert fault.numbers == "40 of 40 films count as one patient each."


def test_a_damaged_table_of_copies_is_named(prepared, tmp_path):
    shutil.copytree(prepared.root, tmp_path / "workspace")
    dataset = Workspace(tmp_path / "workspace").dataset
    dataset.duplicates.write_text("a,b\n1,2\n")
    with pytest.raises(WorkspaceError, match="Expected the columns original_1, original_2"):
        read_duplicates(dataset)
    assert read_record(dataset.record, DatasetRecord).duplicates is not None
