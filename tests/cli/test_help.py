"""Help texts match the golden files, docs/reference/commands.md and the table in README."""

import os
from importlib.metadata import version
from pathlib import Path

import pytest
import typer

from cxr_cli.cli.app import app

ROOT = Path(__file__).parents[2]
WRITE = "CXR_WRITE_GOLDEN=1 pytest -n0 tests/cli/test_help.py"
GOLDEN = ROOT / "tests" / "golden"
GROUP = typer.main.get_command(app)
COMMANDS = list(GROUP.commands)
# Those of a command that has some: "runs rm".
INNER = [f"{name} {inner}" for name in COMMANDS for inner in getattr(GROUP.commands[name], "commands", ())]


@pytest.mark.skipif(
    tuple(map(int, version("typer").split(".")[:2])) < (0, 28), reason="older Typers write the same help in other words"
)
@pytest.mark.parametrize("command", ["", *COMMANDS, *INNER])
def test_help_matches_the_golden_file(cxr, command):
    result = cxr(*command.split(), "--help")
    golden = golden_file(command or "cxr")
    if os.environ.get("CXR_WRITE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(result.stdout, encoding="utf-8")

    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout == golden.read_text(encoding="utf-8"), f"If the new text is meant: {WRITE}"


def test_there_is_no_golden_file_of_another_command():
    assert {path.name for path in GOLDEN.glob("help-*.txt")} == {
        golden_file(name).name for name in ("cxr", *COMMANDS, *INNER)
    }


def golden_file(command):
    return GOLDEN / f"help-{command.replace(' ', '-')}.txt"


def golden_help(command):
    return golden_file(command).read_text(encoding="utf-8")


def reference():
    """Return docs/reference/commands.md: every help text in the order of `cxr --help`."""
    head = "# The commands\n\nWhat `cxr COMMAND --help` prints; written by `tests/cli/test_help.py`.\n"
    listed = [each for name in COMMANDS for each in (name, *(inner for inner in INNER if inner.split()[0] == name))]
    return head + "".join(f"\n## cxr {command}\n\n```text\n{golden_help(command)}```\n" for command in listed)


def readme_table():
    """Return README's table: the first sentence and the example of each command."""
    rows = []
    for command in COMMANDS:
        _, sentence, *others = golden_help(command).split("\n\n")
        example = next(text.strip() for text in others if text.strip().startswith("Example:"))
        rows.append(f"| {' '.join(sentence.split())} | `{example.removeprefix('Example: ')}` |\n")
    return "| what it does | for example |\n| --- | --- |\n" + "".join(rows)


def test_the_reference_and_the_readme_table_match_the_help_texts():
    path, readme = ROOT / "docs" / "reference" / "commands.md", ROOT / "README.md"
    before, marker, rest = readme.read_text(encoding="utf-8").partition("<!-- commands -->\n")
    _, end, after = rest.partition("<!-- /commands -->\n")
    assert marker
    assert end
    text = before + marker + readme_table() + end + after
    if os.environ.get("CXR_WRITE_GOLDEN"):
        path.write_text(reference(), encoding="utf-8")
        readme.write_text(text, encoding="utf-8")

    assert path.read_text(encoding="utf-8") == reference()
    assert readme.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("command", [*COMMANDS, *INNER])
def test_every_command_has_a_sentence_and_an_example(cxr, command):
    usage, sentence, *others = cxr(*command.split(), "--help").stdout.split("\n\n")

    assert usage.startswith(f"Usage: cxr {command}")
    assert sentence.strip().endswith(".")
    assert any(text.strip().startswith(f"Example: cxr {command}") for text in others)


def sections(command):
    """The lists below the headings of a help text: heading -> lines."""
    _, *blocks = golden_help(command).split("\n\n")
    return {block.splitlines()[0][:-1]: block.splitlines()[1:] for block in blocks if not block.startswith(" ")}


def test_the_commands_are_listed_under_headings():
    below = {heading: [line.split()[0] for line in lines] for heading, lines in sections("cxr").items()}

    assert list(below) == ["Options", "Start", "Data", "Train", "Test", "Use", "Files"]
    assert [name for heading, names in below.items() if heading != "Options" for name in names] == COMMANDS


def test_every_summary_is_the_whole_first_sentence_of_the_help():
    del (lists := sections("cxr"))["Options"]
    summaries = dict(line.split(maxsplit=1) for lines in lists.values() for line in lines)

    for command, summary in summaries.items():
        _, sentence, *_ = golden_help(command).split("\n\n")
        assert summary == " ".join(sentence.split())


def test_no_summary_is_cut_in_a_narrow_terminal(cxr, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    narrow = cxr("--help").stdout

    assert "…" not in narrow
    assert "..." not in narrow.partition("Start:")[2]
    assert " ".join(narrow.split()) == " ".join(golden_help("cxr").split())


def test_options_of_training_are_under_their_headings():
    assert list(sections("train")) == [
        *("Run", "In place of training", "Network", "Training", "Fine-tuning", "Head start", "Operating point"),
        *("Augmentation", "Machine", "General"),
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_more_than_nine_options_are_under_headings(command):
    found = sections(command)
    plain = sum(line.startswith("  -") for line in found.get("Options", []))

    assert plain <= 9, "Give each option a heading, in cli/headings.py"
    assert plain == 0 or set(found) <= {"Arguments", "Options", "Commands"}, "An option has no heading: cli/headings.py"


def test_no_line_of_a_help_text_ends_within_an_option():
    for command in COMMANDS:
        assert not [line for line in golden_help(command).splitlines() if line.endswith("-")]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_mentions_every_command(command):
    assert f"cxr {command}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_version_prints_the_package_version(cxr):
    assert cxr("--version").stdout == f"cxr {version('cxr-cli')}\n"


def test_an_unknown_command_is_wrong_usage(cxr):
    result = cxr("predikt")

    assert result.exit_code == 2
    assert result.stdout == ""
    assert "No such command 'predikt'" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict"],
        ["train", "--arch", "vgg99"],
        ["train", "--epochs", "-1"],
        ["evaluate", "--split", "final"],
        ["gradcam", "film.png", "--alpha", "2"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_shows_the_usage(cxr, arguments):
    result = cxr(*arguments)

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"Usage: cxr {arguments[0]}")
    assert "Error: " in result.stderr
