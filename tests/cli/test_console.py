import json
import re

import pytest

from cxr_cli.cli import console


def test_a_log_gets_progress_lines_with_speed_and_remaining_time(capsys, monkeypatch):
    clock = iter(range(0, 1000, 4))  # 4 s per film
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))

    assert list(console.ConsoleWatcher().track(range(7), "Reading films", total=7)) == list(range(7))
    assert capsys.readouterr().err == (
        "Reading films: 7\n"
        "Reading films: 3 of 7, 0.2 per second, 16 s left\n"
        "Reading films: 6 of 7, 0.2 per second, 4 s left\n"
        "Reading films: 7 of 7, done\n"
    )


@pytest.mark.parametrize(
    ("seconds_each", "total", "line"),
    [
        (1 / 143, 10_000, "1431 of 10000, 143 per second, 60 s left"),
        (1 / 143, 20_000, "1431 of 20000, 143 per second, 2 min left"),
        (2, 3000, "6 of 3000, 0.5 per second, 1.7 h left"),
    ],
)
def test_remaining_time_has_a_suitable_unit(capsys, monkeypatch, seconds_each, total, line):
    now = 0.0
    monkeypatch.setattr(console.time, "monotonic", lambda: now)
    for _ in console.ConsoleWatcher().track(range(total), "Answering", total=total):
        now += seconds_each
        if now > 12.5:
            break

    assert capsys.readouterr().err == f"Answering: {total}\nAnswering: {line}\n"


@pytest.mark.parametrize(
    ("done", "seconds", "rate"),
    [(3, 0.2, ""), (1, 0.999, ""), (12, 1.0, "12 per second"), (1, 8.0, "0.1 per second"), (1, 40.0, "40 s each")],
)
def test_a_rate_is_shown_after_a_second_and_never_as_zero(done, seconds, rate):
    assert console._per_second(done, seconds) == rate


@pytest.mark.parametrize("values", [[], [1], [{"name": "a\u2028b", "numbers": [0.5, 2]}, {}, ["é"]]])
def test_a_streamed_json_array_equals_one_printed_at_once(capsys, values):
    console.result_json(values)
    whole = capsys.readouterr().out
    with console.json_array() as add:
        for value in values:
            add(value)

    assert capsys.readouterr().out == whole


def test_an_interrupted_json_array_is_still_valid(capsys):
    def stopped() -> None:
        with console.json_array() as add:
            add({"image": "a.png"})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()

    assert json.loads(capsys.readouterr().out) == [{"image": "a.png"}]


def test_the_first_column_of_a_table_is_left_aligned(capsys):
    console.show_table(["Films", "covid"], [("train", 7), ("all", 12)])

    assert capsys.readouterr().out == "Films  covid\ntrain      7\nall       12\n"


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (100, r"Looking for shortcuts ━+ 19/19  [\d.]+ (per second|s each) \d:\d\d:\d\d left"),
        (75, r"Looking for shortcuts ━+ 19/19 \d:\d\d:\d\d left"),
        (50, r"Looking for shortcuts 19/19 \d:\d\d:\d\d left"),
    ],
)
def test_a_narrow_terminal_loses_the_rate_and_the_bar_before_the_time(capsys, monkeypatch, columns, line):
    clock = iter(range(1000))
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(console.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    list(console.ConsoleWatcher().track(range(19), "Looking for shortcuts", total=19))
    printed = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", capsys.readouterr().err)

    assert re.fullmatch(line, re.split(r"[\r\n]+", printed.strip())[-1].strip())


@pytest.mark.parametrize(("columns", "quality"), [(70, "  val AUC 0.812"), (50, "")])
def test_a_narrow_terminal_loses_the_quality_of_a_step_before_the_time(capsys, monkeypatch, columns, quality):
    monkeypatch.setattr(console.sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    watcher = console.ConsoleWatcher()
    watcher.begin_phase("train", first_epoch=1, epochs=2, steps=20)
    watcher._quality = "val AUC 0.812"
    watcher.end_step(20, 0.5)
    watcher.end_phase()
    printed = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", capsys.readouterr().err)

    assert re.search(rf"epoch 1 +step 20/20  loss 0\.500{quality} (-:--:--|\d:\d\d:\d\d) +left", printed)
