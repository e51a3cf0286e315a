"""The word that was probably meant."""

from pathlib import Path

import pytest

from cxr_cli.nearest import did_you_mean, nearest, nearest_first, nearest_path, no_folder, path_meant
from cxr_cli.recipe.architectures import ARCHITECTURES
from cxr_cli.recipe.options import TRAINING_OPTIONS

FLAGS = [f"--{name.replace('_', '-')}" for name in TRAINING_OPTIONS]


@pytest.mark.parametrize(
    ("word", "choices", "meant"),
    [
        ("mobilenet-v2", ARCHITECTURES, "mobilenetv2"),
        ("MobileNetV2", ARCHITECTURES, "mobilenetv2"),
        ("mobilenet_v2", ARCHITECTURES, "mobilenetv2"),
        ("resnet", ARCHITECTURES, "resnet50"),
        ("ResNet-50", ARCHITECTURES, "resnet50"),
        ("densenet", ARCHITECTURES, "densenet121"),
        ("vgg16", ARCHITECTURES, None),
        ("--lr", FLAGS, "--learning-rate"),
        ("--bs", FLAGS, "--batch-size"),
        ("--batchsize", FLAGS, "--batch-size"),
        ("--epoch", FLAGS, "--epochs"),
        ("--x", FLAGS, None),
        ("sens", ["sensitivity", "specificity"], "sensitivity"),
        ("", FLAGS, None),
        ("film", [], None),
    ],
)
def test_the_nearest_choice_is_found(word, choices, meant):
    assert nearest(word, choices) == meant


def test_of_two_choices_with_the_same_letters_it_is_the_first():
    assert nearest("run1", ["run-1", "run_1"]) == "run-1"


def test_a_question_is_asked_where_a_choice_is_near():
    assert did_you_mean("predikt", ["predict", "prepare"]) == "Did you mean predict?"
    assert did_you_mean("xyz", ["predict", "prepare"]) == ""


def test_the_most_similar_choices_come_first():
    assert nearest_first("pneumo", ["Viral", "COVID-19", "Pneumonia"])[0] == "Pneumonia"
    assert nearest_first("x", ["b", "a"]) == ["b", "a"]


def test_the_nearest_path_is_looked_for_where_the_folders_end(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "covid.png").touch()

    assert nearest_path(tmp_path / "films" / "covd.png") == tmp_path / "films" / "covid.png"
    assert nearest_path(tmp_path / "flims" / "covid.png") == tmp_path / "films"
    assert nearest_path(tmp_path / "x") is None
    assert nearest_path(Path("/")) is None
    assert path_meant(tmp_path / "films", "Name it") == "Name it"
    assert path_meant(tmp_path / "flims", "Name it") == f"Did you mean {tmp_path / 'films'}?"


def test_an_ending_that_both_have_makes_no_two_files_alike(tmp_path):
    for name in ("p.csv", "metadata.csv"):
        (tmp_path / name).touch()

    assert nearest_path(tmp_path / "nope.csv") is None
    assert nearest_path(tmp_path / "metdata.csv") == tmp_path / "metadata.csv"
    assert nearest_path(tmp_path / "metadata.cvs") == tmp_path / "metadata.csv"


def test_a_file_where_a_folder_was_expected_is_called_one(tmp_path):
    (tmp_path / "a.csv").touch()

    assert no_folder(tmp_path / "a.csv") == f"{tmp_path / 'a.csv'}: it is a file"
    assert no_folder(tmp_path / "b") == f"{tmp_path / 'b'}: no such folder"
