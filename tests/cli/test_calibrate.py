"""`cxr calibrate`: the operating point of a trained run, chosen on validation and used everywhere."""

import csv
import json
import shutil

import numpy as np
import pytest

from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.records import read_record


def test_training_chooses_the_operating_point_on_validation(trained):
    run = trained.run()
    record = read_record(run.record, RunRecord)
    with run.validation.open(newline="") as stream:
        rows = list(csv.DictReader(stream))

    positives = np.array([row["truth"] == "covid" for row in rows])
    raw = np.array([float(row["raw_probability"]) for row in rows])
    calibrated = np.array([float(row["probability"]) for row in rows])
    called = calibrated >= record.threshold

    assert list(rows[0]) == ["image", "group", "truth", "probability", "raw_probability"]
    np.testing.assert_array_equal(calibrated, record.calibration.apply(raw))
    assert len(rows) == sum(record.films["val"].values())
    assert record.operating_point.rule == "youden"
    assert record.operating_point.threshold == record.threshold
    assert record.operating_point.sensitivity == pytest.approx(called[positives].mean())
    assert record.validation["specificity"] == pytest.approx(1 - called[~positives].mean())
    assert record.calibration.after["log_loss"] == pytest.approx(record.validation["log_loss"])


def test_a_new_operating_point_is_stored_in_the_run(cxr, own_trained):
    before = read_record(own_trained.run().record, RunRecord)

    made = cxr("calibrate", "--operating-point", "sensitivity=0.95", "-w", own_trained.root, "--json")

    after = read_record(own_trained.run().record, RunRecord)
    told = json.loads(made.stdout)
    assert made.exit_code == 0
    assert told["operating_point"]["rule"] == after.operating_point.rule == "sensitivity=0.95"
    assert after.operating_point.sensitivity >= 0.95
    assert after.threshold == told["operating_point"]["threshold"]
    assert after.calibration == before.calibration
    assert after.validation["roc_auc"] == before.validation["roc_auc"]


def test_a_bound_for_new_films_needs_more_patients_than_these(cxr, own_trained):
    before = own_trained.run().record.read_bytes()

    refused = cxr("calibrate", "--operating-point", "sensitivity-at-least=0.95", "-w", own_trained.root)
    trained = cxr("train", "--operating-point", "specificity-at-least=0.9", "-w", own_trained.root)

    assert (refused.exit_code, trained.exit_code) == (1, 1)
    assert "Expected at least 59 patients with positive validation films" in refused.stderr
    assert "Expected at least 29 patients with negative validation films" in trained.stderr
    assert own_trained.run().record.read_bytes() == before
    shown = cxr("calibrate", "--operating-point", "sensitivity-at-least=0.2", "-w", own_trained.root)
    assert "With 95% confidence, at least 0.2 of the positive films of new patients" in shown.stdout


def test_calibrating_an_older_run_does_not_make_it_the_latest(cxr, own_trained, film):
    older = own_trained.new_run("older")
    shutil.copytree(own_trained.run().root, older.root)
    record = json.loads(older.record.read_text()) | {"created": "2020-01-01T00:00:00+00:00"}
    older.record.write_text(json.dumps(record))

    assert cxr("calibrate", "-m", "older", "-w", own_trained.root).exit_code == 0

    assert json.loads(cxr("predict", film, "-w", own_trained.root, "--json").stdout)[0]["model"] == "simple-cnn"
    assert read_record(older.record, RunRecord).created == "2020-01-01T00:00:00+00:00"


def test_predict_uses_the_operating_point(cxr, own_trained, film):
    classes = {}
    for rule in ("threshold=0.000001", "threshold=0.999999"):
        cxr("calibrate", "--operating-point", rule, "-w", own_trained.root)
        classes[rule] = json.loads(cxr("predict", film, "-w", own_trained.root, "--json").stdout)[0]["class"]

    assert list(classes.values()) == ["covid", "non_covid"]


def test_the_output_of_calibrate(cxr, own_trained):
    shown = cxr("calibrate", "-w", own_trained.root)

    lines = shown.stdout.splitlines()
    assert shown.exit_code == 0
    assert lines[0] == "simple-cnn, on 6 validation films"
    assert lines[1].startswith("Operating point: youden, covid from a probability of 0.")
    assert "of 3 films" in lines[2]
    assert shown.stderr.endswith("Test it: cxr evaluate simple-cnn\n")
    assert "Replaces" not in shown.stdout  # it is the same


def test_what_calibrate_replaces_is_said_with_the_way_back(cxr, own_trained):
    before = read_record(own_trained.run().record, RunRecord).operating_point
    shown = cxr("calibrate", "simple-cnn", "--operating-point", "threshold=0.9", "-w", own_trained.root)
    way = "cxr calibrate simple-cnn --operating-point youden"

    assert (
        f"Replaces       : youden, from a probability of {before.threshold:.3f}; to go back: {way}\n"
    ) in shown.stdout
    back = json.loads(cxr(*way.split()[1:], "--json", "-w", own_trained.root).stdout)
    assert back["operating_point"]["threshold"] == before.threshold
    assert back["operating_point_before"]["rule"] == "threshold=0.9"


def test_calibrate_without_a_rule_is_an_error(cxr, own_trained):
    failed = cxr("calibrate", "--operating-point", "best", "-w", own_trained.root)

    assert failed.exit_code == 2
    assert failed.stderr == (
        "Error: Expected an operating point: youden, or sensitivity, specificity, sensitivity-at-least, "
        "specificity-at-least or threshold with a value between 0 and 1. Received: best.\n"
        "For example: --operating-point sensitivity=0.95\n"
    )


def test_a_validation_table_with_the_older_columns_is_still_read(cxr, own_trained, forget_digests):
    path = own_trained.run().validation
    forget_digests(own_trained.run())
    rows = list(csv.DictReader(path.read_text().splitlines()))
    before = read_record(own_trained.run().record, RunRecord)
    older = [",".join([row["image"], row["group"], row["truth"], row["raw_probability"]]) for row in rows]
    path.write_text("\n".join(["image,group,truth,probability", *older]) + "\n")

    made = cxr("calibrate", "-w", own_trained.root)

    after = read_record(own_trained.run().record, RunRecord)
    assert made.exit_code == 0
    assert (after.calibration, after.operating_point) == (before.calibration, before.operating_point)


def test_the_evaluation_has_the_metrics_at_the_new_operating_point(cxr, own_audited):
    cxr("evaluate", "-w", own_audited.root)
    cxr("calibrate", "--operating-point", "threshold=0.123", "-w", own_audited.root)

    made = cxr("report", "-w", own_audited.root)

    why = "simple-cnn is tested again, because the operating point of simple-cnn was changed since\n"
    assert made.exit_code == 0
    assert why in made.stderr
    assert "calibrated probability of 0.123" in own_audited.report("simple-cnn").markdown.read_text()


@pytest.mark.parametrize("damage", [None, "image,group,truth,probability,raw_probability\na,b,covid,0.5,x\n"])
def test_a_run_without_its_validation_predictions_is_an_error(cxr, own_trained, damage):
    path = own_trained.run().validation
    path.unlink() if damage is None else path.write_text(damage)

    failed = cxr("calibrate", "-w", own_trained.root)

    assert failed.exit_code == 1
    assert str(path) in failed.stderr
    assert "cxr train" in failed.stderr
