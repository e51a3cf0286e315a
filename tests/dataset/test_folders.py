"""Class folders: classes, parts and patients, and the errors of ambiguous trees."""

import os
import sys
from pathlib import Path

import pytest

from cxr_cli.dataset.folders import select_from_folders
from cxr_cli.dataset.record import FunnelStep
from cxr_cli.dataset.selection import Selection
from cxr_cli.errors import FolderError

LAYOUT = "Expected are DIR/covid, DIR/normal; or DIR/train/covid, DIR/train/normal, DIR/val/covid and so on"


@pytest.fixture
def tree(tmp_path):
    """Create empty files in a folder: the tests don't read films."""

    def make(*names: str) -> Path:
        root = tmp_path / "tree"
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return root

    return make


def kept(selection: Selection) -> dict[str, tuple[str, str, str]]:
    """Map each kept file to its part, label and finding."""
    return {film.filename: (film.part, film.label, film.finding) for film in selection.kept}


def reasons(selection: Selection) -> dict[str, str]:
    return {row.filename: row.reason for row in selection.excluded}


def refusal(folder: Path, **options) -> FolderError:
    with pytest.raises(FolderError) as caught:
        select_from_folders(folder, **options)
    return caught.value


def test_of_two_folders_the_one_named_after_covid_is_positive(tree):
    selection = select_from_folders(tree("COVID-19/a.png", "Normal/a.png", "Normal/deep/er/b.JPG"))

    assert (selection.negative, selection.positive) == ("Normal", "COVID-19")
    assert kept(selection) == {
        "COVID-19/a.png": ("", "COVID-19", "COVID-19"),
        "Normal/a.png": ("", "Normal", "Normal"),
        "Normal/deep/er/b.JPG": ("", "Normal", "Normal"),
    }
    assert selection.given_parts == []
    assert {film.source for film in selection.kept} == {"tree"}


def test_with_more_folders_the_others_become_one_negative_class(tree):
    selection = select_from_folders(tree("covid/a.png", "normal/a.png", "viral/a.png"), positive="viral")

    assert kept(selection) == {
        "covid/a.png": ("", "non_viral", "covid"),
        "normal/a.png": ("", "non_viral", "normal"),
        "viral/a.png": ("", "viral", "viral"),
    }


@pytest.mark.parametrize("val", ["val", "valid", "Validation"])
@pytest.mark.parametrize(("train", "test"), [("train", "test"), ("Training", "TESTING")])
def test_parts_have_common_names_and_classes_ignore_case(tree, train, val, test):
    selection = select_from_folders(
        tree(*(f"{part}/{kind}/{part}.png" for part in (train, val) for kind in ("covid", "normal")))
        and tree(f"{test}/Covid/x.png", f"{test}/NORMAL/x.png")
    )

    assert kept(selection) == {
        f"{train}/covid/{train}.png": ("train", "covid", "covid"),
        f"{train}/normal/{train}.png": ("train", "normal", "normal"),
        f"{val}/covid/{val}.png": ("val", "covid", "covid"),
        f"{val}/normal/{val}.png": ("val", "normal", "normal"),
        f"{test}/Covid/x.png": ("test", "covid", "Covid"),
        f"{test}/NORMAL/x.png": ("test", "normal", "NORMAL"),
    }
    assert selection.given_parts == ["train", "val", "test"]


def test_an_empty_part_counts_as_missing(tree):
    selection = select_from_folders(tree("train/covid/a.png", "train/normal/a.png", "val/covid/.gitkeep"))

    assert selection.given_parts == ["train"]


def test_every_file_is_kept_or_excluded_with_a_reason(tree):
    selection = select_from_folders(
        tree(
            *("covid/a.png", "normal/a.png", "covid/.DS_Store", "normal/Thumbs.db", "readme.txt", "loose.png"),
            *("covid/lung_masks/a.png", "__MACOSX/covid/._a.png", ".cache/b.png", "notes/x.csv"),
        )
    )

    no_image = "its suffix is not that of an image file"
    assert sorted(kept(selection)) == ["covid/a.png", "normal/a.png"]
    assert reasons(selection) == {
        "covid/.DS_Store": "hidden file or folder",
        "__MACOSX/covid/._a.png": "hidden file or folder",
        ".cache/b.png": "hidden file or folder",
        "normal/Thumbs.db": no_image,
        "notes/x.csv": no_image,
        "readme.txt": no_image,
        "covid/lung_masks/a.png": "in the folder lung_masks",
        "loose.png": "not in a class folder",
    }
    assert selection.rows == 10
    assert selection.funnel == [
        FunnelStep(rule="has the file name of an image", removed=6, left=4),
        FunnelStep(rule="is not in a folder of masks", removed=1, left=3),
        FunnelStep(rule="is in a class folder", removed=1, left=2),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are Unicode")
def test_a_name_that_is_not_utf8_is_excluded_with_a_writable_reason(tree):
    folder = tree("covid/a.png", "normal/a.png")
    Path(os.fsdecode(os.fsencode(folder / "normal") + b"/caf\xe9.png")).touch()

    assert reasons(select_from_folders(folder)) == {"normal/caf\\udce9.png": "file name is not UTF-8"}


def test_folders_linked_within_the_folder_are_followed_and_loops_are_not(tree):
    folder = tree("covid/a.png", ".store/b.png")
    (folder / "normal").symlink_to(folder / ".store")
    (folder / "covid" / "again").symlink_to(folder)

    assert sorted(kept(select_from_folders(folder))) == ["covid/a.png", "normal/b.png"]


def test_a_workspace_beside_the_class_folders_is_not_a_class(tree):
    folder = tree("covid/a.png", "normal/a.png", "workspace/dataset/split/train/covid/a.png")

    assert len(select_from_folders(folder, skip=folder / "workspace").kept) == 2


@pytest.mark.parametrize(
    ("asked", "positive"),
    [("normal", "Normal"), ("viral-pneumonia", "Viral Pneumonia"), ("COVID-19", "covid"), (" covid ", "covid")],
)
def test_the_positive_folder_is_matched_in_any_spelling(tree, asked, positive):
    folder = tree("covid/a.png", "Normal/a.png", "Viral Pneumonia/a.png")

    assert select_from_folders(folder, positive=asked).positive == positive


@pytest.mark.parametrize("name", ["COVID", "covid19", "Covid-19", "COVID_CXR", "1 covid positive"])
def test_names_that_mean_covid(tree, name):
    assert select_from_folders(tree(f"{name}/a.png", "other/a.png")).positive == name


@pytest.mark.parametrize("name", ["non-covid", "no_covid", "COVID-negative", "noncovid", "pneumonia"])
def test_without_a_folder_named_after_covid_positive_is_required(tree, name):
    error = refusal(tree(f"{name}/a.png", f"{name}/b.png", "z normal/a.png"))

    assert error.message == (
        "Expected the name of the positive class folder. Received: "
        f"{name} (2 films), z normal (1 film); none of them is named for COVID."
    )
    assert error.hint == f"Say which: --positive {name} or --positive 'z normal'"


def test_several_folders_named_after_covid_or_an_unknown_name_are_refused(tree):
    folder = tree("covid/a.png", "covid19/a.png", "normal/a.png")
    listed = "covid (1 film), covid19 (1 film), normal (1 film)"

    assert refusal(folder).message.endswith(f"Received: {listed}; 2 of them are named for COVID.")
    assert refusal(folder, positive="viral").message.endswith(f"Received: 'viral'; the class folders are {listed}.")
    assert refusal(folder, positive="viral").hint == (
        "Say which: --positive covid or --positive covid19 or --positive normal"
    )
    assert select_from_folders(folder, positive="covid19").positive == "covid19"


@pytest.mark.parametrize(
    ("pattern", "patients"),
    [
        (r"^(\d+)_", ["00000013", "00000013", ""]),
        (r"^\d+", ["00000013", "00000013", "7"]),
        (r"^(\d+)_|x", ["00000013", "00000013", ""]),
    ],
)
def test_the_patient_is_the_first_group_or_the_whole_match(tree, pattern, patients):
    folder = tree("covid/00000013_005.png", "covid/7x.png", "normal/00000013_006.png")
    selection = select_from_folders(folder, patient_pattern=pattern)

    assert sorted(film.patient for film in selection.kept) == sorted(patients)


def test_without_a_pattern_films_have_no_patient(tree):
    assert {film.patient for film in select_from_folders(tree("covid/1_a.png", "normal/1_b.png")).kept} == {""}


def test_an_invalid_pattern_or_one_without_matches_is_refused(tree):
    folder = tree("covid/a.png", "normal/b.png")

    assert refusal(folder, patient_pattern="(").message == (
        "Expected a regular expression. Received: the patient pattern '(': "
        "missing ), unterminated subpattern at position 0."
    )
    error = refusal(folder, patient_pattern=r"^(\d+)_")
    assert error.message == (
        r"Expected a pattern that finds the patient in file names. Received: '^(\d+)_', which matches none of 2, "
        "for example not 'a.png'."
    )
    assert error.hint == r"For names like 00000013_005.png: --patient-pattern '^(\d+)_'"


def test_a_class_missing_in_a_given_part_is_reported(tree):
    selection = select_from_folders(
        tree(*("train/covid/a.png", "train/normal/a.png", "train/viral/a.png", "val/covid/a.png", "val/normal/a.png"))
    )

    assert selection.notes == ["The given val has no films of viral."]


@pytest.mark.parametrize(
    ("names", "message", "hint"),
    [
        (["a/x.txt"], "Expected class folders with films in {0}. Received: no film in a folder of it.", LAYOUT),
        (["a.png"], "Expected class folders with films in {0}. Received: no film in a folder of it.", LAYOUT),
        (
            ["covid/a.png", "normal/.hidden.png"],
            "Expected two or more class folders in {0}. Received: one, covid (1 film).",
            LAYOUT,
        ),
        (
            ["data/covid/a.png", "data/normal/a.png"],
            "Expected two or more class folders in {0}. Received: one, data (2 films).",
            "Are the classes in it? --folders {0}/data",
        ),
        (
            ["Train/covid/a.png", "test/covid/a.png", "test/normal/a.png"],
            "Expected two or more class folders in {0}/Train. Received: one, covid (1 film).",
            LAYOUT,
        ),
        (
            ["train/a.png", "test/covid/a.png"],
            "Expected class folders with films in {0}. Received: no film in a folder of it.",
            LAYOUT,
        ),
        (
            ["val/covid/a.png", "test/covid/a.png"],
            "Expected the part train in {0}, from which missing parts are drawn. Received: test, val.",
            LAYOUT,
        ),
        (
            ["train/covid/a.png", "val/covid/a.png", "valid/covid/a.png"],
            "Expected one folder for val in {0}. Received: val, valid.",
            "Leave one of them",
        ),
        (
            ["train/covid/a.png", "normal/a.png"],
            "Expected either class folders in {0}, or parts of a split. Received: train beside normal (1 film).",
            LAYOUT,
        ),
        (
            ["covid/train/a.png", "normal/train/a.png"],
            "Expected the parts of a split above the class folders: train/covid. Received: covid/train in {0}.",
            LAYOUT,
        ),
        (
            ["train/covid/a.png", "train/normal/a.png", "val/covid19/a.png", "val/normal/a.png"],
            "Expected the class folders of train, covid, normal, in each part. Received: val/covid19.",
            "Give a class the same name in each part",
        ),
    ],
)
def test_an_ambiguous_tree_is_refused_with_its_folders(tree, names, message, hint):
    folder = tree(*names)
    error = refusal(folder)

    assert (error.message, error.hint) == (message.format(folder), hint.format(folder))


def test_a_missing_folder_is_an_error(tmp_path):
    error = refusal(tmp_path / "nowhere")

    assert error.message == (f"Expected a folder of class folders. Received: {tmp_path / 'nowhere'}: no such folder.")


def test_a_class_whose_name_would_be_too_long_for_a_folder_is_refused(tree):
    long = "y" * 254
    folder = tree(f"{long}/a.png", "a/b.png", "b/c.png")

    with pytest.raises(FolderError) as caught:
        select_from_folders(folder, positive=long)
    assert caught.value.message == f"Expected class folders with names of at most 255 bytes. Received: non_{long}."
