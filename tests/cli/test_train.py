import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout

import pytest

from cxr_cli.cli import app
from cxr_cli.errors import WorkspaceError
from cxr_cli.recipe.architectures import ARCHITECTURES
from cxr_cli.training import make_run
from cxr_cli.workspace.layout import Workspace

ONE_EPOCH = ("--arch", "simple-cnn", "--image-size", "32", "--epochs", "1", "--no-head-start")
OWN = ("--class-weight", "--seed", "7")


@pytest.fixture
def own_prepared(prepared, tmp_path) -> Workspace:
    root = tmp_path / "workspace"
    shutil.copytree(prepared.root, root)
    return Workspace(root)


@pytest.fixture(scope="module")
def mine(prepared, tmp_path_factory, no_network):
    """A workspace with the run `mine`, and what training it printed, on stdout and stderr. Tests must not change it."""
    root = tmp_path_factory.mktemp("mine") / "workspace"
    shutil.copytree(prepared.root, root)
    with (
        redirect_stdout(io.StringIO()) as out,
        redirect_stderr(io.StringIO()) as err,
        no_network(),
        pytest.raises(SystemExit) as stopped,
    ):
        app.main(["train", *ONE_EPOCH, *OWN, "--name", "mine", "-w", str(root)])
    assert not stopped.value.code
    return Workspace(root), out.getvalue(), err.getvalue()


def test_a_run_has_all_files_and_a_complete_record(mine):
    workspace, _, _ = mine
    run = workspace.run("mine")
    record = json.loads(run.record.read_text())
    dataset = json.loads(workspace.dataset.record.read_text())

    assert sorted(path.name for path in run.root.iterdir()) == [
        "class_indices.json",
        "curves.png",
        "curves.svg",
        "history.csv",
        "model.keras",
        "model.tflite",
        "reference.npz",
        "run.json",
        "seen.csv",
        "seen_vectors.npy",
        "validation.csv",
    ]
    assert record["arch"] == "simple-cnn"
    assert record["options"]["seed"] == 7
    assert record["options"]["class_weight"] is True
    assert record["dataset_fingerprint"] == dataset["fingerprint"]
    assert record["films"] == dataset["films"]
    assert record["class_indices"] == {"non_covid": 0, "covid": 1}
    assert (record["epochs"], record["best_epoch"], record["stopped_by"]) == (1, 1, "epochs")
    assert record["export"]["films"] == sum(dataset["films"]["val"].values())
    assert record["export"]["max_probability_difference"] < 1e-4
    assert 0 <= record["validation"]["roc_auc"] <= 1
    assert set(record["seconds"]) == {"load", "fit", "export"}
    rows = list(csv.DictReader(run.history.read_text().splitlines()))
    assert [(row["epoch"], row["phase"]) for row in rows] == [("1", "train")]


def test_the_text_output_has_the_kept_epoch_and_nothing_from_tensorflow(mine):
    workspace, stdout, stderr = mine

    assert re.fullmatch(
        r"Run        : mine \(simple-cnn, 32,369 parameters\)\n"
        r"Kept       : epoch 1 of 1 \(all epochs done\)\n"
        r"Validation : ROC AUC \d\.\d{3}, sensitivity \d\.\d{3}, specificity \d\.\d{3}, balanced accuracy \d\.\d{3}\n"
        r"Threshold  : 0\.\d{3} \(youden, on \d validation films\), for probabilities calibrated with slope \d+\.\d\d "
        r"and intercept [+-]\d+\.\d\d\n"
        r"Export     : model.tflite is within \d\.\de-\d\d of Keras\n"
        rf"Files      : {re.escape(str(workspace.root))}/models/mine\n"
        r"Alarm: On its validation films, mine is not shown to be better than chance: the AUC's interval, "
        r"0\.\d+ to \d\.\d+, includes 0.5.\n"
        r"(?:Warning: Calibration made the probabilities worse on the validation films\..+\n)?"
        r"For research and teaching only, never a diagnosis.\n",
        stdout,
    )
    assert re.fullmatch(
        r"Training the run mine\nLoading TensorFlow\nBuilding simple-cnn\n"
        r"Reading train films: \d+\nReading val films: \d+\n"
        r"Training: at most 1 epoch of 1 step\n"
        r"epoch  1/1  loss \d\.\d{3}  val loss \d\.\d{3}  val AUC \d\.\d{3}  +\d+\.\d s  best so far\n"
        r"Exporting the model, and checking the export on the validation films\n"
        r"Test it: cxr evaluate mine\n",
        stderr,
    )


def test_fine_tuning_continues_at_its_own_learning_rate(cxr, own_prepared):
    cxr("train", *ONE_EPOCH, "--fine-tune", "--fine-tune-epochs", "2", "-w", own_prepared.root)
    rows = list(csv.DictReader(own_prepared.run().history.read_text().splitlines()))

    assert [(row["epoch"], row["phase"]) for row in rows] == [("1", "train"), ("2", "fine-tune"), ("3", "fine-tune")]
    assert float(rows[1]["learning_rate"]) == pytest.approx(1e-5)


def test_an_earlier_run_is_replaced_only_by_a_complete_one(cxr, own_trained, monkeypatch):
    before = own_trained.run().record.read_bytes()
    monkeypatch.setattr("cxr_cli.training.export.FLOAT32_TOLERANCE", -1.0)
    failed = cxr("train", *ONE_EPOCH, "--replace", "-w", own_trained.root)

    assert failed.exit_code == 1
    assert failed.stderr.splitlines()[-2].startswith(
        "Error: Expected the outputs of model.tflite within -1 of the Keras model"
    )
    assert own_trained.run().record.read_bytes() == before
    assert [path.name for path in own_trained.models.glob("[!.]*")] == ["simple-cnn"]

    monkeypatch.undo()
    replaced = cxr("train", *ONE_EPOCH, "--replace", "-w", own_trained.root)
    assert replaced.exit_code == 0
    assert replaced.stderr.startswith("Training the run simple-cnn, which replaces a run of 20")
    assert "Replaced the earlier run simple-cnn.\n" in replaced.stderr
    assert own_trained.run().record.read_bytes() != before


def test_training_locks_only_its_own_run(cxr, own_trained, monkeypatch):
    held = []

    def stop(*arguments):
        with own_trained.lock_run("another"):
            held.append(cxr("evaluate", "-w", own_trained.root).exit_code)
        with pytest.raises(WorkspaceError), own_trained.lock_run("new"):
            pass
        raise KeyboardInterrupt

    monkeypatch.setattr("cxr_cli.training.make_run.export_litert", stop)
    cxr("train", *ONE_EPOCH, "--name", "new", "-w", own_trained.root)

    assert held == [0]


def test_concurrent_training_runs_of_one_name_are_refused(cxr, own_prepared):
    with own_prepared.lock_run("simple-cnn"):
        result = cxr("train", *ONE_EPOCH, "--name", "simple-cnn", "-w", own_prepared.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(  # before TensorFlow is loaded
        f"Error: Expected {own_prepared.models}/simple-cnn to be free. Received: Python (process "
    )
    assert result.stderr.endswith(") is writing there.\nWait for it to finish, or choose another name: --name NAME\n")


def test_preparing_a_dataset_while_it_is_read_is_detected(cxr, own_prepared, monkeypatch):
    read_part_films = make_run.read_part_films

    def read_and_prepare(part, *arguments, **options):
        record = json.loads(own_prepared.dataset.record.read_text())
        own_prepared.dataset.record.write_text(json.dumps({**record, "fingerprint": "0"}))
        return read_part_films(part, *arguments, **options)

    monkeypatch.setattr(make_run, "read_part_films", read_and_prepare)
    result = cxr("train", *ONE_EPOCH, "-w", own_prepared.root)

    assert result.exit_code == 1
    assert "to stay as it was while its films were read. Received: another one, prepared meanwhile." in result.stderr
    assert list(own_prepared.models.glob("[!.]*")) == []


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another signal on Windows")
def test_ctrl_c_keeps_the_best_model_so_far_and_a_fresh_process_prints_no_banner(own_prepared):
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "cxr_cli", "train", *ONE_EPOCH[:4], "--epochs", "5000", "--patience", "5000"),
            *("-w", str(own_prepared.root)),
        ],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("epoch  2/"):
            process.send_signal(signal.SIGINT)
            break
    stdout, rest = process.communicate(timeout=120)
    record = json.loads(own_prepared.run().record.read_text())

    assert process.returncode == 0
    assert record["stopped_by"] == "interrupt"
    assert 2 <= record["epochs"] < 5000
    assert "(stopped by you)" in stdout
    assert lines[:2] == ["Training the run simple-cnn\n", "Loading TensorFlow\n"]
    banner = r"oneDNN|cuda|WARNING|absl|XNNPACK|Saved artifact|UserWarning"
    assert not re.search(banner, "".join(lines) + rest + stdout)


def test_train_without_a_dataset_is_an_error(cxr, tmp_path):
    result = cxr("train", "-w", tmp_path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: Expected a prepared dataset in {tmp_path}/dataset. Received: no dataset.json there.\n"
        "Prepare one: cxr prepare --metadata dataset/metadata.csv; or try everything "
        "on rendered films first: cxr demo\n"
    )


def test_a_run_name_that_leaves_the_folder_is_refused(cxr, own_prepared):
    result = cxr("train", "--name", "../elsewhere", "-w", own_prepared.root)

    assert result.exit_code == 2
    assert "Received: '../elsewhere'." in result.stderr


def test_missing_weights_are_an_error(cxr, own_prepared):
    result = cxr("train", "--weights", "nowhere.weights.h5", "-w", own_prepared.root)

    assert result.exit_code == 1
    assert (
        "Error: Expected the weights imagenet, bundled, none, a file or a folder. Received: nowhere.weights.h5: no "
        "such file." in result.stderr
    )
    assert list(own_prepared.models.glob("*/")) == []


def test_the_list_has_every_architecture_and_trains_nothing(cxr, in_folder):
    result = cxr("train", "--list")
    rows = [line.split() for line in result.stdout.splitlines()]

    assert result.exit_code == 0
    assert [row[0] for row in rows[1:]] == list(ARCHITECTURES)
    assert rows[1] == ["mobilenetv2", "2.26", "M", "9.0", "MB", "224", "67%", "ImageNet"]
    assert not list(in_folder.iterdir())


def test_freeze_sets_the_frozen_share(cxr, mine, own_prepared):
    workspace, _, _ = mine
    trainable = {0: json.loads(workspace.run("mine").record.read_text())["trainable_parameters"]}
    for share in (0.5, 1):
        cxr("train", *ONE_EPOCH, "--freeze", share, "--name", f"f{share}", "-w", own_prepared.root)
        record = json.loads(own_prepared.run(f"f{share}").record.read_text())
        assert record["options"]["freeze"] == share
        trainable[share] = record["trainable_parameters"]

    head = 64 * 128 + 128 + 128 + 1
    assert trainable[0] > trainable[0.5] > trainable[1] == head


def test_all_trains_missing_runs_and_ends_with_the_table(cxr, boosted, tmp_path, monkeypatch):
    own_prepared = Workspace(tmp_path / "workspace")
    shutil.copytree(boosted.root, own_prepared.root)
    few = {name: ARCHITECTURES[name] for name in ("simple-cnn", "cnn-xgboost", "densenet121")}
    monkeypatch.setattr("cxr_cli.training.runs.ARCHITECTURES", few)  # the other published architectures take minutes
    options = ("--arch", "all", *ONE_EPOCH[2:], "-w", own_prepared.root)
    kept = own_prepared.run("cnn-xgboost").record.read_bytes()
    first = cxr("train", *options)

    assert first.exit_code == 0
    assert sorted(run.name for run in own_prepared.runs()) == ["cnn-xgboost", "simple-cnn"]  # all published
    table = first.stdout[first.stdout.index("Runs on ") :]
    assert "simple-cnn" in table
    assert "cnn-xgboost" in table
    assert (
        "[2/2] cnn-xgboost\ncnn-xgboost was trained on this dataset with these options already: kept.\n" in first.stderr
    )
    assert "[1/2] simple-cnn\nTraining the run simple-cnn\nLoading TensorFlow\nBuilding" in first.stderr
    assert own_prepared.run("cnn-xgboost").record.read_bytes() == kept

    monkeypatch.setattr("cxr_cli.training.runs.ARCHITECTURES", {"simple-cnn": few["simple-cnn"]})
    other = cxr("train", *options, "--dropout", "0.3")
    assert "already: kept" not in other.stderr
    assert sorted(run.name for run in own_prepared.runs()) == ["cnn-xgboost", "simple-cnn", "simple-cnn-2"]
    assert "simple-cnn-2" in other.stdout[other.stdout.index("Runs on ") :]

    once_more = cxr("train", *options, "--dropout", "0.3")
    assert "simple-cnn-2 was trained on this dataset with these options already: kept.\n" in once_more.stderr
    assert "Loading TensorFlow" not in once_more.stderr


def test_all_continues_after_an_architecture_that_fails(cxr, own_prepared, monkeypatch):
    few = {name: ARCHITECTURES[name] for name in ("mobilenet", "simple-cnn")}
    monkeypatch.setattr("cxr_cli.training.runs.ARCHITECTURES", few)
    nowhere = own_prepared.root / "no-weights"
    nowhere.mkdir()
    result = cxr("train", "--arch", "all", *ONE_EPOCH[2:], "--weights", nowhere, "-w", own_prepared.root)

    assert result.exit_code == 1
    assert f"Error: Expected one file of MobileNet's weights in {nowhere}" in result.stderr
    assert [run.name for run in own_prepared.runs()] == ["simple-cnn"]
    assert "Error: Expected 2 runs. Received: 1; 1 could not be trained." in result.stderr


def test_all_refuses_a_name(cxr, own_prepared):
    result = cxr("train", "--arch", "all", "--name", "mine", "-w", own_prepared.root)

    assert result.exit_code == 2
    assert "Expected no name with all architectures" in result.stderr


def test_a_profile_shows_the_time_of_an_epoch_and_changes_no_result(cxr, mine, own_prepared):
    workspace, _, _ = mine
    plain = json.loads(workspace.run("mine").record.read_text())
    profiled = json.loads(cxr("train", *ONE_EPOCH, *OWN, "--profile", "--json", "-w", own_prepared.root).stdout)

    assert profiled["validation"] == plain["validation"]
    assert plain["profile"] is None
    found = profiled["profile"]
    assert found["steps"] > 0
    assert found["frozen_layers"] == 0  # nothing is frozen
    assert found["backward"] >= 0  # the difference of two times
    for part in ("reading", "batches", "forward", "validation", "epoch"):
        assert found[part] > 0, part


@pytest.mark.realdata
def test_without_epochs_the_head_start_is_the_run(cxr, own_prepared, shared):
    given = ("--arch", "mobilenetv2", "--image-size", "64", "--freeze", "1", "--weights", shared / "weights")
    result = cxr("train", *given, "--epochs", "0", "-w", own_prepared.root)
    record = json.loads(own_prepared.run("mobilenetv2").record.read_text())

    assert result.exit_code == 0
    assert (record["epochs"], record["best_epoch"], record["stopped_by"]) == (0, 0, "epochs")
    assert next(csv.DictReader(own_prepared.run("mobilenetv2").history.read_text().splitlines()))["phase"] == "start"
