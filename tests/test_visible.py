"""What a name from a file can do to a terminal, a page, a Markdown document or a chart: nothing."""

import csv
import json
import shutil
import warnings
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from cxr_cli.cli import console
from cxr_cli.errors import CxrError
from cxr_cli.films.figures import save_figure
from cxr_cli.pages.markdown import markdown_table, markdown_text
from cxr_cli.pages.markup import code
from cxr_cli.pages.render import render_page
from cxr_cli.reporting.document import Document, Figures, Pictures, Section, TableBlock, Text, to_markdown
from cxr_cli.visible import visible

STEERING = [*map(chr, (*range(9), *range(11, 32), 127, *range(128, 160))), *"\u2028\u2029\u202e\u2066\u200f\ufeff"]
NAME = "\x1b[31mcovid\x9b2J\u202egnp.\r\n[red]bold[/red]"
SHOWN = r"\x1b[31mcovid\x9b2J\u202egnp.\r\n[red]bold[/red]"


def test_only_what_steers_is_spelled():
    text = "Größe 肺 ‘10 %’ – a\tb\nc é 🫁"

    assert visible(text) == text
    assert [visible(character) for character in STEERING] == [
        character.encode("unicode_escape").decode() for character in STEERING
    ]


def test_a_terminal_gets_no_control_characters_and_no_markup(capsys):
    watcher = console.ConsoleWatcher()
    console.result(NAME)
    console.show_table(["", ""], [[NAME, 1]])
    console.show_table([NAME.replace("\n", ""), "n"], [[NAME, "1"]], rule=True)
    console.note(NAME)
    watcher.note(NAME)
    console.show_error(CxrError(NAME, hint=NAME))
    list(watcher.track([1], NAME, total=1))
    printed = capsys.readouterr()

    for text in (printed.out, printed.err):
        assert not set(text) & set(STEERING)
        assert text.count("[red]bold[/red]") >= 3
    assert printed.err.splitlines() == [SHOWN, SHOWN, f"Error: {SHOWN}", SHOWN, f"{SHOWN}: 1"]
    assert printed.out.startswith(f"{SHOWN}\n{SHOWN}  1\n")


def test_a_progress_bar_takes_no_markup_from_a_name(monkeypatch, capsys):
    monkeypatch.setattr(console.sys.stderr, "isatty", lambda: True, raising=False)
    with console._bar("{task.description}", "{task.fields[rate]}") as bar:
        bar.console._force_terminal = True
        bar.add_task("[/red][link=file:///etc]x", total=1, rate="[bold")
        table = bar.make_tasks_table(bar.tasks)
        assert [str(cell) for column in (0, 2) for cell in table.columns[column].cells] == [
            "[/red][link=file:///etc]x",
            "[bold",
        ]
    capsys.readouterr()


def test_json_says_the_same_without_them(capsys):
    console.result_json({NAME: [NAME, *STEERING]})
    with console.json_array() as add:
        add(NAME)
    printed = capsys.readouterr().out

    assert not set(printed) & set(STEERING)
    first, second = printed[: printed.index("\n[") + 1], printed[printed.index("\n[") + 1 :]
    assert json.loads(first) == {NAME: [NAME, *STEERING]}
    assert json.loads(second) == [NAME]


HOSTILE = {
    "# heading": "\\# heading",
    "- a": "\\- a",
    "1. a": "1\\. a",
    "a\n\n# b": "a  # b",
    "[click](javascript:x)": "\\[click\\](javascript:x)",
    "![](http://x)": "!\\[\\](http://x)",
    "<img src=x>": "&lt;img src=x>",
    "&lt;script": "&amp;lt;script",
    "a | b": "a \\| b",
    "`code` *b* _i_ ~s~ $m$ \\": "\\`code\\` \\*b\\* \\_i\\_ \\~s\\~ \\$m\\$ \\\\",
    "non_covid a-b 95 % (0.9)": "non_covid a-b 95 % (0.9)",
    "\x1b[0m": "\\\\x1b\\[0m",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_markdown_shows_a_name_as_it_is(name):
    assert markdown_text(name) == HOSTILE[name]


def test_no_place_of_a_document_lets_a_name_through():
    name = "<script>x</script>[a](b)\x1b\n# h"
    blocks = [
        *(Text(name), Text(name, "alarm"), Figures([(name, 3, name)])),
        TableBlock([name, "n"], [[name, 1]], caption=name),
        Pictures([(Image.new("L", (2, 2)), name)]),
    ]
    document = Document(title=name, lead=name, origin=name, sections=[Section(name, blocks)])

    text, page = to_markdown(document), render_page("report.html", document=document)
    assert "<" not in text
    assert "[a](b)" not in text
    assert not [line for line in text.splitlines() if line.startswith("# h")]
    assert not set(text + page + code(f"`{name}` {name}")) & set(STEERING)
    assert page.count("<script") == 1  # the page's own
    assert markdown_table([["a", "b"], ["|", "x"]], left=1) == "| a | b |\n| --- | ---: |\n| \\| | x |"


@pytest.mark.draws
def test_a_name_with_dollars_or_other_scripts_is_drawn_as_it_is(tmp_path):
    from matplotlib.figure import Figure

    chart = Figure(layout="constrained")
    axes = chart.subplots()
    name = "$\\nothing$ 肺 \x1b"
    axes.set_xticks([0, 1], [name, name])
    axes.plot([0, 1], label=name)
    axes.set_title(name)
    axes.legend()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(chart, tmp_path / "chart.png", alt=name)
    with Image.open(tmp_path / "chart.png") as picture:
        assert picture.size[0] > 100


def test_a_film_and_a_class_with_such_names_are_spelled_in_every_line(cxr, in_folder):
    with zipfile.ZipFile(Path(__file__).parent / "workspaces" / "0.1.0.zip") as archive:
        archive.extractall("workspace")
    for name in ("run.json", "class_indices.json"):
        path = Path("workspace/models/cnn") / name
        path.write_text(path.read_text().replace('"covid"', json.dumps(NAME)))
    film = Path(shutil.copy("workspace/dataset/split/test/covid/covid_2.png", f"film {NAME.replace('/', '')}.png"))

    shown = cxr("predict", film, "--model", "cnn", "--force", "--csv", "rows.csv")
    heat = cxr("gradcam", film, "--model", "cnn", "--force", "-o", f"heat{NAME.replace('/', '')}.png")
    assert (shown.exit_code, heat.exit_code) == (0, 0)
    for text in (shown.stdout, shown.stderr, heat.stdout, heat.stderr):
        assert not set(text) & set(STEERING)
    assert f"Class      : {SHOWN}\n" in shown.stdout
    with Path("rows.csv").open(encoding="utf-8", newline="") as table:
        assert next(csv.DictReader(table))["positive"] == NAME
