"""A run is named in one way: as the argument of every command that takes no films, and as --model everywhere."""

import json

import pytest
import typer

import cxr_cli
from cxr_cli.cli.app import app
from cxr_cli.errors import COMMANDS, UsageError

COMMANDS_OF_A_RUN = ("audit", "calibrate", "evaluate", "export", "report")


@pytest.fixture(scope="module")
def commands():
    return typer.main.get_command(app).commands


def test_commands_of_a_run_take_it_as_argument_and_option(commands):
    found = {
        name
        for name in COMMANDS
        if "model" in {option.name for option in commands[name].params}
        and any(option.param_type_name == "argument" and option.name == "run" for option in commands[name].params)
    }

    assert found == set(COMMANDS_OF_A_RUN)


def test_commands_of_films_take_the_run_as_option(commands):
    for name in ("predict", "gradcam", "serve", "listen"):
        assert any("--model" in option.opts for option in commands[name].params)


def test_the_argument_and_the_option_are_the_same(cxr, own_trained):
    place = ("--json", "-w", own_trained.root)
    named = [("simple-cnn",), ("--model", "simple-cnn"), ("simple-cnn", "-m", "simple-cnn")]

    assert [json.loads(cxr("calibrate", *words, *place).stdout)["run"] for words in named] == ["simple-cnn"] * 3


@pytest.mark.parametrize("command", COMMANDS_OF_A_RUN)
def test_two_runs_are_wrong_usage(cxr, tmp_path, command):
    words = ("--format", "litert") if command == "export" else ()
    result = cxr(command, "one", "--model", "two", *words, "-w", tmp_path)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: Expected one run. Received: two, one and two.\nLeave out --model two\n"
    with pytest.raises(UsageError, match="Expected one run"):
        getattr(cxr_cli, command)("one", model="two", workspace=tmp_path, **({"format": "litert"} if words else {}))


@pytest.mark.parametrize("command", COMMANDS_OF_A_RUN)
def test_a_run_that_is_not_there_is_named(cxr, trained, command):
    words = ("--format", "litert") if command == "export" else ()
    result = cxr(command, "gone", *words, "-w", trained.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert f"Expected the name of a trained run in {trained.models}. Received: 'gone'." in result.stderr
