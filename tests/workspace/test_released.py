"""Workspaces that released versions wrote: every command opens them, or says in words what to do.

`scripts/write_test_workspace.py` writes the archive of a version once, when that version is released.
"""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cxr_cli.auditing.audit import audit
from cxr_cli.cli.exit_codes import ExitCode
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.evaluation.predicted import read_predictions
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record

ARCHIVES = sorted((Path(__file__).parents[1] / "workspaces").glob("*.zip"))
FILM = "workspace/dataset/split/test/covid/covid_2.png"


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.stem)
def released(request, in_folder) -> Workspace:
    """A workspace of a released version, in the current folder as it was written."""
    with zipfile.ZipFile(request.param) as archive:
        archive.extractall("workspace")
    return Workspace(Path("workspace"))


@pytest.fixture(scope="module")
def audit_of_it(tmp_path_factory) -> Callable[[Workspace], None]:
    """Puts the audit of the dataset into a released workspace, made once: reports need it, and it takes longest."""
    made: dict[str, Path] = {}

    def put(workspace: Workspace) -> None:
        key = read_record(workspace.dataset.record, DatasetRecord).fingerprint
        if key not in made:
            made[key] = tmp_path_factory.mktemp("audit") / "audit"
            shutil.copytree(audit(workspace).folder.root, made[key])
        shutil.copytree(made[key], workspace.audit.root, dirs_exist_ok=True)

    return put


def change(path: Path, **fields) -> None:
    """Change fields of a JSON file; None removes one."""
    value = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({name: part for name, part in value.items() if part is not None}))


@pytest.mark.parametrize(
    "command",
    [
        ["predict", FILM, "--force", "--model", "cnn", "--alpha", "0.2"],
        ["predict", FILM, "--force", "--model", "trees", "--json"],
        ["evaluate", "--model", "cnn"],
        ["calibrate", "--model", "cnn"],
        ["compare"],
        ["report", "trees"],
        ["gradcam", FILM, "--force", "--model", "cnn", "--method", "layercam", "-o", "heat.png"],
        ["export", "cnn", "--format", "h5", "-o", "exported.h5"],
    ],
    ids=" ".join,
)
def test_every_command_opens_it(cxr, released, audit_of_it, command):
    if command[0] == "report":
        audit_of_it(released)
    result = cxr(*command)

    assert (result.exit_code, "Traceback" in result.stderr) == (0, False), result.stderr


def test_what_it_lacks_is_named(cxr, released):
    lungs = cxr("segment", FILM, "--run", "lungs", "-o", "masks")  # its archive leaves the large networks out
    trees = cxr("export", "trees", "--format", "h5")

    assert (lungs.exit_code, trees.exit_code) == (ExitCode.ERROR, ExitCode.ERROR)
    assert "Expected a LiteRT model in workspace/models/lungs/model.tflite" in lungs.stderr
    assert "Expected a run that predicts from one file" in trees.stderr


def test_a_report_tests_the_run_again_where_its_evaluation_is_not_whole(cxr, released, audit_of_it):
    audit_of_it(released)
    folder = released.evaluation("cnn", "test")
    found = json.loads(folder.record.read_text())

    def repeated() -> str:
        result = cxr("report", "cnn")
        assert result.exit_code == 0, result.stderr
        assert read_record(folder.record, EvaluationRecord).metrics.keys() >= {"mcc"}
        return result.stderr

    folder.predictions.unlink()
    assert "cnn has no evaluation on these test films: testing it first\n" in repeated()
    change(folder.record, metrics={name: 0.5 for name in found["metrics"] if name != "mcc"})
    assert "cnn has no evaluation on these test films: testing it first\n" in repeated()
    folder.predictions.write_text(released.evaluation("trees", "test").predictions.read_text())
    repeated()
    assert read_predictions(folder, read_record(folder.record, EvaluationRecord))


@pytest.mark.parametrize("segment", [None, "fcm"])
def test_records_of_version_1_are_read(cxr, released, segment):
    run, dataset = released.run("cnn").record, released.dataset.record
    for path in (run, dataset):
        value = json.loads(path.read_text())
        del value["framing"]
        path.write_text(json.dumps(value | {"schema_version": 1, "segment": segment}))

    result = cxr("predict", FILM, "--force", "--model", "cnn")

    assert result.exit_code == 0, result.stderr
    framing = read_record(run, RunRecord).framing
    assert (framing and (framing.kind, framing.method)) == (segment and ("mask", segment))
    assert cxr("calibrate", "--model", "cnn").exit_code == 0
    assert json.loads(run.read_text())["schema_version"] == RunRecord.VERSION


def test_an_evaluation_that_is_too_old_is_refused_where_it_can_not_be_repeated(cxr, released, audit_of_it):
    audit_of_it(released)
    change(released.evaluation("cnn", "test").record, schema_version=1)

    result = cxr("report", "cnn")

    assert result.exit_code == 0, result.stderr
    assert "testing it first" in result.stderr


def test_a_later_version_of_a_record_is_refused_in_words(cxr, released):
    change(released.run("cnn").record, schema_version=RunRecord.VERSION + 1)

    result = cxr("predict", FILM, "--model", "cnn")

    assert (result.exit_code, result.stdout) == (ExitCode.ERROR, "")
    assert f"Expected version {RunRecord.VERSION} of the record workspace/models/cnn/run.json" in result.stderr
