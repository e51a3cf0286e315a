"""The word that was probably meant."""

import pytest

from cxr_cli.nearest import did_you_mean, nearest
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
