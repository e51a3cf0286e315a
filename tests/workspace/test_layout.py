"""The workspace's paths, and the errors where something is missing."""

import json
import os
from pathlib import Path

import pytest

from cxr_cli.errors import NoRunError, UsageError, WorkspaceError
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import Workspace

TRAIN_HINT = (
    "Train one: cxr train --arch mobilenetv2 --class-weight; or try everything on rendered films first: cxr demo"
)


def make_run(workspace: Workspace, name: str, *, minutes: int) -> RunFolder:
    """Create a complete run, trained some minutes after midnight."""
    run = workspace.new_run(name)
    run.root.mkdir(parents=True)
    run.record.write_text(json.dumps({"schema_version": 9, "created": f"2026-01-01T00:{minutes:02}:00+00:00"}))
    return run


def test_film_paths_are_relative_to_the_dataset_folder():
    assert Workspace(Path("w")).dataset.film("val", "covid", "a.png") == "split/val/covid/a.png"


def test_every_path_of_the_workspace():
    workspace = Workspace(Path("w"))
    run, dataset, evaluation = workspace.new_run("r"), workspace.dataset, workspace.evaluation("r", "test")

    assert [
        path.as_posix()
        for path in (
            *(workspace.class_indices, workspace.models, workspace.heatmaps, workspace.phantoms),
            *(dataset.root, dataset.manifest, dataset.excluded, dataset.record),
            *(dataset.distribution_picture, dataset.samples_picture),
            *(run.keras_model, run.litert_model, run.class_indices, run.history, run.curves_picture, run.record),
            *(evaluation.predictions, evaluation.confusion_picture, evaluation.roc_picture, evaluation.record),
            *(evaluation.precision_recall_picture, evaluation.decision_picture, evaluation.risk_picture),
        )
    ] == [
        "w/class_indices.json",
        "w/models",
        "w/heatmaps",
        "w/phantoms",
        "w/dataset",
        "w/dataset/manifest.csv",
        "w/dataset/excluded.csv",
        "w/dataset/dataset.json",
        "w/dataset/overview/class_distribution.png",
        "w/dataset/overview/samples.png",
        "w/models/r/model.keras",
        "w/models/r/model.tflite",
        "w/models/r/class_indices.json",
        "w/models/r/history.csv",
        "w/models/r/curves.png",
        "w/models/r/run.json",
        "w/evaluations/r/test/predictions.csv",
        "w/evaluations/r/test/confusion_matrix.png",
        "w/evaluations/r/test/roc_curve.png",
        "w/evaluations/r/test/report.json",
        "w/evaluations/r/test/precision_recall.png",
        "w/evaluations/r/test/decision_curve.png",
        "w/evaluations/r/test/risk_coverage.png",
    ]


def test_the_option_precedes_the_environment_and_the_default(monkeypatch):
    monkeypatch.delenv("CXR_WORKSPACE", raising=False)
    assert Workspace.find() == Workspace(Path("workspace"))
    monkeypatch.setenv("CXR_WORKSPACE", "")
    assert Workspace.find() == Workspace(Path("workspace"))
    monkeypatch.setenv("CXR_WORKSPACE", "elsewhere")
    assert Workspace.find() == Workspace(Path("elsewhere"))
    assert Workspace.find(Path("here")) == Workspace(Path("here"))


def test_a_dataset_without_its_record_is_not_a_dataset(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.dataset.root.mkdir()
    workspace.dataset.manifest.write_text("path\n")

    with pytest.raises(WorkspaceError) as caught:
        workspace.prepared()
    assert (
        caught.value.message
        == f"Expected a prepared dataset in {tmp_path / 'dataset'}. Received: no dataset.json there."
    )
    assert caught.value.hint == (
        "Prepare one: cxr prepare --metadata dataset/metadata.csv; or try everything on rendered films first: cxr demo"
    )

    workspace.dataset.record.write_text("{}")
    assert workspace.prepared() == workspace.dataset


def test_the_latest_run_is_the_default(tmp_path):
    workspace = Workspace(tmp_path)
    for name, minutes in (("b", 2), ("c", 1), ("a", 2)):
        make_run(workspace, name, minutes=minutes)

    assert [run.name for run in workspace.runs()] == ["c", "a", "b"]
    assert workspace.run().name == "b"
    assert workspace.run("c") == RunFolder(tmp_path / "models" / "c")


def test_later_changes_to_a_run_do_not_make_it_the_latest(tmp_path):
    workspace = Workspace(tmp_path)
    old, new = (make_run(workspace, name, minutes=minutes) for name, minutes in (("old", 1), ("new", 2)))
    os.utime(new.record, (0, 0))
    os.utime(old.record, (2e9, 2e9))

    assert workspace.run() == new


@pytest.mark.parametrize("damaged", [b"", b"{}", b"\xff", b'{"created": 3}', b'{"created": "2027'])
def test_a_damaged_run_is_listed_but_never_the_latest(tmp_path, damaged):
    workspace = Workspace(tmp_path)
    make_run(workspace, "whole", minutes=1)
    make_run(workspace, "wrecked", minutes=2).record.write_bytes(damaged)

    assert [run.name for run in workspace.runs()] == ["wrecked", "whole"]
    assert workspace.run("wrecked").name == "wrecked"


def test_an_unfinished_run_is_not_a_run(tmp_path):
    workspace = Workspace(tmp_path)
    make_run(workspace, "whole", minutes=1)
    (workspace.models / "cut-off").mkdir()
    staged = workspace.models / ".staged-new-abc"
    staged.mkdir()
    (staged / "run.json").write_text("{}")

    assert [run.name for run in workspace.runs()] == ["whole"]


@pytest.mark.parametrize("name", [None, "any"])
def test_without_a_run_the_error_names_the_command_that_makes_one(tmp_path, name):
    workspace = Workspace(tmp_path)

    with pytest.raises(NoRunError) as missing:
        workspace.run(name)
    workspace.models.mkdir()
    with pytest.raises(NoRunError) as empty:
        workspace.run(name)

    assert missing.value.message == f"Expected a trained run in {workspace.models}. Received: no such folder."
    assert empty.value.message == f"Expected a trained run in {workspace.models}. Received: an empty folder."
    assert missing.value.hint == empty.value.hint == TRAIN_HINT


@pytest.mark.parametrize("others", [(), ("small",)])
def test_the_error_for_an_unfinished_run_names_the_command_that_resumes_it(tmp_path, others):
    workspace = Workspace(tmp_path)
    for other in others:
        make_run(workspace, other, minutes=1)
    workspace.checkpoints.mkdir()
    workspace.checkpoint("bigger").write_bytes(b"")
    with pytest.raises(NoRunError) as caught:
        workspace.run("bigger")

    assert caught.value.message == (
        f"Expected the name of a trained run in {tmp_path}/models. Received: bigger, which is unfinished."
    )
    assert caught.value.hint == "Resume it: cxr train --resume bigger"


def test_an_unknown_run_is_an_error_that_lists_the_runs(tmp_path):
    workspace = Workspace(tmp_path)
    make_run(workspace, "b", minutes=1)
    make_run(workspace, "a", minutes=2)

    with pytest.raises(NoRunError) as caught:
        workspace.run("c")

    assert caught.value.message == f"Expected the name of a trained run in {workspace.models}. Received: 'c'."
    assert caught.value.hint == "Trained runs: a, b"


@pytest.mark.parametrize("name", ["a", "mobilenetv2-seed1", "A.b_c+d", "0"])
def test_valid_run_names_are_folders_in_models(tmp_path, name):
    assert Workspace(tmp_path).new_run(name).root == tmp_path / "models" / name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "../up", "a/b", "a\\b", "-a", "a b", "é", "a\n", "a:b", "a*"]
)
def test_run_names_that_leave_the_folder_or_are_invalid_are_refused(tmp_path, name):
    with pytest.raises(UsageError) as caught:
        Workspace(tmp_path).new_run(name)

    assert (
        caught.value.message == f"Expected a run's name of letters, digits, '.', '_', '+' and '-'. Received: {name!r}."
    )
    assert caught.value.hint == "For example: --name mobilenetv2-seed1"


@pytest.mark.parametrize("name", ["\0", "x" * 5000, "../evaluations", ".."])
def test_a_name_that_no_file_can_have_is_no_trained_run(tmp_path, name):
    with pytest.raises(NoRunError, match=r"^Expected a trained run in "):
        Workspace(tmp_path).run(name)
