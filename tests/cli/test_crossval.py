import csv
import json
import shutil
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict

import msgspec
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.dataset.prepare import prepare
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.evaluation.crossval.apart import TrainingProcess
from cxr_cli.films.reader import read_film
from cxr_cli.recipe.record import RunRecord
from cxr_cli.rendering.render import write_phantoms
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record, write_record

QUICK = ("--arch", "simple-cnn", "--image-size", 64, "--epochs", 1)


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture
def here(monkeypatch):
    """Train in this process: another one is slow to start. tests/evaluation/crossval/test_apart.py tests that."""

    @contextmanager
    def train_here(process, place, options):
        from cxr_cli.training.make_run import make_run
        from cxr_cli.training.plan import TrainingPlan

        make_run(place, TrainingPlan(options, options.arch))
        yield

    monkeypatch.setattr(TrainingProcess, "training", train_here)
    return train_here


@pytest.fixture
def workspace(prepared, tmp_path):
    shutil.copytree(prepared.root, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace")


@pytest.mark.draws
def test_an_interrupted_crossval_resumes_and_predicts_every_film_once(cxr, here, workspace, monkeypatch):
    folder = workspace.crossval("simple-cnn-2-folds")

    def stopped_in_fold_2(process, place, options):
        if place.root.name == "fold-2":
            raise KeyboardInterrupt
        return here(process, place, options)

    with monkeypatch.context() as patched:
        patched.setattr(TrainingProcess, "training", stopped_in_fold_2)
        stopped = cxr("crossval", "--folds", 2, *QUICK, "-w", workspace.root)
    first = folder.fold(1).new_run("simple-cnn").record.read_bytes()
    assert (stopped.exit_code, stopped.stdout) == (130, "")
    assert "Stopped during a fold. The same command resumes that fold" in stopped.stderr
    assert not folder.record.exists()

    result = cxr("crossval", "--folds", 2, *QUICK, "--json", "-w", workspace.root)

    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert result.stderr.count("kept.") == 1
    assert folder.fold(1).new_run("simple-cnn").record.read_bytes() == first
    assert json.loads(folder.record.read_text()) == report
    rows = rows_of(folder.predictions)
    manifest = {row["path"]: row for row in rows_of(workspace.dataset.manifest)}
    assert sorted(row["image"] for row in rows) == sorted(manifest)
    assert all((workspace.dataset.root / row["image"]).is_file() for row in rows)
    assert all(manifest[row["image"]]["label"] == row["truth"] for row in rows)
    for number in (1, 2):
        own = rows_of(folder.fold(number).dataset.manifest)
        seen = {row["group"] for row in own if row["split"] != "test"}
        assert not seen & {row["group"] for row in rows if row["fold"] == f"{number}"}
    check_figures(report, rows)
    assert read_film(folder.roc_picture).std() > 10
    page = folder.page.read_text()
    for fold in report["folds"]:
        assert f"{fold['metrics']['roc_auc']:.3f}" in page
    assert f"<b>{report['across_folds']['roc_auc']['mean']:.3f}</b>" in page
    assert report["interval_of"] in page


def test_concurrent_cross_validations_of_one_name_are_refused(cxr, workspace):
    with workspace.lock_crossval("simple-cnn-2-folds"), workspace.lock_run("simple-cnn"):
        result = cxr("crossval", "--folds", 2, *QUICK, "-w", workspace.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(
        f"Error: Expected {workspace.root}/crossval/simple-cnn-2-folds to be free. Received: Python (process "
    )
    assert result.stderr.endswith(") is writing there.\nWait for it to finish, or choose another name: --name NAME\n")


def check_figures(report, rows):
    truth = np.array([row["truth"] == "covid" for row in rows])
    called = np.array([row["class"] == "covid" for row in rows])
    probability = np.array([float(row["probability"]) for row in rows])
    fold = np.array([row["fold"] for row in rows])
    np.testing.assert_array_equal(called, probability >= [float(row["threshold"]) for row in rows])
    assert report["films"] == len(rows) == report["positives"] + report["negatives"]
    assert sum(report["confusion_matrix"].values()) == len(rows)
    assert report["confusion_matrix"]["true_positive"] == (truth & called).sum()
    areas = [roc_auc_score(truth[fold == name], probability[fold == name]) for name in ("1", "2")]
    assert [one["metrics"]["roc_auc"] for one in report["folds"]] == pytest.approx(areas)
    assert report["across_folds"]["roc_auc"]["mean"] == pytest.approx(np.mean(areas))
    assert report["across_folds"]["roc_auc"]["sd"] == pytest.approx(np.std(areas, ddof=1))
    shares = [called[truth & (fold == name)].mean() for name in ("1", "2")]
    assert report["across_folds"]["sensitivity"]["mean"] == pytest.approx(np.mean(shares))
    of_views = [row for row in report["subgroups"] if row["column"] == "view"]
    assert sum(row["films"] for row in of_views) == len(rows)


def test_leaving_out_a_source_with_the_options_of_a_run(cxr, here, own_trained, phantoms, tmp_path):
    other = write_phantoms(tmp_path / "elsewhere", films=24, seed=9)
    prepare(own_trained, metadata=[phantoms, other])

    result = cxr("crossval", "--leave-out", "source", "--from", "simple-cnn", "--epochs", 1, "-w", own_trained.root)

    folder = own_trained.crossval("simple-cnn-leave-out-source")
    report = json.loads(folder.record.read_text())
    assert result.exit_code == 0
    assert (report["options"]["image_size"], report["options"]["batch_size"], report["options"]["epochs"]) == (64, 8, 1)
    assert {fold["name"]: sum(fold["films"]["test"].values()) for fold in report["folds"]} == {
        "elsewhere": 24,
        phantoms.parent.name: 40,
    }
    for number, fold in enumerate(report["folds"], start=1):
        own = rows_of(folder.fold(number).dataset.manifest)
        assert {row["source"] for row in own if row["split"] == "test"} == {fold["name"]}
        assert fold["name"] not in {row["source"] for row in own if row["split"] != "test"}
    lines = result.stdout.splitlines()
    assert lines[0].startswith("simple-cnn: 64 films of ")
    assert any(line.startswith("source") and "ROC AUC" in line for line in lines)
    assert any(line.startswith("mean") and f"{report['across_folds']['roc_auc']['mean']:.3f}" in line for line in lines)
    assert "pooled" not in result.stdout
    assert report["interval_of"].startswith("the recipe on a source that it was not trained on")
    assert lines[-1] == "For research and teaching only, never a diagnosis."


def test_further_repeats_keep_the_folds_that_are_there(cxr, own_trained, monkeypatch):
    trained = []

    @contextmanager
    def copy_run(process, place, options):
        trained.append((place.root.relative_to(folder.root).as_posix(), options.seed))
        run = place.new_run(options.arch)
        shutil.copytree(own_trained.run().root, run.root)
        made = read_record(place.dataset.record, DatasetRecord)
        record = read_record(run.record, RunRecord)
        changes = {"options": asdict(options), "dataset_fingerprint": made.fingerprint}
        write_record(run.record, msgspec.structs.replace(record, **changes))
        yield

    monkeypatch.setattr(TrainingProcess, "training", copy_run)
    folder = own_trained.crossval("simple-cnn-2-folds")
    command = ("crossval", "--folds", 2, *QUICK, "--seed", 7, "-w", own_trained.root)
    cxr(*command)
    result = cxr(*command, "--repeats", 2)

    assert result.exit_code == 0, result.stderr
    assert trained == [("fold-1", 7), ("fold-2", 7), ("fold-2.1", 8), ("fold-2.2", 8)]
    assert all(len(read_manifest(folder.fold(number, 2).dataset)) == 40 for number in (1, 2))
    report, rows = json.loads(folder.record.read_text()), rows_of(folder.predictions)
    assert [(fold["repeat"], fold["name"]) for fold in report["folds"]] == [(1, "1"), (1, "2"), (2, "1"), (2, "2")]
    assert report["films"] * 2 == len(rows)
    assert set(Counter((row["image"], row["repeat"]) for row in rows).values()) == {1}
    assert {row["image"] for row in rows if row["fold"] == "1" and row["repeat"] == "1"} != {
        row["image"] for row in rows if row["fold"] == "1" and row["repeat"] == "2"
    }
    areas = [fold["metrics"]["roc_auc"] for fold in report["folds"]]
    assert report["across_folds"]["roc_auc"]["mean"] == pytest.approx(np.mean(areas))
    assert any(line.startswith("2.1") for line in result.stdout.splitlines())

    once = cxr(*command)

    assert (once.exit_code, len(trained)) == (0, 4)
    assert json.loads(folder.record.read_text())["repeats"] == 1
    assert folder.fold(2, 2).run("simple-cnn").record.is_file()


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (
            ["--folds", 99],
            "Expected 99 or more patients with a negative film, one for each fold. Received: 1",
            "Fewer folds: --folds 1",
        ),
        (
            ["--folds", 3, "--leave-out", "view"],
            "Expected folds or a column to leave out. Received: 3 folds and view.",
            "Leave out one of them",
        ),
        (
            ["--repeats", 3, "--leave-out", "view"],
            "Expected one repeat where each view is left out: its films are the same each time. Received: 3.",
            "Leave out --repeats",
        ),
        (["--leave-out", "source"], "Expected two or more values of source", "Leave out another column, or draw folds"),
        (["--from", "mine"], "Expected the name of a run in", "Runs there: none"),
        (["--operating-point", "best"], "Expected an operating point: youden", "For example: --operating-point"),
        (["--name", "a/b"], "Expected a run's name of letters", "For example: --name"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_impossible_folds_are_refused_before_training(cxr, prepared, arguments, message, hint):
    result = cxr("crossval", *arguments, "-w", prepared.root)

    wrong_usage = len(arguments) == 4 or arguments[0] in {"--operating-point", "--name"}
    assert (result.exit_code, result.stdout) == (2 if wrong_usage else 1, "")
    assert result.stderr.startswith(f"Error: {message}")
    assert result.stderr.splitlines()[-1].startswith(hint)
    assert not (prepared.root / "crossval").exists()
