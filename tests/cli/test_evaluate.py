import csv
import json
import re
from collections import Counter

import msgspec
import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, confusion_matrix, roc_auc_score

from cxr_cli.dataset.prepare import prepare
from cxr_cli.films.reader import read_film
from cxr_cli.metrics.calibration import Calibration
from cxr_cli.metrics.intervals import Estimate, Interval, predictive_intervals
from cxr_cli.metrics.measure import measure_intervals
from cxr_cli.metrics.operating_points import OperatingPoint
from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.records import read_record, write_record


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def decide(workspace, *, slope=None, intercept=0.0, threshold=0.5):
    """Give the run another operating point, as `cxr calibrate` does."""
    path = workspace.run("simple-cnn").record
    point = OperatingPoint(
        rule="sensitivity=0.95", threshold=threshold, sensitivity=1, specificity=0.5, positives=3, negatives=4
    )
    calibration = Calibration(slope=slope, intercept=intercept, before={}, after={}) if slope else None
    changes = {"threshold": threshold, "operating_point": point, "calibration": calibration}
    write_record(path, msgspec.structs.replace(read_record(path, RunRecord), **changes))


@pytest.mark.draws
def test_metrics_follow_from_predictions_and_manifest(cxr, own_trained):
    result = cxr("evaluate", "--json", "-w", own_trained.root)
    report = json.loads(result.stdout)
    folder = own_trained.evaluation("simple-cnn", "test")
    rows = rows_of(folder.predictions)
    manifest = {row["path"]: row for row in rows_of(own_trained.dataset.manifest)}

    truth = np.array([row["truth"] == "covid" for row in rows])
    probability = np.array([float(row["probability"]) for row in rows])
    called = np.array([row["class"] == "covid" for row in rows])
    groups = np.array([row["group"] for row in rows])
    assert result.exit_code == 0
    assert {row["image"] for row in rows} == {path for path, row in manifest.items() if row["split"] == "test"}
    for row in rows:
        known = manifest[row["image"]]
        assert row["truth"] == known["label"]
        for name in ("original", "patient", "group", "source", "view", "sex", "age", "finding"):
            assert row[name] == known[name]
    np.testing.assert_array_equal(called, probability >= report["threshold"])
    assert (report["positive"], report["films"], report["patients"]) == ("covid", len(rows), len(set(groups)))
    assert (report["positives"], report["negatives"]) == (truth.sum(), (~truth).sum())
    assert report["metrics"]["roc_auc"] == pytest.approx(roc_auc_score(truth, probability))
    assert report["metrics"]["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, called))
    assert report["metrics"]["brier"] == pytest.approx(brier_score_loss(truth, probability))
    intervals = measure_intervals(truth, probability, groups, threshold=report["threshold"])
    assert report["intervals"].keys() == report["metrics"].keys()
    for name, interval in intervals.items():
        assert report["intervals"][name] == (pytest.approx(msgspec.to_builtins(interval)) if interval else None)
    cells = report["confusion_matrix"]
    np.testing.assert_array_equal(
        confusion_matrix(truth, called),
        [[cells["true_negative"], cells["false_positive"]], [cells["false_negative"], cells["true_positive"]]],
    )
    assert json.loads(folder.record.read_text()) == report
    curves = (folder.precision_recall_picture, folder.decision_picture, folder.risk_picture)
    for picture in (folder.confusion_picture, folder.roc_picture, folder.reliability_picture, *curves):
        assert read_film(picture).std() > 10


def test_the_text_output_has_films_operating_point_and_metrics_with_intervals(cxr, own_trained):
    decide(own_trained, slope=1.4, threshold=0.4)
    result = cxr("evaluate", "--all", "-w", own_trained.root)
    of_calibration = (
        "Warning: The probabilities are worse than the share",
        "Warning: Calibration made the probabilities worse",
        "Note: Calibration made the probabilities worse",
    )  # depends on the run
    lines = [line for line in result.stdout.splitlines() if not line.startswith(of_calibration)]
    report = json.loads(own_trained.evaluation("simple-cnn", "test").record.read_text())
    sensitivity, around = report["metrics"]["sensitivity"], report["intervals"]["sensitivity"]
    found = report["confusion_matrix"]["true_positive"]

    area = report["intervals"]["roc_auc"]
    assert area["low"] < 0.5
    table = csv.DictReader((own_trained.evaluation("simple-cnn", "test").predictions).read_text().splitlines())
    patients = Counter(truth for truth, _ in {(row["truth"], row["group"]) for row in table})
    assert [*lines[:5], *(" ".join(line.split()) for line in lines[5:7])] == [
        f"simple-cnn on test: 6 films of {report['patients']} patients, "
        f"3 covid films of {patients['covid']} patients and 3 non_covid films of {patients['non_covid']}",
        f"Alarm: Not shown to be better than chance: the AUC's interval, {area['low']:.3f} to {area['high']:.3f}, "
        "includes 0.5.",
        "Warning: The operating point was chosen on 3 covid and 4 non_covid validation films: with so few films, "
        "sensitivity and specificity depend on the split.",
        "Operating point: covid from a probability of 0.4 (sensitivity=0.95, on 7 validation films)",
        "",
        "95% interval",
        f"Sensitivity {sensitivity:.3f} {around['low']:.3f} to {around['high']:.3f} "
        f"{found} of 3 covid films called covid",
    ]
    assert "PPV and NPV hold for a set with 50% covid; for another: --prevalence SHARE" in lines
    (header,) = (line.split() for line in lines if line.startswith("Probabilities"))
    assert header == ["Probabilities", "raw", "calibrated", "best", "by", "chance", "up", "to"]
    slope = report["calibration"]["calibrated"]["calibration_slope"]
    assert any(line.startswith("Calibration slope") and f"{slope:.3f} (" in line for line in lines)
    assert lines[-1] == "For research and teaching only, never a diagnosis."
    assert result.stderr == "Predicting test films: 6\n"


def test_calibration_and_threshold_are_used_and_both_probabilities_written(cxr, own_trained):
    before = json.loads(cxr("evaluate", "--json", "-w", own_trained.root).stdout)
    decide(own_trained, slope=2.0, intercept=0.5, threshold=0.3)
    report = json.loads(cxr("evaluate", "--json", "-w", own_trained.root).stdout)
    rows = rows_of(own_trained.evaluation("simple-cnn", "test").predictions)

    raw = np.array([float(row["raw_probability"]) for row in rows])
    probability = np.array([float(row["probability"]) for row in rows])
    truth = np.array([row["truth"] == "covid" for row in rows])
    np.testing.assert_allclose(probability, expit(2 * logit(raw) + 0.5), rtol=1e-7)
    assert [row["class"] == "covid" for row in rows] == list(probability >= 0.3)
    assert (report["threshold"], report["operating_point"]["rule"]) == (0.3, "sensitivity=0.95")
    assert (report["calibration"]["slope"], report["calibration"]["intercept"]) == (2.0, 0.5)
    assert report["calibration"]["raw"] == pytest.approx(before["calibration"]["raw"])
    assert report["calibration"]["raw"]["brier"] == pytest.approx(brier_score_loss(truth, raw))
    assert report["calibration"]["calibrated"]["brier"] == pytest.approx(brier_score_loss(truth, probability))
    assert report["metrics"]["roc_auc"] == before["metrics"]["roc_auc"]


def test_probabilities_are_measured_at_a_prevalence_once_the_run_is_calibrated_with_an_intercept(cxr, own_trained):
    decide(own_trained, slope=0.7)
    older = cxr("evaluate", "--json", "--prevalence", "0.1", "-w", own_trained.root)
    cxr("calibrate", "-w", own_trained.root)
    made = cxr("evaluate", "--all", "--prevalence", "0.1", "-w", own_trained.root)

    assert json.loads(older.stdout)["calibration"]["at_prevalence"] is None
    assert "with a temperature alone" in older.stderr
    assert "Calibrate it again: cxr calibrate" in older.stderr
    shifted = json.loads(own_trained.evaluation("simple-cnn", "test").record.read_text())["calibration"][
        "at_prevalence"
    ]
    assert shifted["prevalence"] == 0.1
    assert f"{shifted['figures']['log_loss']:.3f}" in made.stdout
    assert "the films weighted as if that share of them were covid" in made.stdout


def test_probabilities_that_are_worse_than_none_are_reported(cxr, own_audited):
    decide(own_audited, slope=1.0, intercept=4.0)

    shown = cxr("evaluate", "--all", "-w", own_audited.root).stdout
    reported = cxr("report", "-w", own_audited.root)

    assert "The probabilities are worse than the share of covid alone: their log loss on these films is " in shown
    assert "with 50% for every film, it would be 0.693." in shown
    assert "Calibration made the probabilities worse on these films. Log loss: 0." in shown
    assert reported.exit_code == 0
    for page in (own_audited.report("simple-cnn").markdown, own_audited.run().root / "MODEL_CARD.md"):
        assert "The probabilities are worse than the share" in page.read_text()


def test_an_older_run_without_calibration_or_operating_point_is_evaluated(cxr, own_trained):
    path = own_trained.run().record
    older = msgspec.structs.replace(read_record(path, RunRecord), threshold=0.5, calibration=None, operating_point=None)
    write_record(path, older)
    result = cxr("evaluate", "--all", "-w", own_trained.root)
    rows = rows_of(own_trained.evaluation("simple-cnn", "test").predictions)

    assert "\nOperating point: covid from a probability of 0.5\n" in result.stdout
    assert re.search(r"^Probabilities +not calibrated +best", result.stdout, re.MULTILINE)
    assert all(row["probability"] == row["raw_probability"] for row in rows)


def test_predictive_values_at_a_stated_prevalence(cxr, own_trained):
    result = cxr("evaluate", "--all", "--prevalence", "0.1", "-w", own_trained.root)
    report = json.loads(own_trained.evaluation("simple-cnn", "test").record.read_text())
    sensitivity, specificity = report["metrics"]["sensitivity"], report["metrics"]["specificity"]
    worth = report["predictive_values"]

    assert worth["prevalence"] == 0.1
    called = 0.1 * sensitivity + 0.9 * (1 - specificity)
    assert worth["positive"] == (pytest.approx(0.1 * sensitivity / called) if called else None)
    assert "at a prevalence of 10%: share of films called covid that are covid" in result.stdout
    assert "the AUC's interval is about ±" in result.stdout
    assert report["sample_size"]["patients"] in (2, 3)  # of three films
    around = [
        Estimate(report["metrics"][name], msgspec.convert(report["intervals"][name], type=Interval))
        for name in ("sensitivity", "specificity")
    ]
    expected = predictive_intervals(*around, prevalence=0.1)
    assert worth["negative_interval"] == (
        None if worth["negative"] is None else pytest.approx(msgspec.to_builtins(expected[1]))
    )


@pytest.mark.parametrize("share", ["0", "1", "10"])
def test_an_invalid_prevalence_is_refused(cxr, own_trained, share):
    result = cxr("evaluate", "--all", "--prevalence", share, "-w", own_trained.root)

    assert result.exit_code == 2
    assert "Expected a prevalence between 0 and 1" in result.stderr


def test_subgroups_with_few_films_of_a_class_have_no_metrics(cxr, own_trained):
    result = cxr("evaluate", "--all", "--split", "train", "-w", own_trained.root)
    report = json.loads(own_trained.evaluation("simple-cnn", "train").record.read_text())
    rows = {(row["column"], row["value"]): row for row in report["subgroups"]}

    assert {column for column, _ in rows} == {"view", "sex", "age", "source", "finding"}
    for column in ("view", "sex", "age", "source", "finding"):
        assert sum(row["films"] for (name, _), row in rows.items() if name == column) == report["films"]
    (whole,) = (row for (column, _), row in rows.items() if column == "source")
    assert whole["metrics"]["roc_auc"] == report["metrics"]["roc_auc"]
    for row in rows.values():
        assert (row["metrics"]["roc_auc"] is None) == row["too_few"]
    assert "Subgroup" in result.stdout
    assert "Fewer than ten patients of either class (patients in all): " in result.stdout
    assert "source" not in result.stdout  # there is only one source, so the subgroup would be the whole set


def test_evaluating_on_training_films_has_a_warning(cxr, own_trained):
    result = cxr("evaluate", "--all", "--split", "train", "-w", own_trained.root)

    assert "The train films were used in training: these figures don't test the run." in result.stdout
    assert own_trained.evaluation("simple-cnn", "train").record.is_file()


def test_a_split_other_than_the_runs_has_a_warning(cxr, own_trained, phantoms, forget_digests):
    prepare(own_trained, metadata=[phantoms], seed=1)
    forget_digests(own_trained.run())
    own_trained.run().seen.unlink(missing_ok=True)  # a run from before this was recorded

    result = cxr("evaluate", "--all", "-w", own_trained.root)

    assert "Alarm: simple-cnn was trained on another dataset or split" in result.stdout
    assert json.loads(own_trained.evaluation("simple-cnn", "test").record.read_text())["same_dataset"] is False


def test_drop_seen_is_refused_for_the_training_films(cxr, own_trained):
    refused = cxr("evaluate", "--all", "--split", "train", "--drop-seen", "-w", own_trained.root)

    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "Expected films that simple-cnn was not trained on. Received: 28 films, each of which, " in refused.stderr


def test_a_dataset_with_another_positive_class_is_refused(cxr, own_trained, phantoms):
    prepare(own_trained, metadata=[phantoms], positive="No Finding")

    result = cxr("evaluate", "--all", "-w", own_trained.root)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "Error: Expected films of the run's classes {'non_covid': 0, 'covid': 1}. Received: " in result.stderr


def test_evaluate_without_a_dataset_or_a_run_is_an_error(cxr, tmp_path):
    result = cxr("evaluate", "--all", "-w", tmp_path)

    assert result.exit_code == 1
    assert result.stderr.endswith("--class-weight; or try everything on rendered films first: cxr demo\n")


def test_evaluate_has_no_option_that_fits_to_test_films(cxr, own_trained):
    before = own_trained.run().record.read_bytes()
    help_text = cxr("evaluate", "--help").stdout
    cxr("evaluate", "--all", "-w", own_trained.root)

    assert "--threshold" not in help_text
    assert "--operating-point" not in help_text
    assert own_trained.run().record.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--metadata", "m.csv"], "with external only"),
        (["--name", "x"], "with external only"),
        (["--external"], "Expected metadata or folders with external"),
        (["--external", "--folders", "f", "--split", "val"], "those films have no parts"),
        (["--external", "--folders", "f", "--images", "i"], "with metadata only"),
        (["--external", "--metadata", "f", "--patient-pattern", "i"], "with folders only"),
    ],
)
def test_conflicting_evaluate_options_are_refused(cxr, own_trained, options, said):
    result = cxr("evaluate", "--all", *options, "-w", own_trained.root)

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in " ".join(result.stderr.split())


def test_curves_are_measured_and_a_partial_auc_on_request(cxr, own_trained):
    shown = cxr("evaluate", "--all", "--max-fpr", 0.5, "-w", own_trained.root)
    report = json.loads(own_trained.evaluation("simple-cnn", "test").record.read_text())

    assert shown.exit_code == 0
    assert len(report["decision"]["points"]) == 99
    assert (report["decision"]["prevalence"], report["decision"]["stated"]) == (0.5, False)
    assert report["risk_coverage"]["random"] == pytest.approx(1 - report["metrics"]["accuracy"])
    assert report["partial_auc"]["max_fpr"] == 0.5
    figures = {line.split("  ")[0]: line.split() for line in shown.stdout.splitlines() if line}
    assert figures["Partial AUC"][2] == f"{report['partial_auc']['value']:.3f}"
    assert figures["AURC"][1] == f"{report['risk_coverage']['area']:.3f}"
    assert "\nNet benefit: " in shown.stdout
    stated = json.loads(cxr("evaluate", "--prevalence", 0.1, "--json", "-w", own_trained.root).stdout)["decision"]
    assert (stated["prevalence"], stated["stated"]) == (0.1, True)
    assert cxr("evaluate", "--max-fpr", 1, "-w", own_trained.root).exit_code == 2


def test_an_alarm_of_the_audit_stands_beside_the_figures(cxr, own_trained):
    fingerprint = read_record(own_trained.run().record, RunRecord).dataset_fingerprint
    finding = {"level": "alarm", "found": "The border reveals the class.", "numbers": "AUC 0.842 (0.801 to 0.877)."}
    own_trained.audit.root.mkdir()
    own_trained.audit.record.write_text(json.dumps({"dataset_fingerprint": fingerprint, "findings": [finding]}))
    result = cxr("evaluate", "-w", own_trained.root)
    area = json.loads(own_trained.evaluation("simple-cnn", "test").record.read_text())["metrics"]["roc_auc"]

    assert (
        "Alarm: The audit of the films that simple-cnn was trained on sounded an alarm: the border reveals the class, "
        f"AUC 0.842 (0.801 to 0.877). simple-cnn itself has an AUC of {area:.3f} on its test films. Read it: "
        f"{own_trained.audit.page}" in result.stdout.splitlines()
    )
    assert "On its test films, simple-cnn is" not in result.stdout
