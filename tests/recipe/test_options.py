"""The training options: one table, checked on construction, and used by both commands that train."""

from dataclasses import asdict, fields

import pytest
import typer

from cxr_cli.cli.app import app
from cxr_cli.errors import CxrError, UsageError, WorkspaceError
from cxr_cli.metrics.operating_points import DEFAULT_RULE
from cxr_cli.recipe.architectures import ARCHITECTURES, CLASSIFIERS
from cxr_cli.recipe.options import (
    TRAINING_OPTIONS,
    Augmentation,
    TrainingOptions,
    change_options,
    options_by_name,
    read_options,
)

COMMANDS = typer.main.get_command(app).commands


@pytest.mark.parametrize("command", ["train", "crossval"])
def test_a_command_that_trains_has_every_training_option(command):
    options = {parameter.name: parameter for parameter in COMMANDS[command].params}

    if command == "crossval":
        assert "masks" not in options  # it trains classifiers only
    for name, option in TRAINING_OPTIONS.items():
        if name not in options and name == "masks":
            continue
        flag = f"--{name.replace('_', '-')}"
        assert options[name].opts == [flag]
        assert options[name].secondary_opts == ([f"--no-{flag[2:]}"] if option.kind is bool else [])
        assert options[name].default is None  # so that an option given by the user is known
        assert option.text.help in options[name].help
        assert options[name].help.endswith(f" Default: {option.default_text}.")


def test_only_train_offers_all_architectures_and_several_machines():
    choices = {
        (command, parameter.name): list(parameter.type.choices)
        for command in ("train", "crossval")
        for parameter in COMMANDS[command].params
        if parameter.name in ("arch", "strategy")
    }
    assert choices == {
        ("train", "arch"): [*ARCHITECTURES, "all"],
        ("crossval", "arch"): list(CLASSIFIERS),
        ("train", "strategy"): ["none", "mirrored", "multi-worker"],
        ("crossval", "strategy"): ["none", "mirrored"],
    }


def test_every_field_has_a_title_a_help_text_and_a_valid_default():
    names = {item.name for item in (*fields(TrainingOptions), *fields(Augmentation))} - {"augmentation"}

    assert set(TRAINING_OPTIONS) == names
    for name, option in TRAINING_OPTIONS.items():
        assert option.text.title, name
        assert option.text.help.endswith("."), name
        assert option.accepts(option.default), name
    assert options_by_name(TrainingOptions()) == {name: option.default for name, option in TRAINING_OPTIONS.items()}
    assert TrainingOptions().operating_point == DEFAULT_RULE


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"arch": "mobilenet-v9"},
            f"Expected one of {', '.join(ARCHITECTURES)} for arch (architecture). Received: 'mobilenet-v9'.",
        ),
        (
            {"strategy": "cloud"},
            "Expected one of none, mirrored, multi-worker for strategy (strategy). Received: 'cloud'.",
        ),
        (
            {"dropout": 0.96},
            "Expected a number from 0 to 0.95 for dropout (dropout rate). Received: 0.96.",
        ),
        ({"dropout": float("nan")}, "Expected a number from 0 to 0.95 for dropout (dropout rate). Received: nan."),
        ({"cache": float("inf")}, "Expected a number of at least 0 for cache (cache). Received: inf."),
        ({"units": "many"}, "Expected an integer of at least 2 for units (hidden units). Received: 'many'."),
        ({"units": None}, "Expected an integer of at least 2 for units (hidden units). Received: None."),
        ({"epochs": -1}, "Expected an integer of at least 0, or None for epochs (epochs). Received: -1."),
        ({"epochs": True}, "Expected an integer of at least 0, or None for epochs (epochs). Received: True."),
        ({"class_weight": 1}, "Expected True or False for class_weight (class weights). Received: 1."),
    ],
    ids=str,
)
def test_an_invalid_value_is_refused_on_construction(options, message):
    with pytest.raises(CxrError) as refused:
        TrainingOptions(**options)

    assert refused.value.message == message


def test_augmentation_ranges_are_checked():
    with pytest.raises(CxrError, match=r"Expected a number from 0 to 180 for rotation \(rotation\)\. Received: -1\."):
        change_options(TrainingOptions(), {"rotation": -1})


def test_operating_points_are_checked_and_normalized():
    with pytest.raises(CxrError, match="Received: best"):
        TrainingOptions(operating_point="best")

    assert TrainingOptions(operating_point="sensitivity=0.90") == TrainingOptions(operating_point="sensitivity=0.9")


def test_an_unknown_option_is_refused_by_name():
    with pytest.raises(CxrError, match=r"Received: curriculum, warp\."):
        change_options(TrainingOptions(), {"warp": 1, "curriculum": 2})


def test_any_nonzero_augmentation_counts_as_augmentation():
    still = dict.fromkeys((item.name for item in fields(Augmentation)), 0) | {"flip": False}

    assert not Augmentation(**still).changes_films
    for item in fields(Augmentation):
        assert Augmentation(**{**still, item.name: True if item.name == "flip" else 0.1}).changes_films, item.name


def test_the_description_of_an_augmentation_names_every_field():
    assert str(Augmentation()) == "rotation ±8°, shift ±0.05, zoom ±0.1, brightness ±0.1, shear ±0°, mirroring"
    for option in (TRAINING_OPTIONS[item.name] for item in fields(Augmentation)):
        assert option.text.title in str(Augmentation())


def test_recorded_options_are_read_and_newer_ones_get_their_default(tmp_path):
    options = change_options(TrainingOptions(seed=4), {"shear": 3.0})
    recorded = asdict(options)
    assert read_options(recorded, tmp_path) == options

    del recorded["label_smoothing"], recorded["augmentation"]["zoom"]
    assert read_options(recorded, tmp_path) == options


def test_options_of_another_version_are_refused_by_name(tmp_path):
    recorded = asdict(TrainingOptions())
    with pytest.raises(WorkspaceError, match=r"Received: curriculum\."):
        read_options({**recorded, "curriculum": 1}, tmp_path)
    with pytest.raises(WorkspaceError, match=r"for units \(hidden units\)\. Received: 'many'\."):
        read_options({**recorded, "units": "many"}, tmp_path)
    with pytest.raises(WorkspaceError, match="Expected the options of a training run in"):
        read_options({**recorded, "augmentation": 3}, tmp_path)


@pytest.mark.parametrize("changes", [{"head_start": False}, {"weights": "none"}, {"arch": "simple-cnn"}])
def test_no_epochs_need_a_head_start(changes):
    assert TrainingOptions(epochs=0).epochs == 0

    with pytest.raises(UsageError, match="without a head start"):
        TrainingOptions(epochs=0, **changes)


def test_a_record_from_before_the_option_keeps_the_c_it_was_trained_with(tmp_path):
    recorded = asdict(TrainingOptions())
    assert read_options(recorded, tmp_path) == TrainingOptions()

    del recorded["head_c"]
    assert read_options(recorded, tmp_path).head_c == 0.03
