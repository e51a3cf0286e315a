"""Without the extra `train`, everything but training works, and what trains says in one line what is missing."""

import json
import shutil
import subprocess
import sys

import pytest

ABSENT = ("tensorflow", "keras", "xgboost", "imagecodecs")
# All commands in one process, as NumPy and the others take a second to import.
RUN = f"""
import json, sys
for name in {ABSENT}:
    sys.modules[name] = None  # makes its import fail
from cxr_cli.cli.app import main
for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except SystemExit as stopped:
        assert not stopped.code, (arguments, stopped.code)
from pathlib import Path
from cxr_cli.web.limits import PageLimits
from cxr_cli.web.messages import FilmRequest
from cxr_cli.web.predicting import RunPredictors
from cxr_cli.web.server import FilmWorkers, build_app
from cxr_cli.web.worker import reply_to
from cxr_cli.workspace.layout import Workspace
root, film, folder = map(Path, sys.argv[2:])
workers = FilmWorkers(root, run=None, alpha=None, limits=PageLimits())
build_app(Workspace(root), workers, folder, run=None, limits=PageLimits())
reply = reply_to(FilmRequest(str(film), film.name), RunPredictors(Workspace(root), alpha=None), shown_pixels=10**6)
assert json.loads(bytes(reply.answer))["error"] is None, reply
print("DONE")
"""


@pytest.fixture
def without(monkeypatch):
    """Hide the packages of the extra `train`."""
    for name in ABSENT:
        monkeypatch.setitem(sys.modules, name, None)


def test_what_answers_needs_no_package_of_an_extra(reported, phantoms, film, tmp_path):
    root, folder = tmp_path / "workspace", tmp_path / "page"
    shutil.copytree(reported.root, root)
    folder.mkdir()
    commands = [
        ["predict", film],
        ["predict", film, "-m", "bundled", "--json"],
        ["gradcam", film, "-o", tmp_path / "heat.png"],
        ["segment", film, "-o", tmp_path / "masks"],
        ["evaluate"],
        ["calibrate"],
        ["compare"],
        ["runs"],
        ["status"],
        ["audit"],
        ["report"],
    ]
    lines = [[str(word) for word in (*command, "-w", root)] for command in commands]
    lines.append(["prepare", "--metadata", str(phantoms), "-w", str(tmp_path / "new")])
    script = [sys.executable, "-c", RUN, json.dumps(lines), root, film, folder]
    done = subprocess.run(script, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("DONE\n")


@pytest.mark.parametrize(
    "command",
    [
        ("train",),
        ("train", "--arch", "all"),
        ("train", "--augment-preview", "variants.png"),
        ("crossval",),
        ("export", "--format", "h5"),
        ("gradcam", "--split", "test", "--randomize"),
        ("demo",),
    ],
    ids=" ".join,
)
def test_what_trains_is_refused_before_any_work(cxr, trained, tmp_path, without, command):
    place = tmp_path / "new" if command == ("demo",) else trained.root
    result = cxr(*command, "-w", place)

    assert result.exit_code == 1
    assert "Error: Expected the packages tensorflow and keras for " in result.stderr
    assert 'not installed.\nInstall them: pip install "cxr-cli[train]"\n' in result.stderr
    assert not (tmp_path / "new" / "phantoms").exists()


def test_trees_are_trained_with_xgboost_only(cxr, trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    result = cxr("train", "--arch", "cnn-xgboost", "-w", trained.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: Expected the package xgboost for cnn-xgboost. Received: it is not installed.\n"
        'Install it: pip install "cxr-cli[train]"\n'
    )
