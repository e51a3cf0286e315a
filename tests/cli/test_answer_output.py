"""How the answer for one film is printed."""

import io
import sys
from types import SimpleNamespace

import pytest

from cxr_cli.cli.answer_output import axis, show_answer
from cxr_cli.cli.predict_output import show_films
from cxr_cli.prediction.answer import Answer
from cxr_cli.prediction.rows import PredictionRow

MARKS = ("-", "|", "=", "o")


@pytest.mark.parametrize(
    ("probability", "threshold", "line"),
    [
        (0.5, 0.2, "--|==o====="),
        (0.1, 0.5, "-o---|====="),
        (0.2001, 0.2, "--|o======="),  # on its right side of the operating point, also where both are the same place
        (0.1999, 0.2, "-o|========"),
        (1.0, 0.999, "---------|o"),
        (0.0, 0.001, "o|========="),
    ],
)
def test_the_axis_has_the_probability_and_the_operating_point(probability, threshold, line):
    answer = Answer("covid" if probability >= threshold else "flu", "covid", probability, threshold)

    assert axis(answer, width=11, marks=MARKS) == line


class Terminal(io.TextIOWrapper):
    def isatty(self):
        return True


def printed(monkeypatch, answer, *, columns, term="xterm", encoding="utf-8"):
    terminal = Terminal(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", term)
    show_answer(answer)
    terminal.flush()
    return terminal.buffer.getvalue().decode(encoding)


def test_a_terminal_gets_the_axis_and_a_class_below_a_half_no_confidence(monkeypatch):
    answer = Answer("covid", "covid", 0.387, 0.21, "youden")
    words = "  Class      : covid\n  Decided by : P(covid) 38.7%, above the operating point of 21.0% (youden)\n"

    wide = printed(monkeypatch, answer, columns=200)
    assert wide == words + f"  P(covid)   : 0% {'─' * 12}┃{'━' * 10}●{'━' * 36} 100%\n"
    folded = words.replace("operating point", "operating\n               point")
    narrow = f"  P(covid)   : 0% {'-' * 5}|{'=' * 4}o{'=' * 15} 100%\n"
    assert printed(monkeypatch, answer, columns=50, term="dumb") == folded + narrow
    assert printed(monkeypatch, answer, columns=50, encoding="latin-1") == folded + narrow
    assert len(narrow) == 49 + len("\n")
    assert "100%" not in printed(monkeypatch, answer, columns=30)


def test_elsewhere_the_words_alone_are_printed(capsys):
    show_answer(Answer("covid", "covid", 0.9, 0.5))

    assert capsys.readouterr().out == "  Class      : covid\n  Confidence : 90.0%\n"


def row(image, probability, threshold=0.502):
    label = "covid" if probability >= threshold else "flu"
    return PredictionRow(
        image=image,
        class_=label,
        confidence=probability if label == "covid" else 1 - probability,
        probability=probability,
        positive="covid",
        model="net",
        threshold=threshold,
    )


def test_a_table_of_films_tells_each_probability_from_the_operating_point(capsys):
    predictor = SimpleNamespace(positive="covid", record=SimpleNamespace(threshold=0.502, operating_point=None))
    show_films([row("a/1.png", 0.5018), row("b/2.png", 0.9)], predictor, None)

    assert capsys.readouterr().out == (
        "Film     Class  P(covid)\n"
        "a/1.png  flu      50.18%\n"
        "b/2.png  covid    90.00%\n"
        "A film is called covid if P(covid) is at least 50.20%, the operating point.\n"
    )
