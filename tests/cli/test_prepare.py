import csv
import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from cxr_cli.rendering.render import write_phantoms


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> tuple[list[Path], list[Path]]:
    """Twelve negative and twelve positive phantoms."""
    folder = write_phantoms(tmp_path_factory.mktemp("phantoms"), films=24, seed=9).parent
    paths: dict[bool, list[Path]] = {False: [], True: []}
    for row in csv.DictReader((folder / "metadata.csv").read_text().splitlines()):
        paths["COVID-19" in row["finding"]].append(folder / row["folder"] / row["filename"])
    return paths[False], paths[True]


@pytest.fixture
def tree(films, tmp_path):
    """Class folders with train and val; 12_a.png is a film of patient 12."""
    root = tmp_path / "tree"
    for label, paths in zip(("normal", "covid"), films, strict=True):
        for number, path in enumerate(paths):
            target = root / ("val" if number < 3 else "train") / label / f"{label[0]}{number}_a.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return root


def test_the_text_output_of_prepare_lists_counts_and_paths(cxr, tree, tmp_path):
    result = cxr("prepare", "--folders", tree, "--patient-pattern", r"^(\w\d+)_", "-w", tmp_path / "ws")

    assert (result.exit_code, result.stderr) == (
        0,
        "Reading films: 24\nLooking for altered copies: 24\nCopying films: 24\n",
    )
    assert result.stdout == (
        "Files                          left out  kept  patients\n"
        "files in the folders                       24        24\n"
        "has the file name of an image         0    24        24\n"
        "is not in a folder of masks           0    24        24\n"
        "is in a class folder                  0    24        24\n"
        "image can be read                     0    24        24\n"
        "\n"
        "Films        normal  covid  patients\n"
        "train             7      7        14\n"
        "val (given)       3      3         6\n"
        "test              2      2         4\n"
        "all              12     12        24\n"
        "\n"
        "Positive class: covid\n"
        "Fewer than ten films (train normal 7, train covid 7, val normal 3, val covid 3, test normal 2, test covid 2): "
        "with so few films, figures say little.\n"
        "\n"
        f"Dataset : {tmp_path}/ws/dataset\n"
        f"Left out: {tmp_path}/ws/dataset/excluded.csv\n"
        f"Pictures: {tmp_path}/ws/dataset/overview\n"
    )


def test_a_leak_in_a_given_split_has_a_warning(cxr, tree, tmp_path):
    shutil.copyfile(tree / "train" / "covid" / "c5_a.png", tree / "val" / "covid" / "x.png")
    result = cxr("prepare", "--folders", tree, "-w", tmp_path / "ws")
    text = cxr("prepare", "--folders", tree, "--patient-pattern", r"^(\w)\d", "--json", "-w", tmp_path / "ws")

    assert (
        "Warning: the given split leaks. Films of val that share a patient or a copy with train: "
        "1 of 7 (patients: 1, exact copies: 1). "
        "Figures on val will be too good.\n"
    ) in result.stdout
    assert (
        "Films that name no patient: 25. Each counts as a patient of its own: leakage between the parts can't be "
        "excluded.\n"
        "If file names contain the patient, say where: --patient-pattern REGEX\n"
    ) in result.stdout
    assert re.search(r"^all +12 +13 +–$", result.stdout, re.MULTILINE)
    assert text.exit_code == 1  # all films of one class are of one patient, who is in val
    assert "Error: Expected train films of both classes, of patients of no other part, to cut test from." in text.stderr


def test_copies_with_two_labels_are_reported_first(cxr, tree, tmp_path):
    with Image.open(tree / "train" / "covid" / "c5_a.png") as film:
        film.resize((film.width // 2, film.height // 2)).save(tree / "val" / "normal" / "new.jpg", quality=60)
    result = cxr("prepare", "--folders", tree, "-w", tmp_path / "ws")

    assert (
        "Positive class: covid\n"
        "Warning: the same film has two labels, one of which is wrong. Pairs: 1\n"
        "  split/train/covid/c5_a.png = split/val/normal/new.jpg\n"
        "Warning: the given split leaks. Films of val that share a patient or a copy with train: "
        "1 of 7 (patients: 1, near-duplicates: 1). "
        "Figures on val will be too good.\n"
        "Pairs of copies: 0 exact, 1 altered, such as cropped or mirrored; "
        "1 across parts. Patients who share a film count as one.\n"
    ) in result.stdout
    assert f"Copies  : {tmp_path}/ws/dataset/duplicates.csv\n" in result.stdout


def test_json_goes_to_stdout_and_warnings_to_stderr(cxr, tree, tmp_path):
    shutil.copyfile(tree / "train" / "covid" / "c5_a.png", tree / "val" / "covid" / "c5_b.png")
    result = cxr("prepare", "--folders", tree, "--patient-pattern", r"^(\w\d+)_a", "--json", "-w", tmp_path / "ws")
    record = json.loads(result.stdout)

    assert record["leaks"] == [
        {"earlier": "train", "later": "val", "films": 1, "patients": 1, "copies": 1, "near_copies": 0}
    ]
    assert record["duplicates"]["exact"] == 1
    assert record["given_parts"] == ["train", "val"]
    assert "Warning: the given split leaks." in result.stderr
    assert "Films that don't match --patient-pattern: 1. Each counts as a patient of its own: leakage" in result.stderr


def test_more_than_two_class_folders_are_trained_as_two_classes(cxr, tree, tmp_path):
    for part in ("train", "val"):
        (tree / part / "viral").mkdir()
        for path in sorted((tree / part / "normal").iterdir())[::3]:
            path.rename(tree / part / "viral" / path.name)
    workspace = tmp_path / "ws"
    prepared = cxr("prepare", "--folders", tree, "--positive", "COVID-19", "-w", workspace)
    trained = cxr("train", "--arch", "simple-cnn", "--image-size", "32", "--epochs", "1", "-w", workspace)
    tested = cxr("evaluate", "-w", workspace, "--json")

    assert "non_covid: normal 8, viral 4\n" in prepared.stdout
    assert (prepared.exit_code, trained.exit_code, tested.exit_code) == (0, 0, 0)
    assert (json.loads(tested.stdout)["negative"], json.loads(tested.stdout)["positive"]) == ("non_covid", "covid")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "Error: Expected one of metadata, folders and dicom. Received: none of them.\n"),
        (
            ["--metadata", "a.csv", "--folders", "b"],
            "Error: Expected one of metadata, folders and dicom. Received: metadata and folders.\n",
        ),
        (
            ["--folders", "b", "--images", "c"],
            "Error: Expected images with metadata only. Received: images without it.\n",
        ),
        (
            ["--folders", "b", "--views", "PA"],
            "Error: Expected views with metadata or dicom only. Received: views without it.\n",
        ),
        (
            ["--metadata", "a.csv", "--patient-pattern", "x"],
            "Error: Expected patient_pattern with folders only. Received: patient_pattern without it.\n",
        ),
        (
            ["--metadata", "a.csv", "--link", "--segment", "otsu"],
            "Error: Expected link or mask. Received: both.\n",
        ),
    ],
)
def test_conflicting_prepare_options_are_wrong_usage(cxr, tmp_path, arguments, error):
    result = cxr("prepare", *arguments, "-w", tmp_path / "ws")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(error)


def test_class_folders_that_need_a_positive_class(cxr, tree, tmp_path):
    for part in ("train", "val"):
        (tree / part / "covid").rename(tree / part / "pneumonia")
    result = cxr("prepare", "--folders", tree, "-w", tmp_path / "ws")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: Expected the name of the positive class folder. Received: normal (12 films), "
        "pneumonia (12 films); none of them is named for COVID.\n"
        "Say which: --positive normal or --positive pneumonia\n"
    )
