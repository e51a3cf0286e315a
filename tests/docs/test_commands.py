"""Every command in the docs exists with its options; those of the tutorial, the how-to pages and README are run."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from cxr_cli.cli.app import app
from cxr_cli.films.reader import read_film
from cxr_cli.metrics import table
from cxr_cli.recipe import architectures
from cxr_cli.rendering.render import write_phantoms

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
OTHERS = {"docs/reference/commands.md", "docs/reference/files.md"}  # written by tests, from the code itself
GROUP = typer.main.get_command(app)


def code_lines(page: Path) -> Iterator[str]:
    """The lines of a page's code blocks that call `cxr`, without the prompt and a comment."""
    fenced = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif (fenced or line.startswith("    ")) and (call := re.match(r"\s*(?:\$ )?(cxr .*)", line)):
            yield re.split(r"\s+#|\s*\|\|", call[1])[0].strip()


def spans(page: Path) -> Iterator[str]:
    """The commands within a page's sentences, which may lack arguments."""
    for call in re.findall(r"`(cxr [a-z][^`]*)`", page.read_text(encoding="utf-8")):
        yield " ".join(call.split())


def command_of(words: list[str]) -> tuple[object, list[str]]:
    """The command that words call, through groups of commands; and its arguments."""
    command, words = GROUP, words[1:]
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words


def unknown_options(call: str) -> list[str]:
    """The options of a call that its command lacks."""
    command, words = command_of(shlex.split(call))
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}  # type: ignore[attr-defined]
    given = [word.split("=")[0] for word in words if re.match(r"--?[a-zA-Z]", word)]
    return [option for option in given if option not in known | {"--help", "--version", "-h"}]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_on_a_page_exists(page):
    if page.relative_to(ROOT).as_posix() in OTHERS:
        pytest.skip("written from the code")
    for call in (*code_lines(page), *spans(page)):
        words = shlex.split(call)
        name = words[1] if len(words) > 1 else ""
        if name in {"COMMAND", "..."} or name.startswith("-"):
            continue
        assert name in GROUP.commands, f"no such command: {call}"
        assert unknown_options(call) == [], f"no such option: {call}"


# Commands that are run by other tests: they wait for a browser, a PACS or a cluster, or take minutes.
ELSEWHERE = {
    "cxr serve": "tests/web",
    "cxr listen": "tests/pacs",
    "cxr demo": "tests/cli/test_demo.py",
    "cxr crossval": "tests/cli/test_crossval.py",
    "cxr prepare --metadata dataset": "tests/cli/test_prepare.py",
    "cxr train --arch mobilenetv2": "tests/cli/test_train.py",
}
# What makes a command quick, without changing what it does.
SMALLER = {
    "--films 120 --seed 1": "--films 40 --seed 3",
    "--epochs 15 --batch-size 16": "--epochs 2 --image-size 64 --batch-size 8",
    "--arch simple-cnn --class-weight": "--arch simple-cnn --class-weight --epochs 1 --image-size 64",
}
ALARM = 3  # the audit of drawn films may sound one


def run_page(cxr, page: str) -> list[str]:
    """Run the commands of a page of `docs/` in order; gives those that were run."""
    done = []
    for call in code_lines(ROOT / "docs" / page):
        if any(call.startswith(start) for start in ELSEWHERE):
            continue
        smaller = call
        for text, quick in SMALLER.items():
            smaller = smaller.replace(text, quick)
        result = cxr(*shlex.split(smaller)[1:])
        assert result.exit_code in ({0, ALARM} if call == "cxr audit" else {0}), f"{call}\n{result.stderr}"
        done.append(call)
    return done


@pytest.mark.draws
def test_the_tutorial_ends_with_a_report(cxr, in_folder):
    done = run_page(cxr, "tutorial/first-report.md")

    assert "cxr report" in done
    assert (in_folder / "workspace" / "reports" / "simple-cnn" / "report.html").is_file()
    assert (in_folder / "heat.png").is_file()


def class_folders(folder: Path, films: Path, *, positive: str) -> None:
    """Sort phantoms into one folder per class; their names begin with a patient number."""
    for number, film in enumerate(sorted(films.glob("*covid*.png"))):
        label = "normal" if film.name.startswith("non_covid") else positive
        (folder / label).mkdir(parents=True, exist_ok=True)
        shutil.copyfile(film, folder / label / f"{number:04}_a.png")


@pytest.fixture
def with_run(in_folder, trained, phantoms):
    """A folder with a workspace that has a run, a film, and films of elsewhere."""
    shutil.copytree(trained.root, in_folder / "workspace")
    shutil.copyfile(phantoms.parent / "covid.png", in_folder / "film.png")
    elsewhere = write_phantoms(in_folder / "elsewhere", films=12, seed=5)
    class_folders(in_folder / "elsewhere-folders", elsewhere.parent, positive="covid")
    return in_folder


def test_the_file_of_options_on_its_page_is_read(cxr, in_folder):
    page = (ROOT / "docs" / "how-to" / "options.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```toml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    said = re.search(r"^Options from cxr.toml: .*\n", page, re.MULTILINE)

    assert cxr("init").exit_code == 0
    (in_folder / "cxr.toml").write_text(text, encoding="utf-8")

    assert cxr("train").stderr.startswith(said[0])


@pytest.mark.parametrize("page", ["threshold", "external-test"])
def test_the_commands_of_a_page_run_with_a_trained_run(cxr, with_run, page):
    assert len(run_page(cxr, f"how-to/{page}.md")) >= 2


def test_the_commands_for_class_folders_run(cxr, in_folder, phantoms):
    class_folders(in_folder / "films", phantoms.parent, positive="pneumonia")

    assert "cxr evaluate" in run_page(cxr, "how-to/class-folders.md")


def test_the_command_for_dicom_runs(cxr, in_folder, phantoms, write_dicom):
    (in_folder / "archive").mkdir()
    rows = ["filename,finding"]
    for number, film in enumerate(sorted(phantoms.parent.glob("*covid*.png"))):
        name = f"{number:03}.dcm"
        patient = {"PatientID": f"P{number}", "Modality": "DX", "ViewPosition": "PA", "BodyPartExamined": "CHEST"}
        write_dicom(in_folder / "archive" / name, read_film(film), bits=8, **patient)
        rows.append(f"{name},{'No Finding' if film.name.startswith('non_covid') else 'COVID-19'}")
    (in_folder / "findings.csv").write_text("\n".join(rows) + "\n")

    assert run_page(cxr, "how-to/dicom.md") == ["cxr prepare --dicom archive --findings findings.csv"]
    assert (in_folder / "workspace" / "dataset" / "manifest.csv").is_file()


def test_the_notebook_runs(in_folder, phantoms):
    shutil.copytree(phantoms.parent, in_folder / "films")
    shutil.copyfile(phantoms.parent / "covid.png", in_folder / "film.png")
    page = (ROOT / "docs" / "how-to" / "notebook.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}

    for block in re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        exec(compile(block, "notebook.md", "exec"), names)

    assert (in_folder / "heat.png").is_file()
    assert len(names["table"]) == 40


def test_the_rows_that_a_page_adds_are_rows_of_the_tables():
    page = (ROOT / "docs" / "how-to" / "extend.md").read_text(encoding="utf-8")
    architecture, metric = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)

    rows = eval("{" + architecture + "}", vars(architectures))
    assert isinstance(rows["resnet50v2"], architectures.Architecture)
    (row,) = eval(f"({metric})", vars(table))
    assert isinstance(row, table.Metric)
    assert row.name not in table.METRICS
