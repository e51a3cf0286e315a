import csv
import json

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, roc_auc_score

from cxr_cli.dataset.prepare import prepare
from cxr_cli.imaging.reader import read_film


def test_figures_follow_from_the_predictions_and_the_manifest(cxr, own_trained):
    result = cxr("evaluate", "--json", "-w", own_trained.root)
    report = json.loads(result.stdout)
    folder = own_trained.evaluation("simple-cnn", "test")
    rows = list(csv.DictReader(folder.predictions.read_text().splitlines()))
    manifest = {row["path"]: row for row in csv.DictReader(own_trained.dataset.manifest.read_text().splitlines())}

    truth = np.array([row["truth"] == "covid" for row in rows])
    probability = np.array([float(row["probability"]) for row in rows])
    called = np.array([row["class"] == "covid" for row in rows])
    assert result.exit_code == 0
    assert {row["image"] for row in rows} == {path for path, row in manifest.items() if row["split"] == "test"}
    assert all(manifest[row["image"]]["label"] == row["truth"] for row in rows)
    np.testing.assert_array_equal(called, probability >= report["threshold"])
    assert report["positive"] == "covid"
    assert report["metrics"]["roc_auc"] == pytest.approx(roc_auc_score(truth, probability))
    assert report["metrics"]["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, called))
    cells = report["confusion_matrix"]
    np.testing.assert_array_equal(
        confusion_matrix(truth, called),
        [[cells["true_negative"], cells["false_positive"]], [cells["false_negative"], cells["true_positive"]]],
    )
    assert json.loads(folder.record.read_text()) == report
    for picture in (folder.confusion_picture, folder.roc_picture):
        assert read_film(picture).std() > 10


def test_people_read_the_positive_class_and_the_notice(cxr, own_trained):
    result = cxr("evaluate", "-w", own_trained.root)
    lines = result.stdout.splitlines()

    assert lines[0].startswith("simple-cnn on test: ")
    assert lines[1] == "Positive class: covid, from a probability of 0.5"
    assert "of covid films, called covid" in result.stdout
    assert lines[-1] == "For research and teaching only, never a diagnosis."
    assert "Warning" not in result.stderr


def test_training_films_are_no_test_and_that_is_said(cxr, own_trained):
    result = cxr("evaluate", "--split", "train", "-w", own_trained.root)

    assert "The train films had a part in the training: these figures are no test." in result.stdout
    assert own_trained.evaluation("simple-cnn", "train").record.is_file()


def test_another_split_than_the_runs_is_warned_of(cxr, own_trained, phantoms):
    prepare(own_trained, [phantoms], seed=1)

    result = cxr("evaluate", "-w", own_trained.root)

    assert "Warning: simple-cnn was trained on another dataset or split" in result.stdout
    assert json.loads(own_trained.evaluation("simple-cnn", "test").record.read_text())["same_dataset"] is False


def test_another_positive_class_is_refused(cxr, own_trained, phantoms):
    prepare(own_trained, [phantoms], positive="No Finding")

    result = cxr("evaluate", "-w", own_trained.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "Error: Expected films of the run's classes {'non_covid': 0, 'covid': 1}. Received: " in result.stderr


def test_no_dataset_and_no_run(cxr, tmp_path):
    result = cxr("evaluate", "-w", tmp_path)

    assert result.exit_code == 1
    assert result.stderr.endswith("Train one: cxr train --arch mobilenetv2 --class-weight\n")
