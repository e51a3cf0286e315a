"""`cxr status` checks the installation and the workspace, and changes nothing."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

import cxr_cli
from cxr_cli.evaluation.evaluate import evaluate
from cxr_cli.extras import EXTRAS
from cxr_cli.workspace.layout import TRAIN_COMMAND, Workspace

RUN = "simple-cnn"
PROJECT = Path(__file__).parents[2] / "pyproject.toml"
NOT_LISTED = {"dev", "docs", "train-gpu"}  # for developers, and in place of "train"


@pytest.fixture(autouse=True)
def own_keras(monkeypatch, tmp_path):
    """A cache of weights with one file."""
    folder = tmp_path / "keras" / "models"
    folder.mkdir(parents=True)
    (folder / "net.weights.h5").write_bytes(bytes(2_500_000))
    monkeypatch.setenv("KERAS_HOME", str(folder.parent))
    return folder


def lines(result):
    return dict(re.findall(r"^(\S.*?) *: (.*)$", result.stdout, re.MULTILINE))


def state(root):
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if not path.name.startswith(".lock")}


def test_it_shows_versions_extras_weights_workspace_and_the_next_command(cxr, trained, own_keras):
    result = cxr("status", "-w", trained.root)
    shown = lines(result)
    films = sum(sum(1 for _ in path.iterdir()) for path in (trained.dataset.root / "split").glob("*/*"))

    assert result.exit_code == 0
    assert shown["Versions"].startswith(f"cxr {version('cxr-cli')}, ")
    assert f"Python {sys.version.split()[0]}" in shown["Versions"]
    tensorflow = version(packages_distributions()["tensorflow"][0])  # or tensorflow-cpu
    assert f"  tensorflow {tensorflow}, keras {version('keras')}, ai-edge-litert " in result.stdout
    assert shown["Weights"] == f"net.weights.h5 (2.5 MB) in {own_keras}"
    assert re.fullmatch(rf"{re.escape(str(trained.root))}, \d+\.\d MB; [\d.]+ [MG]B free", shown["Workspace"])
    assert re.fullmatch(rf"{films} films, prepared on 20\d\d-\d\d-\d\d", shown["Dataset"])
    assert re.fullmatch(r"simple-cnn; \d files are as they were written", shown["Runs"])
    assert result.stdout.endswith("\nNext: cxr evaluate simple-cnn\n")


def test_it_changes_nothing_and_loads_no_tensorflow(trained):
    before = state(trained.root)
    code = (
        "import sys, cxr_cli; cxr_cli.status(workspace=sys.argv[1]); print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, trained.root], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
    assert state(trained.root) == before


def test_json_has_it_all(cxr, trained):
    found = json.loads(cxr("status", "--json", "-w", trained.root).stdout)

    assert found["whole"] is True
    assert found["versions"]["cxr"] == version("cxr-cli")
    assert found["workspace"] == str(trained.root)
    assert found["free_bytes"] > 0
    assert (found["runs"], found["faults"], found["unfinished"], found["left_overs"]) == ([RUN], [], [], [])
    assert {extra["name"] for extra in found["extras"]} == set(EXTRAS)


def test_damage_is_named_with_the_way_out_and_exits_with_1(cxr, own_trained):
    evaluate(own_trained)
    run = own_trained.run()
    data = bytearray(run.litert_model.read_bytes())
    data[len(data) // 2] ^= 1
    run.litert_model.write_bytes(bytes(data))
    own_trained.evaluation(RUN, "test").record.write_text("{")
    film = next((own_trained.dataset.root / "split" / "test").glob("*/*"))
    film.unlink()
    result = cxr("status", "-w", own_trained.root)
    damaged = [line for line in result.stdout.splitlines() if line.startswith("Damaged: ")]

    assert result.exit_code == 1
    assert damaged[0] == (
        f"Damaged: Expected 1 more film in {own_trained.dataset.root}, for example "
        f"{film.relative_to(own_trained.dataset.root)}. Received: no such file."
    )
    assert damaged[1].startswith(f"Damaged: Expected {run.litert_model} as it was written, with the sha256 ")
    assert damaged[2].startswith("Damaged: Expected an EvaluationRecord in ")
    assert len(damaged) == 3
    assert "  Put the file back from a copy, or remove the run: cxr runs rm simple-cnn\n" in result.stdout
    assert result.stdout.endswith("\nNext: cxr prepare --metadata dataset/metadata.csv\n")
    found = json.loads(cxr("status", "--json", "-w", own_trained.root).stdout)
    assert (found["whole"], len(found["faults"])) == (False, 3)


def test_the_next_command_is_the_next_step(trained, tmp_path):
    workspace = Workspace(tmp_path / "workspace")

    def next_command():
        return cxr_cli.status(workspace=workspace.root).next

    assert next_command() == "cxr prepare --metadata dataset/metadata.csv, or to try everything without data: cxr demo"
    shutil.copytree(trained.root, workspace.root, ignore=shutil.ignore_patterns("models"))
    assert next_command() == TRAIN_COMMAND
    shutil.copytree(trained.models, workspace.models)
    assert next_command() == "cxr evaluate simple-cnn"
    evaluate(workspace)
    assert next_command() == "cxr audit"
    record = workspace.run().record
    record.write_text(record.read_text().replace(json.loads(record.read_text())["dataset_fingerprint"], "0" * 64))
    assert next_command() == TRAIN_COMMAND  # it was trained on another dataset


def test_what_is_used_or_left_over_is_listed(cxr, own_trained):
    left = own_trained.models / ".staged-simple-cnn-0"
    left.mkdir()
    with own_trained.lock_run("new"):
        found = cxr_cli.status(workspace=own_trained.root)
        left.mkdir(exist_ok=True)
        shown = lines(cxr("status", "-w", own_trained.root))

    assert list(found.in_use) == ["models/new"]
    assert re.fullmatch(r"Python \(process \d+ on .*, since .*\) is writing", found.in_use["models/new"])
    assert shown["In use"] == f"models/new: {found.in_use['models/new']}"
    assert shown["Leftovers"] == "1 file or folder of commands that are still running, or were killed"
    assert left.is_dir()
    assert cxr_cli.status(workspace=own_trained.root).in_use == {}


def test_an_extra_that_is_missing_is_named_with_what_it_is_for(cxr, tmp_path, monkeypatch):
    monkeypatch.setattr("cxr_cli.upkeep.status._missing", lambda name: ["onnx"] if name == "onnx" else [])
    result = cxr("status", "-w", tmp_path)

    assert lines(result)["Extras"] == "train, web, gradio, dicom, cluster, pandas"
    assert '  not installed: onnx, for cxr export --format onnx: pip install "cxr-cli[onnx]"\n' in result.stdout


def test_all_extras_for_users_are_listed():
    extras = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]

    assert set(EXTRAS) == set(extras) - NOT_LISTED
