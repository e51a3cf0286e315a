"""A run can be reproduced from its record, and resumed after a kill."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from cxr_cli.cli.console import ConsoleWatcher
from cxr_cli.progress import watched_by
from cxr_cli.recipe.architectures import ARCHITECTURES
from cxr_cli.recipe.options import change_options, read_options
from cxr_cli.recipe.record import RunRecord
from cxr_cli.recipe.reproduction import compare_with_original, find_original, hash_weights
from cxr_cli.training.checkpoints import Checkpoints
from cxr_cli.training.plan import plan_run
from cxr_cli.workspace.folders import RunFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record

SMALL = ("--arch", "simple-cnn", "--image-size", "32")


@pytest.fixture
def own_prepared(prepared, tmp_path) -> Workspace:
    root = tmp_path / "workspace"
    shutil.copytree(prepared.root, root)
    return Workspace(root)


def record_of(run):
    return json.loads(run.record.read_text())


def edit(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL on Windows")
def test_a_resumed_run_gets_the_same_weights(cxr, own_prepared):
    place = ("-w", own_prepared.root)
    options = (*SMALL, "--epochs", "6", "--class-weight", "--seed", "3")
    process = subprocess.Popen(
        [sys.executable, "-m", "cxr_cli", "train", *options, "--name", "killed", "-w", str(own_prepared.root)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr:
        for line in process.stderr:
            if line.startswith("epoch  2/"):
                process.send_signal(signal.SIGKILL)
                break
    assert process.wait(60) == -signal.SIGKILL
    assert own_prepared.checkpoint("killed").is_file()

    resumed = cxr("train", "--resume", "killed", "--seed", "3", *place)
    assert resumed.exit_code == 0, resumed.stderr
    assert re.search(r"^Resuming after epoch [1-4]$", resumed.stderr, re.MULTILINE)
    assert not own_prepared.checkpoint("killed").exists()

    # Trains the whole run again without interruption, in another process than the one that was killed.
    whole = cxr("train", "--from", "killed", "--name", "whole", *place)
    assert "\nReproduced : killed, bit for bit\n" in whole.stdout
    killed, again = (record_of(own_prepared.run(name)) for name in ("killed", "whole"))
    assert killed["weights_sha256"] == again["weights_sha256"]
    assert killed["options"] == again["options"]
    assert (killed["epochs"], killed["stopped_by"]) == (6, "epochs")
    assert killed["validation"] == again["validation"]
    histories = [
        [line.rsplit(",", 1)[0] for line in own_prepared.run(name).history.read_text().splitlines()]  # no seconds
        for name in ("killed", "whole")
    ]
    assert histories[0] == histories[1]


def test_a_hybrid_run_is_reproduced_with_its_trees(cxr, boosted, tmp_path):
    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(boosted.root, workspace.root)
    original = workspace.run("cnn-xgboost")
    again = json.loads(cxr("train", "--from", "cnn-xgboost", "--json", "-w", workspace.root).stdout)

    assert workspace.run("cnn-xgboost-again").booster.read_bytes() == original.booster.read_bytes()
    assert again["weights_sha256"] == record_of(original)["weights_sha256"]
    assert again["reproduction"] == {
        "of": "cnn-xgboost",
        "changed": [],
        "versions": [],
        "same_weights": True,
        "max_probability_difference": 0.0,
        "films": sum(again["films"]["val"].values()),
    }


def test_differences_from_the_record_are_named(own_trained, tmp_path, forget_digests):
    run = own_trained.run()
    forget_digests(run)
    theirs = RunFolder(tmp_path / "theirs")
    shutil.copytree(run.root, theirs.root)
    mine = read_record(run.record, RunRecord)
    versions = mine.versions | {"keras": "3.0"}
    options = mine.options | {"epochs": 9, "augmentation": {**mine.options["augmentation"], "flip": False}}
    edit(theirs.record, weights_sha256="0", versions=versions, options=options, dataset_fingerprint="0", feed="x")
    lines = theirs.validation.read_text().splitlines()
    *others, raw = lines[1].split(",")
    lines[1] = ",".join([*others, str(float(raw) - 0.25)])
    theirs.validation.write_text("\n".join(lines))

    original = find_original(own_trained, str(theirs.record))
    found = compare_with_original(original, mine, run)
    assert original.new_name == "simple-cnn-again"
    assert found.changed == [
        "epochs 2 (before: 9)",
        "flip True (before: False)",
        "another dataset or split",
        "fed with films (before: x)",
    ]
    assert found.versions == [f"keras {mine.versions['keras']} (before: 3.0)"]
    assert found.same_weights is False
    assert found.max_probability_difference == pytest.approx(0.25)

    theirs.validation.unlink()
    edit(theirs.record, weights_sha256=None)
    found = compare_with_original(find_original(own_trained, str(theirs.root)), mine, run)
    assert (found.same_weights, found.max_probability_difference, found.films) == (None, None, 0)


def test_the_hash_depends_on_every_bit_and_shape():
    weights = [np.zeros((2, 3), np.float32), np.ones(4, np.float32)]
    nearly = [weights[0], np.nextafter(weights[1], 2)]
    hashes = {
        hash_weights(weights),
        hash_weights(nearly),
        hash_weights([weights[0].T, weights[1]]),
        hash_weights(weights, b"trees"),
    }
    assert len(hashes) == 4
    assert hash_weights([each.copy() for each in weights]) in hashes


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (
            ["--resume", "simple-cnn"],
            "Expected an unfinished run simple-cnn in {root}/checkpoints. Received: none that finished its "
            "first epoch.",
            "Start one without --resume. A finished run can't be resumed, nor one on several devices or machines, "
            "which keeps no checkpoints",
        ),
        (
            ["--resume", "a", "--from", "b"],
            "Expected a run to resume or a run to train again. Received: both, a and b.",
            "cxr train --resume a",
        ),
        (
            ["--from", "nowhere"],
            "Expected the name of a run in {root}/models, or the path of a run.json. Received: nowhere.",
            "Runs there: simple-cnn",
        ),
        (
            ["--operating-point", "best"],
            "Expected an operating point: youden, or sensitivity, specificity, sensitivity-at-least, "
            "specificity-at-least or threshold with a value between 0 and 1. Received: best.",
            "For example: --operating-point sensitivity=0.95",
        ),
    ],
)
def test_invalid_reruns_are_refused_before_tensorflow_loads(cxr, own_trained, arguments, error, hint):
    wrong_usage = len(arguments) == 4 or "--operating-point" in arguments
    result = cxr("train", *arguments, "-w", own_trained.root)

    assert (result.exit_code, result.stdout) == (2 if wrong_usage else 1, "")
    assert result.stderr == f"Error: {error.format(root=own_trained.root)}\n{hint}\n"


def test_a_recipe_can_be_used_on_another_dataset_under_a_name(cxr, own_trained):
    edit(own_trained.run().record, dataset_fingerprint="0" * 64)
    place = ("-w", own_trained.root)
    refused = cxr("train", "--from", "simple-cnn", *place)

    assert refused.exit_code == 1
    assert "Error: Expected the dataset that simple-cnn was trained on (fingerprint 000000000000, " in refused.stderr
    assert refused.stderr.endswith(
        "To train on this dataset with those options anyway, name the new run: "
        "cxr train --from simple-cnn --name NAME\n"
    )
    plan = plan_run(own_trained, from_run="simple-cnn", name="here")
    assert (plan.name, plan.options.epochs, plan.original.called) == ("here", 2, "simple-cnn")
    changed = plan_run(own_trained, from_run="simple-cnn", name="here", epochs=7, flip=False)
    assert changed.options == change_options(plan.options, {"epochs": 7, "flip": False})


def test_an_unfinished_run_is_reported_and_resumed_only_with_its_options(cxr, own_prepared, monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    place = ("-w", own_prepared.root)
    monkeypatch.setattr("cxr_cli.training.make_run.export_litert", stop)
    stopped = cxr("train", *SMALL, "--epochs", "1", *place)
    monkeypatch.undo()
    assert stopped.exit_code == 130
    assert stopped.stderr.endswith("To resume it: cxr train --resume simple-cnn\nStopped.\n")

    refused = cxr("train", "--resume", "simple-cnn", "--epochs", "2", *place)
    assert refused.stderr == (
        "Error: Expected the options that the training run simple-cnn began with: epochs 1. Received: epochs 2.\n"
        "Resume it with its own: cxr train --resume simple-cnn; or train without --resume\n"
    )
    kept = own_prepared.checkpoint("simple-cnn").read_bytes()
    told = cxr("train", *SMALL, "--weights", "nowhere.h5", *place)
    assert told.stderr.startswith(
        "Training the run simple-cnn-2. There is already simple-cnn, an unfinished training run, stopped after epoch "
        "1, which stays as it is. To resume it instead: Ctrl-C, then cxr train --resume simple-cnn\n"
    )
    refused = cxr("train", *SMALL, "--name", "simple-cnn", *place)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == (
        "Error: Expected a name for the run that is not taken. Received: simple-cnn, an unfinished training run, "
        "stopped after epoch 1.\nTo resume it: cxr train --resume simple-cnn. To replace it: --replace. To keep it: "
        "another --name, or no --name, which adds a number\n"
    )
    assert own_prepared.checkpoint("simple-cnn").read_bytes() == kept

    few = {"simple-cnn": ARCHITECTURES["simple-cnn"]}
    monkeypatch.setattr("cxr_cli.training.runs.ARCHITECTURES", few)
    everything = cxr("train", "--arch", "all", *SMALL[2:], "--epochs", "1", *place)
    assert "[1/1] simple-cnn\nLoading TensorFlow\nBuilding" in everything.stderr
    assert "Resuming after epoch 1\nExporting" in everything.stderr


def test_a_resumed_reproduction_still_knows_its_source(own_trained, capsys):
    run = read_record(own_trained.run().record, RunRecord)
    options = read_options(run.options, own_trained.run().record)

    def resume(original):
        made = Checkpoints(
            own_trained.checkpoint("again"),
            run="again",
            options=options,
            dataset=run.dataset_fingerprint,
            original=original,
            resume=False,
        )
        made.write([], over=False, model=[], optimizer=[], best=[])
        return plan_run(own_trained, resume="again")

    with watched_by(ConsoleWatcher()):
        plan = resume("simple-cnn")
        assert resume("gone").original is None
    assert (plan.name, plan.resume, plan.options, plan.original.record) == ("again", True, options, run)
    assert "Training continues, but it can't be checked whether it reproduces gone." in capsys.readouterr().err
