"""The model in the package predicts where a workspace has no run of its own, and wherever it is named."""

import json
import re
import shutil

import numpy as np
import pytest

import cxr_cli
from cxr_cli.errors import NoRunError, UsageError
from cxr_cli.explanation.methods import MAP_METHODS
from cxr_cli.prediction.predictor import open_predictor
from cxr_cli.web.answers import page_start, run_figures
from cxr_cli.web.predicting import RunPredictors
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import Workspace

NOTICE = "Predicted by the bundled model 9.1. For research and teaching only, never a diagnosis.\n"


def test_predict_in_an_empty_folder_answers_and_leaves_it_empty(cxr, bundled, film, in_folder):
    result = cxr("predict", film)

    assert result.exit_code == 0
    assert re.match(rf"{re.escape(str(film))}\n  Class      : (non_)?covid\n", result.stdout)
    assert result.stderr.endswith(
        "Predicted by the bundled model 9.1 (workspace/models has no trained run). "
        "For research and teaching only, never a diagnosis.\n"
    )
    assert list(in_folder.iterdir()) == []


def test_a_run_of_the_workspace_comes_first_and_the_model_in_the_package_by_its_name(cxr, bundled, trained, film):
    (own,) = json.loads(cxr("predict", film, "--json", "-w", trained.root).stdout)
    forced = cxr("predict", film, "--json", "-w", trained.root, "--model", "bundled")
    (answer,) = json.loads(forced.stdout)

    assert own["model"] == "simple-cnn"
    assert answer["model"] == "bundled 9.1"
    assert answer["raw_probability"] == own["raw_probability"]
    assert forced.stderr.endswith(NOTICE)


def test_a_film_that_it_was_trained_on_is_recognized_without_its_dataset(cxr, bundled, film, in_folder):
    result = cxr("predict", film)

    assert "Note: bundled 9.1 was trained or validated on this film" in result.stderr


@pytest.mark.parametrize("method", MAP_METHODS)
def test_every_heat_map_works(cxr, bundled, film, in_folder, method):
    result = cxr("gradcam", film, "-o", "heat.png", "--method", method)

    assert result.exit_code == 0
    assert (in_folder / "heat.png").is_file()
    assert result.stderr.endswith(NOTICE)


def test_it_is_tested_on_a_prepared_dataset_and_on_films_from_elsewhere(cxr, bundled, prepared, phantoms, tmp_path):
    root = tmp_path / "workspace"
    shutil.copytree(prepared.root, root)

    result = cxr("evaluate", "--model", "bundled", "-w", root)
    elsewhere = cxr("evaluate", "--external", "--metadata", phantoms, "--name", "again", "-w", tmp_path / "none")

    assert result.exit_code == elsewhere.exit_code == 0
    record = json.loads((root / "evaluations" / "bundled" / "test" / "report.json").read_text())
    assert record["run"] == "bundled"
    assert not record["same_dataset"] or record["seen"]["films"] == 0
    seen = json.loads((tmp_path / "none" / "evaluations" / "bundled" / "again" / "report.json").read_text())["seen"]
    assert seen["films"] > 20  # of 40 phantoms, those of train and val
    assert "Alarm: bundled was trained or validated on" in elsewhere.stderr + elsewhere.stdout
    assert not (tmp_path / "none" / "models").exists()


def test_the_page_offers_it_last_and_predicts_with_it(bundled, trained, film, in_folder):
    offered, alone = page_start(trained), page_start(Workspace(in_folder))
    answer = RunPredictors(Workspace(in_folder)).predict(film, name="covid.png", run="bundled")

    assert (offered.runs, offered.first) == (["simple-cnn", "bundled"], "simple-cnn")
    assert (alone.runs, alone.first) == (["bundled"], "bundled")
    assert answer.run == "bundled 9.1"
    assert run_figures(Workspace(in_folder), "bundled").notes == ["See its model card, MODEL_CARD.md in the package."]


def test_it_is_compared_with_runs(cxr, bundled, own_trained):
    result = cxr("compare", "simple-cnn", "bundled", "--json", "-w", own_trained.root)

    assert result.exit_code == 0
    rows = {row["run"]: row for row in json.loads(result.stdout)["runs"]}
    assert rows["bundled"]["roc_auc"] == rows["simple-cnn"]["roc_auc"]
    assert rows["bundled"]["training_seconds"] is None


def test_python_opens_it_by_name_and_without_a_workspace(bundled, film, in_folder):
    run = cxr_cli.load_run()
    named = cxr_cli.load_run("bundled")

    assert (run.name, run.folder) == (named.name, named.folder) == ("bundled", bundled)
    assert run.predict(film).model == "bundled 9.1"
    assert [row.seen for row in run.predict_all(film)] == ["film"]
    assert np.asarray(named.explain(film)).ndim == 2


def test_the_version_of_the_model_is_shown(cxr, bundled):
    assert cxr("--version").stdout.splitlines()[1] == "bundled model 9.1"


@pytest.mark.parametrize(
    "command", [["calibrate", "--model"], ["report"], ["export", "--format", "litert"], ["train", "--from"]]
)
def test_what_changes_a_run_is_refused(cxr, bundled, own_trained, command):
    before = {path: path.read_bytes() for path in bundled.iterdir()}

    result = cxr(*command, "bundled", "-w", own_trained.root)

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Expected ")
    assert "bundled" in result.stderr
    assert {path: path.read_bytes() for path in bundled.iterdir()} == before


def test_random_weights_are_refused(cxr, bundled, film, in_folder):
    result = cxr("gradcam", film, "--randomize")

    assert result.exit_code == 2
    assert "Received: the bundled model 9.1, which has none." in result.stderr


def test_no_run_can_take_its_name(cxr, prepared):
    result = cxr("train", "--arch", "simple-cnn", "--name", "bundled", "-w", prepared.root)

    assert result.exit_code == 2
    assert result.stderr.startswith(
        "Error: Expected another name than bundled, which is that of the model in the package. Received: bundled.\n"
    )


def test_an_earlier_run_of_that_name_still_opens(bundled, own_trained):
    own_trained.run().root.rename(own_trained.models / "bundled")

    assert own_trained.run().root == own_trained.models / "bundled"
    assert own_trained.own_run("bundled").root == own_trained.models / "bundled"
    assert own_trained.run("bundled").root == bundled
    assert open_predictor(RunFolder(own_trained.models / "bundled")).run.title == "the run bundled"


def test_an_installation_without_it_says_so(tmp_path):
    workspace = Workspace(tmp_path)

    with pytest.raises(NoRunError, match="Expected the bundled model in no-model-in-the-package"):
        workspace.run("bundled")
    with pytest.raises(NoRunError, match="Expected a trained run"):
        workspace.run()


def test_weights_of_another_architecture_are_refused_before_tensorflow(cxr, bundled, prepared):
    result = cxr("train", "--arch", "xception", "--weights", "bundled", "-w", prepared.root)

    assert result.exit_code == 2
    assert "Expected the architecture of the bundled model 9.1, simple-cnn" in result.stderr
    assert "Loading TensorFlow" not in result.stderr
    assert UsageError.__name__ not in result.stderr
