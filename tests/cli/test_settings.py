"""`cxr.toml`: what commands take from it, what wins over it, and what is wrong in it."""

import json
import re
import tomllib

import pytest
import typer

from cxr_cli.cli.app import app
from cxr_cli.cli.option_names import SHARED, options_of
from cxr_cli.recipe.options import TRAINING_OPTIONS

COMMANDS = {name: command for name, command in typer.main.get_command(app).commands.items() if name != "init"}


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Write cxr.toml in an empty current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CXR_WORKSPACE", raising=False)

    def write(text, name="cxr.toml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_init_writes_every_option_commented_out(cxr, settings):
    folder = settings("", "other.txt")

    result = cxr("init")

    text = (folder / "cxr.toml").read_text(encoding="utf-8")
    assert result.exit_code == 0
    count = 1 + sum(len(options_of(command).keys() - {SHARED}) for command in COMMANDS.values())
    assert result.stdout.splitlines()[0] == f"cxr.toml: {count} options of {len(COMMANDS)} commands, none in use yet"
    assert tomllib.loads(text) == {name: {} for name in COMMANDS}
    assert len(re.findall(r"(?m)^#[a-z]", text)) == count
    assert max(map(len, text.splitlines())) <= 120


def test_the_file_of_init_has_the_defaults_and_can_be_read_when_they_are_used(cxr, settings):
    folder = settings("", "other.txt")
    cxr("init")
    path = folder / "cxr.toml"
    used = re.sub(r"(?m)^#(?=[a-z])", "", path.read_text(encoding="utf-8"))
    used = re.sub(r"(?m)^.* = \[?\"?([A-Z]+|\w+\|.*)\"?\]?\n", "", used)  # words that stand for a value
    path.write_text(used, encoding="utf-8")

    values = tomllib.loads(used)["train"]
    for option in TRAINING_OPTIONS.values():
        name = option.name.replace("_", "-")
        if option.default not in (None, ()):
            assert values[name] == option.default
    result = cxr("report")
    assert "Expected a trained run in workspace/models." in result.stderr
    assert result.exit_code == 1


def test_init_never_replaces_a_file_unless_it_is_told_to(cxr, settings):
    folder = settings('workspace = "mine"\n')

    refused = cxr("init")
    assert (refused.exit_code, refused.stderr) == (
        2,
        "Error: Expected no cxr.toml yet. Received: one that exists.\nTo replace it: cxr init --replace\n",
    )
    assert (folder / "cxr.toml").read_text() == 'workspace = "mine"\n'

    assert cxr("init", "--replace").exit_code == 0
    assert (folder / "cxr.toml").read_text().startswith("# Options of cxr")


def test_options_come_from_the_file_and_the_record_has_them(cxr, settings, phantoms):
    folder = settings(f'workspace = "study"\n[prepare]\nmetadata = ["{phantoms}"]\nseed = 7\nlink = true\n')

    result = cxr("prepare")

    note = f"Options from cxr.toml: --metadata {phantoms}, --seed 7, --link, --workspace study"
    assert result.stderr.splitlines()[0] == note
    options = json.loads((folder / "study" / "dataset" / "dataset.json").read_text())["options"]
    assert (options["seed"], options["link"], options["metadata"]) == (7, True, [str(phantoms)])


@pytest.mark.parametrize(
    ("flags", "variable", "workspace"),
    [
        ([], None, "file"),
        ([], "variable", "variable"),
        (["-w", "flag"], "variable", "flag"),
        (["-w", "flag"], None, "flag"),
    ],
)
def test_flags_win_over_the_environment_which_wins_over_the_file(
    cxr, settings, monkeypatch, flags, variable, workspace
):
    settings('workspace = "file"\n')
    if variable:
        monkeypatch.setenv("CXR_WORKSPACE", variable)

    assert f"Expected a trained run in {workspace}/models." in cxr("report", *flags).stderr


def test_a_training_option_on_the_command_line_wins(cxr, settings, prepared):
    settings('[train]\narch = "simple-cnn"\nepochs = 0\nclass-weight = true\n')

    assert cxr("train", "-w", prepared.root).stderr.startswith(
        "Options from cxr.toml: --arch simple-cnn, --class-weight, --epochs 0\n"
        "Error: Expected at least 1 epoch for simple-cnn without a head start. Received: epochs=0.\n"
    )
    assert cxr("train", "--epochs", 1, "--no-class-weight").stderr.startswith(
        "Options from cxr.toml: --arch simple-cnn\nError: Expected a prepared dataset in workspace/dataset."
    )


def test_the_recipe_of_another_run_is_not_changed_by_the_file(cxr, settings):
    settings('[train]\narch = "simple-cnn"\nname = "mine"\n[crossval]\nfolds = 3\n')

    assert cxr("train", "--from", "other").stderr.startswith("Options from cxr.toml: --name mine\n")
    assert not cxr("crossval", "--leave-out", "view").stderr.startswith("Options")


def test_a_run_by_position_wins_over_that_of_the_file(cxr, settings, trained):
    settings('[report]\nmodel = "other"\n')

    assert "Received: 'other'." in cxr("report", "-w", trained.root).stderr
    assert "Received: 'mine'." in cxr("report", "mine", "-w", trained.root).stderr


def test_commands_of_a_group_take_the_workspace_of_the_file(cxr, settings, monkeypatch):
    settings('workspace = "study"\n')

    result = cxr("runs", "rm", "mine", "--yes")
    assert result.stderr.startswith("Options from cxr.toml: --workspace study\nError: ")
    assert "study/models" in result.stderr
    assert "Options from cxr.toml: --workspace study\n" in cxr("runs").stderr
    assert "in other/models" in cxr("runs", "-w", "other", "rm", "mine", "--yes").stderr
    monkeypatch.setenv("CXR_WORKSPACE", "variable")
    assert "in other/models" in cxr("runs", "-w", "other", "rm", "mine", "--yes").stderr
    assert "in variable/models" in cxr("runs", "rm", "mine", "--yes").stderr


def test_another_file_is_named_by_an_option_or_the_environment(cxr, settings, monkeypatch):
    settings('workspace = "one"\n')
    settings('workspace = "two"\n', "two.toml")
    settings('workspace = "three"\n', "three.toml")

    assert "Options from two.toml: --workspace two\n" in cxr("--config", "two.toml", "report").stderr
    monkeypatch.setenv("CXR_CONFIG", "three.toml")
    assert "Options from three.toml: --workspace three\n" in cxr("report").stderr
    assert "Options from two.toml: --workspace two\n" in cxr("--config", "two.toml", "report").stderr
    assert cxr("--config", "two.tml", "report").stderr == (
        "Error: Expected a file of options. Received: two.tml: No such file or directory.\nDid you mean two.toml?\n"
    )


def test_help_shows_its_own_defaults_whatever_the_file_says(cxr, settings):
    plain = cxr("predict", "--help")
    settings("[predict]\nnonsense = 1\n")

    assert cxr("predict", "--help") == plain
    assert cxr("init").stderr.startswith("Error: Expected no cxr.toml yet.")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "[train]\nlearnig-rate = 0.1",
            "Expected an option of cxr train in [train]. Received: learnig-rate in line 2 of cxr.toml.",
            "Did you mean learning-rate?",
        ),
        (
            "# options\n\n[train]\nseed = 1\nclass_weight = true",
            "Expected an option of cxr train in [train]. Received: class_weight in line 5 of cxr.toml.",
            "Did you mean class-weight?",
        ),
        (
            '[train]\nepochs = "3"',
            'Expected a whole number for epochs in [train]. Received: "3" in line 2 of cxr.toml.',
            "What it does: cxr train --help",
        ),
        (
            "[train]\nepochs = true",
            "Expected a whole number for epochs in [train]. Received: true in line 2 of cxr.toml.",
            "What it does: cxr train --help",
        ),
        (
            "[train]\nepochs = -1",
            "Expected a whole number, 0 or more, for epochs in [train]. Received: -1 in line 2 of cxr.toml.",
            "What it does: cxr train --help",
        ),
        (
            "[train]\nflip = 1",
            "Expected true or false for flip in [train]. Received: 1 in line 2 of cxr.toml.",
            "What it does: cxr train --help",
        ),
        (
            '[gradcam]\nmethod = "grad-cam++"',
            "Expected one of gradcam, gradcam++, hirescam, layercam, eigencam for method in [gradcam]. "
            'Received: "grad-cam++" in line 2 of cxr.toml.',
            "Did you mean gradcam++?",
        ),
        (
            "[prepare]\nmetadata = [1]",
            "Expected text in quotes for metadata in [prepare]. Received: 1 in line 2 of cxr.toml.",
            "What it does: cxr prepare --help",
        ),
        (
            "[trian]\nepochs = 1",
            "Expected the name of a command in brackets. Received: [trian] in line 1 of cxr.toml.",
            "Did you mean train?",
        ),
        (
            'arch = "mobilenetv2"',
            "Expected workspace, or a command in brackets. Received: arch in line 1 of cxr.toml.",
            "Write it below the command that it is for: [train]",
        ),
        (
            'workspce = "study"',
            "Expected workspace, or a command in brackets. Received: workspce in line 1 of cxr.toml.",
            "Did you mean workspace?",
        ),
        (
            "workspace = 3",
            "Expected text in quotes for workspace. Received: 3 in line 1 of cxr.toml.",
            'For example: workspace = "study"',
        ),
        (
            "workspace = study",
            "Expected TOML in cxr.toml. Received: Invalid value (at line 1, column 13).",
            'Options are written like arch = "mobilenetv2", below a line with their command, like [train]',
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_named_with_its_line(cxr, settings, text, message, hint):
    settings(text)

    result = cxr("report")  # whatever the command

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {message}\n{hint}\n"
