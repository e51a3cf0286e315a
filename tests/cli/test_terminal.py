"""What a terminal shows: lines that fit, and the colors of what they mean."""

import io

import pytest

from cxr_cli.cli import console, terminal
from cxr_cli.doubts import alarm, remark, warning
from cxr_cli.errors import CxrError


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def shown(monkeypatch):
    """Make stdout and stderr one terminal; the function sets its columns, and returns what was printed."""
    stream = Terminal()
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")

    def on(columns):
        monkeypatch.setenv("COLUMNS", str(columns))
        for name in ("stdout", "stderr"):
            monkeypatch.setattr(console.sys, name, stream)
        return stream

    return on


def test_words_wrap_between_words_with_a_hanging_indent(shown):
    stream = shown(40)
    console.note("The operating point was chosen on few films, so it is not certain.")

    assert stream.getvalue() == "The operating point was chosen on few\n  films, so it is not certain.\n"


def test_what_follows_a_label_stays_to_its_right(shown):
    stream = shown(40)
    console.result("Kept      : epoch 3 of 4, which was better than the head start")

    assert stream.getvalue() == "Kept      : epoch 3 of 4, which was\n            better than the head start\n"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "Leave them out: cxr evaluate --drop-seen --name my-other-hospital and read it again.",
            [
                "Leave them out:",
                "  cxr evaluate --drop-seen --name my-other-hospital",
                "  and read it again.",
            ],
        ),
        (
            "PPV and NPV hold for a set with 20% covid; for another: --prevalence SHARE",
            ["PPV and NPV hold for a set with 20% covid; for", "  another: --prevalence SHARE"],
        ),
        (
            "It was not tested. Test it: cxr evaluate xception-imagenet-again",
            ["It was not tested. Test it:", "  cxr evaluate xception-imagenet-again"],
        ),
        (
            "In brackets: 95% intervals, which are those of the mean.",
            ["In brackets: 95% intervals, which are those of the", "  mean."],
        ),
        (
            "Files: /a-long/path-with-hyphens/that-is/wider-than/the-terminal/of-52/columns",
            ["Files:", "  /a-long/path-with-hyphens/that-is/wider-than/the-terminal/of-52/columns"],
        ),
    ],
)
def test_what_a_person_may_copy_is_not_broken(text, lines):
    assert terminal.wrap(text, 52) == lines


def test_nothing_wraps_in_a_pipe(capsys):
    console.result("word " * 100)

    assert capsys.readouterr().out == "word " * 100 + "\n"


def test_the_loudest_doubt_is_first_and_only_its_label_is_colored(shown):
    stream = shown(80)
    console.show_doubts([remark("Few films."), warning("It leaks.", "Prepare again: cxr prepare"), alarm("By chance.")])

    assert stream.getvalue() == (
        "\x1b[31m\x1b[1mAlarm:\x1b[0m By chance.\n"
        "\x1b[33m\x1b[1mWarning:\x1b[0m It leaks. Prepare again: cxr prepare\n"
        "\x1b[2mNote: Few films.\x1b[0m\n"
    )


def test_an_error_is_red(shown):
    stream = shown(80)
    console.show_error(CxrError("Expected a film. Received: none.", hint="cxr predict FILM"))

    assert stream.getvalue() == "\x1b[31m\x1b[1mError:\x1b[0m Expected a film. Received: none.\ncxr predict FILM\n"


@pytest.mark.parametrize(
    ("variables", "on_terminal", "colored"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"TERM": "dumb"}, True, False),
        ({"NO_COLOR": ""}, True, True),
    ],
)
def test_who_sees_colors(shown, monkeypatch, variables, on_terminal, colored):
    shown(80)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert terminal.has_colors(Terminal() if on_terminal else io.StringIO()) is colored
