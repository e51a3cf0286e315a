import csv
import json
import re
import shutil
from dataclasses import asdict, fields, replace

import msgspec
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxr_cli.dataset.manifest import Film, read_manifest
from cxr_cli.dataset.prepare import prepare
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.evaluation.evaluate import save
from cxr_cli.evaluation.predicted import PREDICTIONS, PredictedFilms
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.evaluation.scoring import score
from cxr_cli.films.reader import read_film
from cxr_cli.metrics.paired_tests import delong, mcnemar
from cxr_cli.metrics.sample import count_confusion
from cxr_cli.metrics.table import metrics_in
from cxr_cli.prediction.predictor import open_predictor
from cxr_cli.recipe.record import Boosting, RunRecord
from cxr_cli.workspace.records import read_record, write_record


@pytest.fixture
def two_runs(own_trained):
    """A workspace with a second run of the same model beside simple-cnn."""
    shutil.copytree(own_trained.run("simple-cnn").root, own_trained.models / "twin")
    return own_trained


def change(path, kind, **values):
    write_record(path, msgspec.structs.replace(read_record(path, kind), **values))


def figures(workspace):
    return {row["run"]: row for row in csv.DictReader(workspace.comparison.csv.read_text().splitlines())}


def test_the_comparison_matches_evaluations_and_records(cxr, two_runs):
    result = cxr("compare", "-w", two_runs.root)
    report = read_record(two_runs.evaluation("twin", "test").record, EvaluationRecord)
    run = two_runs.run("twin")
    record = read_record(run.record, RunRecord)
    row = figures(two_runs)["twin"]

    assert result.exit_code == 0
    for name in ("accuracy", "balanced_accuracy", "sensitivity", "specificity", "mcc", "roc_auc"):
        assert float(row[name]) == report.metrics[name]
    for name in ("mcc", "roc_auc"):
        around = report.intervals[name]
        assert (float(row[f"{name}_low"]), float(row[f"{name}_high"])) == (around.low, around.high)
    assert int(row["parameters"]) == record.parameters
    assert int(row["bytes"]) == run.litert_model.stat().st_size
    assert float(row["training_seconds"]) == pytest.approx(record.seconds["fit"], abs=0.06)
    assert 0.05 < float(row["milliseconds"]) < 1000
    assert row["same_dataset"] == "True"


@pytest.mark.draws
def test_the_text_output_is_a_table_and_the_paths_of_the_files(cxr, two_runs):
    result = cxr("compare", "-w", two_runs.root)
    title, *doubts, _, _, header, _, first, second = result.stdout.splitlines()[:9]
    others = result.stdout.splitlines()[9:]
    report = read_record(two_runs.evaluation("twin", "test").record, EvaluationRecord)
    area = report.intervals["roc_auc"]
    chance = (
        f"is not shown to be better than chance: the AUC's interval, {area.low:.3f} to {area.high:.3f}, includes 0.5."
    )
    assert doubts == [f"Alarm: On its test films, {name} {chance}" for name in ("simple-cnn", "twin")]
    metrics = metrics_in("compare", ranked=True)
    shown = [report.metrics[metric.name] for metric in metrics]

    assert re.fullmatch(r"Runs on 6 test films of \d patients \(3 non_covid, 3 covid\)", title)
    assert header.split() == [
        "run",
        *(metric.column.split("\n")[-1].split()[-1] for metric in metrics),
        "M",
        "MB",
        "ms",
        "min",
    ]
    for line, name in ((first, "simple-cnn"), (second, "twin")):
        assert line.split()[: 1 + len(metrics)] == [name, *(f"{value:.3f}" for value in shown)]
    assert others[-2:] == [f"Files: {two_runs.comparison.root}", "For research and teaching only, never a diagnosis."]
    assert "*" not in result.stdout

    markdown = two_runs.comparison.markdown.read_text().splitlines()
    assert markdown[0] == f"# {title}"
    assert {f"On its test films, {name} {chance}" for name in ("simple-cnn", "twin")} <= set(markdown)
    area = rf"{shown[0]:.3f} \(0\.\d{{3}} to \d\.\d{{3}}\)"
    assert re.match(rf"\| simple-cnn \| simple-cnn \| {area} \| {shown[1]:.3f} \| ", markdown[4])
    assert len({line.count("|") for line in markdown[2:6]}) == 1
    assert read_film(two_runs.comparison.picture).std() > 10


@pytest.fixture
def with_answers(two_runs):
    """Add a third run, and evaluations on 12 films of 9 patients with different predictions."""
    workspace = two_runs
    shutil.copytree(workspace.run("twin").root, workspace.models / "third")
    fingerprint = read_record(workspace.dataset.record, DatasetRecord).fingerprint
    truth = np.arange(12) % 2 == 0
    groups = np.array([f"patient{i * 3 // 4}" for i in range(12)])
    unknown = Film(**{column.name: "" for column in fields(Film)})
    known = read_manifest(workspace.dataset)[:12]  # predictions for other films would be made again
    films = [
        replace(unknown, path=film.path, patient=group, group=group) for film, group in zip(known, groups, strict=True)
    ]
    rng, scores = np.random.default_rng(5), {}
    for name, skill in (("simple-cnn", 0.9), ("twin", 0.4), ("third", 0.1)):
        change(workspace.run(name).record, RunRecord, calibration=None)
        scores[name] = np.clip(0.5 + skill * (truth - 0.5) + rng.normal(0, 0.2, 12), 0.01, 0.99)
        predictor = open_predictor(workspace.run(name))
        thresholds = np.full(12, predictor.record.threshold)
        predicted = PredictedFilms(
            films, truth, scores[name], scores[name], thresholds, seen=[""] * 12, doubts=[""] * 12
        )
        record = score(
            predictor, predicted, split="test", same_dataset=True, dataset_fingerprint=fingerprint, seen=None
        )
        save(workspace, record, predicted)
    return workspace, truth, groups, scores


def test_the_best_run_is_compared_with_each_other_run(cxr, with_answers):
    workspace, truth, groups, scores = with_answers
    result = cxr("compare", "--json", "-w", workspace.root)
    told = json.loads(result.stdout)
    best, *others = [row["run"] for row in told["runs"]]
    threshold = read_record(workspace.run().record, RunRecord).threshold

    assert [(pair["a"], pair["b"]) for pair in told["pairs"]] == [(best, other) for other in others]
    assert len(others) == 2
    for pair in told["pairs"]:
        mine, theirs = scores[pair["a"]], scores[pair["b"]]
        areas = delong(truth, mine, theirs, groups)
        answers = mcnemar((mine >= threshold) == truth, (theirs >= threshold) == truth, groups)
        assert (pair["films"], pair["patients"]) == (12, 9)
        assert pair["auc_difference"] == pytest.approx(roc_auc_score(truth, mine) - roc_auc_score(truth, theirs))
        assert (pair["auc_low"], pair["auc_high"]) == pytest.approx((areas.interval.low, areas.interval.high))
        assert (pair["auc_p"], pair["answers_p"]) == pytest.approx((areas.p, answers.p))
        assert (pair["only_a_right"], pair["only_b_right"]) == (answers.only_a, answers.only_b)
    assert len(workspace.comparison.pairs.read_text().splitlines()) == 3

    shown = cxr("compare", "-w", workspace.root).stdout
    pair = told["pairs"][0]
    assert "In pairs, on the films that both have predictions for: 12 films of 9 patients" in shown
    assert re.search(
        rf"^{best} - {others[0]} +\{pair['auc_difference']:+.3f} \(.\d\.\d{{3}} to .\d\.\d{{3}}\)", shown, re.MULTILINE
    )
    assert "Both p values are corrected for all 6 tests between all runs (Holm)." in shown
    assert "The best run was chosen on these same films, so its lead is slightly overestimated." in shown
    raw = [p for pair in told["pairs"] for p in (pair["auc_p"], pair["answers_p"])]
    holm = [p for pair in told["pairs"] for p in (pair["auc_p_holm"], pair["answers_p_holm"])]
    assert all(min(1, 6 * p) >= by_holm >= p for p, by_holm in zip(raw, holm, strict=True))
    for pair in told["pairs"]:
        rates = [(scores[pair[side]] >= threshold)[truth].mean() for side in "ab"]
        assert pair["sensitivity_difference"] == pytest.approx(rates[0] - rates[1])
        assert pair["sensitivity_low"] <= pair["sensitivity_difference"] <= pair["sensitivity_high"]
    assert f"| {best} - {others[1]} | " in workspace.comparison.markdown.read_text()


def test_films_that_only_one_run_predicted_are_left_out_of_the_pair(cxr, with_answers):
    workspace, truth, groups, scores = with_answers
    evaluation = workspace.evaluation("twin", "test")
    rows = PREDICTIONS.read(evaluation.predictions)[:8]
    PREDICTIONS.write(evaluation.predictions, rows)
    called = np.array([row.class_ == "covid" for row in rows])
    change(evaluation.record, EvaluationRecord, confusion_matrix=asdict(count_confusion(truth[:8], called)))

    told = json.loads(cxr("compare", "simple-cnn", "twin", "--json", "-w", workspace.root).stdout)
    (pair,) = told["pairs"]

    assert (pair["films"], pair["patients"]) == (8, len(set(groups[:8])))
    sign = 1 if pair["a"] == "simple-cnn" else -1
    areas = [roc_auc_score(truth[:8], scores[name][:8]) for name in ("simple-cnn", "twin")]
    assert pair["auc_difference"] == pytest.approx(sign * (areas[0] - areas[1]))
    shown = cxr("compare", "simple-cnn", "twin", "-w", workspace.root).stdout
    assert "for all 2 tests between all runs" in shown
    assert "chosen on these same films" not in shown


def test_a_run_with_a_new_operating_point_is_evaluated_again(cxr, with_answers):
    workspace, *_ = with_answers
    assert "tested again" not in cxr("compare", "-w", workspace.root).stderr

    change(workspace.run("twin").record, RunRecord, threshold=0.123)
    notes = cxr("compare", "-w", workspace.root).stderr
    assert "twin is tested again, because the operating point of twin was changed since\n" in notes
    assert "third" not in notes


def test_a_run_is_evaluated_first_unless_its_evaluation_is_current(cxr, two_runs):
    tested_first = "{} has no evaluation on these test films: testing it first\n"
    both = cxr("compare", "-w", two_runs.root)
    assert all(tested_first.format(name) in both.stderr for name in ("simple-cnn", "twin"))
    assert cxr("compare", "-w", two_runs.root).stderr == ""

    change(two_runs.run("twin").record, RunRecord, weights_sha256="0" * 64)
    again = cxr("compare", "-w", two_runs.root).stderr
    assert "twin is tested again, because twin was trained again since\n" in again
    assert "simple-cnn" not in again

    for name in ("simple-cnn", "twin"):
        change(two_runs.evaluation(name, "test").record, EvaluationRecord, dataset_fingerprint="0" * 64)
        why = f"{name} is tested again, because the dataset was prepared again since\n"
        assert why in cxr("compare", name, "-w", two_runs.root).stderr


def test_an_evaluation_by_an_earlier_version_is_repeated(cxr, two_runs):
    cxr("compare", "-w", two_runs.root)
    path = two_runs.evaluation("twin", "test").record
    older = json.loads(path.read_text()) | {"schema_version": EvaluationRecord.OLDEST - 1}
    del older["metrics"]["mcc"]
    path.write_text(json.dumps(older))

    result = cxr("compare", "-w", two_runs.root)

    assert result.exit_code == 0
    assert "twin has no evaluation on these test films: testing it first\n" in result.stderr
    assert read_record(path, EvaluationRecord).metrics.keys() >= {"mcc"}


def test_an_evaluation_without_seen_films_is_not_compared_with_full_ones(cxr, two_runs, phantoms):
    prepare(two_runs, metadata=[phantoms], seed=5)  # some of the new test films were training films
    dropped = cxr("evaluate", "-m", "twin", "--drop-seen", "-w", two_runs.root)
    films = read_record(two_runs.evaluation("twin", "test").record, EvaluationRecord).films
    total = sum(read_record(two_runs.dataset.record, DatasetRecord).films["test"].values())
    assert dropped.exit_code == 0
    assert films < total

    result = cxr("compare", "-w", two_runs.root)

    assert f"twin is tested again, because it leaves out {total - films} films (--drop-seen)\n" in result.stderr
    assert read_record(two_runs.evaluation("twin", "test").record, EvaluationRecord).films == total


def test_a_run_of_another_split_is_last_with_an_asterisk_and_a_reason(cxr, two_runs, phantoms):
    old = read_record(two_runs.dataset.record, DatasetRecord).fingerprint
    prepare(two_runs, metadata=[phantoms], seed=1)
    new = read_record(two_runs.dataset.record, DatasetRecord).fingerprint
    change(two_runs.run("twin").record, RunRecord, dataset_fingerprint=new)

    result = cxr("compare", "-w", two_runs.root)

    assert old != new
    rows = [line.split()[0] for line in result.stdout.splitlines() if line.startswith(("twin ", "simple-cnn* "))]
    assert rows[:2] == ["twin", "simple-cnn*"]
    assert "* trained on another dataset or split than the prepared one" in result.stdout
    assert "\\* trained on another dataset" in two_runs.comparison.markdown.read_text()
    assert {name: row["same_dataset"] for name, row in figures(two_runs).items()} == {
        "twin": "True",
        "simple-cnn": "False",
    }


def test_a_damaged_run_is_named_and_left_out(cxr, two_runs, forget_digests):
    forget_digests(two_runs.run("twin"))
    two_runs.run("twin").litert_model.write_bytes(b"no model")

    result = cxr("compare", "--json", "-w", two_runs.root)
    told = json.loads(result.stdout)

    assert result.exit_code == 0
    assert [row["run"] for row in told["runs"]] == ["simple-cnn"]
    assert "Expected a LiteRT model in" in told["left_out"]["twin"]
    assert "Left out twin. Expected a LiteRT model in" in result.stderr
    assert cxr("compare", "simple-cnn", "twin", "-w", two_runs.root).exit_code == 1
    alone = cxr("compare", "twin", "-w", two_runs.root)
    assert (alone.exit_code, alone.stdout) == (1, "")
    assert alone.stderr.startswith("Error: Expected a LiteRT model in")


def test_only_named_runs_are_compared_and_the_folder_can_be_chosen(cxr, two_runs, tmp_path):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "mine.txt").write_text("stays")

    result = cxr("compare", "twin", "-o", tmp_path / "report", "-w", two_runs.root)

    assert result.exit_code == 0
    assert [line.split(",")[0] for line in (tmp_path / "report" / "comparison.csv").read_text().splitlines()] == [
        "run",
        "twin",
    ]
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == [
        "comparison.csv",
        "comparison.md",
        "comparison.png",
        "comparison.svg",
        "mine.txt",
    ]
    assert not two_runs.comparison.root.exists()


def test_the_trees_count_towards_the_file_size(cxr, own_trained):
    import xgboost

    run = own_trained.run()
    rng = np.random.default_rng(0)
    data = xgboost.DMatrix(rng.normal(size=(20, 64)), label=rng.integers(0, 2, 20))
    xgboost.train({"objective": "binary:logistic"}, data, num_boost_round=2).save_model(run.booster)
    change(run.record, RunRecord, boosting=Boosting(trees=2, features=64, val_loss=0.6), sha256={})

    assert cxr("compare", "-w", own_trained.root).exit_code == 0
    files = run.litert_model.stat().st_size + run.booster.stat().st_size
    assert int(figures(own_trained)["simple-cnn"]["bytes"]) == files


def test_compare_without_runs_with_an_unknown_run_and_without_a_dataset(cxr, tmp_path, own_trained):
    assert "Train one: cxr train" in cxr("compare", "-w", tmp_path).stderr
    assert "Trained runs: simple-cnn" in cxr("compare", "resnet", "-w", own_trained.root).stderr
    own_trained.dataset.record.unlink()
    assert "Prepare one: cxr prepare" in cxr("compare", "-w", own_trained.root).stderr
