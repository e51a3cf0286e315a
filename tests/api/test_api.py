"""The Python API: the same work, names and defaults as the command line, lazily and silently."""

import ast
import inspect
import re
import subprocess
import sys
from enum import Enum
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer

import cxr_cli
from cxr_cli.cli.app import app
from cxr_cli.errors import COMMANDS, CxrError, UsageError, in_python
from cxr_cli.films.reader import read_film

SOURCES = Path(cxr_cli.__file__).parent
# --augment-preview trains nothing; --methods only prints what `report` returns and writes.
TERMINAL_ONLY = {"as_json", "everything", "help", "listed", "augment_preview", "methods"}

TERMINAL_ONLY_COMMANDS = {"init"}  # the Python API reads no cxr.toml


def command_options(command):
    """The options of a command by the name that Python has for them, with their defaults."""
    options = {}
    for parameter in command.params:
        if parameter.name in TERMINAL_ONLY:
            continue
        flags = [flag for flag in parameter.opts if flag.startswith("--")]
        name = flags[0].removeprefix("--").replace("-", "_") if flags else parameter.name
        default = parameter.default
        default = default.value if isinstance(default, Enum) else default
        options["from_run" if name == "from" else name] = None if parameter.required else default
    return options


def test_every_command_is_a_function():
    commands = typer.main.get_command(app).commands

    of_python = [name for name in commands if name not in TERMINAL_ONLY_COMMANDS]
    assert of_python == list(COMMANDS), "COMMANDS of errors.py and the commands of cli/app.py differ"
    assert set(of_python) <= set(cxr_cli.__all__), "a command has no function in cxr_cli/__init__.py"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_and_its_function_have_the_same_options_and_defaults(name):
    parameters = inspect.signature(getattr(cxr_cli, name)).parameters
    defaults = {
        key: None if parameter.default in (inspect.Parameter.empty, ()) else parameter.default
        for key, parameter in parameters.items()
    }

    assert defaults == command_options(typer.main.get_command(app).commands[name])


def test_the_import_loads_nothing_and_each_name_can_be_had():
    code = (
        "import sys; import cxr_cli as cxr; loaded = set(sys.modules); "
        "print({'numpy', 'typer', 'tensorflow', 'keras', 'pandas', 'msgspec'} & loaded); "
        "[getattr(cxr, name) for name in cxr.__all__]; cxr.metrics.auc_interval; "
        "print({'tensorflow', 'keras', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\nset()\n"


def test_the_names_are_the_same_for_type_checkers_and_at_run_time():
    tree = ast.parse((SOURCES / "__init__.py").read_text(encoding="utf-8"))
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    imported = {alias.name: node.module for node in checked.body for alias in node.names}

    assert sorted(imported) == sorted(cxr_cli.__all__)
    assert {name: module for name, module in imported.items() if name != "metrics"} == cxr_cli._PLACES
    assert (SOURCES / "py.typed").is_file()


def test_a_run_predicts_a_file_and_its_pixels_alike(trained, film):
    run = cxr_cli.load_run(str(trained.run().root))
    of_file, of_pixels = run.predict(str(film)), run.predict(read_film(film))

    assert run.name == "simple-cnn"
    assert (run.classes.negative, run.classes.positive) == ("non_covid", "covid")
    assert run.record.arch == "simple-cnn"
    assert of_file.image == str(film)
    assert of_file.probability == pytest.approx(of_pixels.probability, abs=1e-6)
    assert (of_file.class_ == "covid") == (of_file.probability >= of_file.threshold)


def test_predictions_of_many_films_make_a_data_frame(trained, film, tmp_path):
    damaged = tmp_path / "cut.png"
    damaged.write_bytes(film.read_bytes()[:3000])
    run = cxr_cli.load_run(workspace=trained.root)

    frame = pd.DataFrame(run.predict_all([film, str(damaged)]))

    assert list(frame["image"]) == [str(film), str(damaged)]
    assert frame["probability"][0] == pytest.approx(run.predict(film).probability)
    assert pd.isna(frame["probability"][1])
    assert "is damaged or cut short" in frame["error"][1]


def test_predict_is_the_run_on_all_films(trained, film, tmp_path):
    (row,) = cxr_cli.predict(film, csv=tmp_path / "rows.csv", workspace=trained.root)

    assert row.probability == cxr_cli.load_run("simple-cnn", workspace=trained.root).predict(film).probability
    assert len(pd.read_csv(tmp_path / "rows.csv")) == 1


@pytest.mark.parametrize("method", ["gradcam", "grad-cam", "Grad-CAM"])
def test_a_heat_map_is_an_array_and_a_picture(trained, film, tmp_path, method):
    heat = cxr_cli.load_run(workspace=trained.root).explain(film, method=method, target="covid")

    picture, values = heat.save(tmp_path / "heat.png", overlay_only=True), heat.save(str(tmp_path / "heat.npy"))

    assert np.asarray(heat).dtype == np.float32
    np.testing.assert_array_equal(np.load(values), np.asarray(heat))
    assert read_film(picture).shape == read_film(film).shape
    with pytest.raises(UsageError, match=r"^Expected an output file ending in \.png"):
        heat.save("heat.doc")


def test_gradcam_writes_the_same_picture_as_the_command(cxr, trained, film, tmp_path):
    made = cxr_cli.gradcam(film, output=tmp_path / "python.png", workspace=trained.root)
    cxr("gradcam", film, "-o", tmp_path / "terminal.png", "-w", trained.root)

    assert made.output.read_bytes() == (tmp_path / "terminal.png").read_bytes()


def test_the_manifest_is_a_data_frame(prepared):
    frame = cxr_cli.read_manifest(prepared.root).to_pandas()

    assert set(frame["split"]) == {"train", "val", "test"}
    assert len(frame) == len(cxr_cli.read_manifest(prepared.root))


def test_calls_are_silent_unless_progress_is_shown(capfd, tmp_path):
    cxr_cli.phantoms(tmp_path / "a", films=2)
    silent = capfd.readouterr()
    with cxr_cli.show_progress():
        cxr_cli.phantoms(tmp_path / "b", films=2)
    shown = capfd.readouterr()

    assert (silent.out, silent.err) == ("", "")
    assert (shown.out, shown.err) == ("", "Rendering films: 2\n")


@pytest.mark.parametrize(
    ("hint", "python"),
    [
        ("cxr train --arch xception --class-weight", "cxr.train(arch='xception', class_weight=True)"),
        ("For example: --target covid", "For example: target='covid'"),
        ("Fewer folds: --folds 3", "Fewer folds: folds=3"),
        ("Leave out --patient-pattern", "Leave out patient_pattern"),
        ("Say which: --positive a or --positive b", "Say which: positive='a' or positive='b'"),
        ("cxr export run --format h5 -o f.h5 -w ws", "cxr.export('run', format='h5', output='f.h5', workspace='ws')"),
        ("Train it again: cxr train --from run; or leave it", "Train it again: cxr.train(from_run='run'); or leave it"),
        ("What each does: cxr train --help", "What each does: help(cxr.train)"),
        ("Add films of more patients", "Add films of more patients"),
    ],
)  # fmt: skip
def test_a_hint_is_written_in_python(hint, python):
    assert in_python(hint) == python
    assert CxrError("Expected this.", hint=hint).__notes__ == [python]


def test_an_error_shows_its_hint_in_python(trained, film):
    with pytest.raises(UsageError) as caught:
        cxr_cli.gradcam(film, target="flu", workspace=trained.root)

    assert str(caught.value) == "Expected the target non_covid or covid. Received: 'flu'."
    assert caught.value.__notes__ == ["For example: target='covid'"]


def messages():
    """Each first argument of an error that the library raises, as source text."""
    names = {name for name in cxr_cli.__all__ if name.endswith("Error")}
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names and node.args:
                yield path.relative_to(SOURCES).as_posix(), ast.unparse(node.args[0])


def test_no_message_names_an_option_of_the_command_line():
    assert [(path, text) for path, text in messages() if re.search(r"--[a-z]", text)] == []
