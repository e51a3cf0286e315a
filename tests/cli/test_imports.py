"""Commands don't load heavy packages that they don't need."""

import shutil
import subprocess
import sys

import pytest

HEAVY = ("tensorflow", "keras", "pandas", "sklearn", "scipy", "matplotlib", "pydicom", "rich.progress")
PROBE = """
import sys
from cxr_cli.cli.app import main
try:
    main(sys.argv[1:])
except SystemExit as stopped:
    assert not stopped.code, stopped.code
print("LOADED", *sorted(name for name in {heavy} if name in sys.modules))
"""


def loaded_by(*arguments: object) -> list[str]:
    command = [sys.executable, "-c", PROBE.format(heavy=HEAVY), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].split()[1:]


@pytest.mark.parametrize("command", [[], ["train"], ["predict"]])
def test_help_loads_nothing_heavy(command):
    assert loaded_by(*command, "--help") == []


def test_predict_loads_nothing_heavy(trained, film, tmp_path):
    assert loaded_by("predict", film, "--csv", tmp_path / "a.csv", "-w", trained.root) == []


def test_gradcam_loads_nothing_heavy(trained, film, tmp_path):
    assert loaded_by("gradcam", film, "-o", tmp_path / "heat.png", "-w", trained.root) == []


def test_prepare_loads_scipy_but_nothing_else_heavy(phantoms, tmp_path):
    assert loaded_by("prepare", "--metadata", phantoms, "-w", tmp_path / "workspace") == ["scipy"]


def test_a_hybrid_run_predicts_without_tensorflow(boosted, film, tmp_path):
    workspace = tmp_path / "workspace"
    shutil.copytree(boosted.root, workspace)

    for command in (["predict", film], ["gradcam", film, "-o", tmp_path / "heat.png"], ["evaluate"]):
        assert not {"tensorflow", "keras"} & set(loaded_by(*command, "-m", "cnn-xgboost", "-w", workspace))
