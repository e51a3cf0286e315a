"""Prediction sets on the command line and from Python, of a run whose validation predictions are written by hand."""

import csv
import json

import pytest

import cxr_cli
from cxr_cli.doubts import warning
from cxr_cli.evaluation.caveats import caveats
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.prediction.predictor import open_predictor
from cxr_cli.recipe.predictions import VALIDATION, FilmPrediction
from cxr_cli.recipe.sets import open_sets
from cxr_cli.workspace.records import read_record


@pytest.fixture
def own_trained(own_trained, forget_digests):
    """Its validation predictions may be written by hand."""
    forget_digests(own_trained.run())
    return own_trained


def validate(workspace, negatives, positives):
    """Write validation predictions: the raw P(covid) of one film of each patient, by class."""
    rows = [
        FilmPrediction(
            image=f"{truth}{place}.png", group=f"{truth}{place}", truth=truth, probability=0.5, raw_probability=p
        )
        for truth, values in (("non_covid", negatives), ("covid", positives))
        for place, p in enumerate(values)
    ]
    VALIDATION.write(workspace.run().validation, rows)


@pytest.mark.parametrize(
    ("negatives", "positives", "name", "words"),
    [
        ([1.0] * 9, [0.0] * 9, "both", "non_covid or covid, it can't tell which"),
        ([0.0] * 9, [0.0] * 9, "covid", "covid"),
        ([1.0] * 9, [1.0] * 9, "non_covid", "non_covid"),
        ([0.0] * 9, [1.0] * 9, "neither", "neither, it looks like the validation films of neither class"),
    ],
)
def test_predict_gives_the_classes_that_cannot_be_ruled_out(
    cxr, own_trained, film, tmp_path, negatives, positives, name, words
):
    validate(own_trained, negatives, positives)
    table = tmp_path / "answers.csv"

    shown = cxr("predict", film, "--alpha", 0.1, "--csv", table, "-w", own_trained.root)
    (answer,) = json.loads(cxr("predict", film, "--alpha", 0.1, "--json", "-w", own_trained.root).stdout)

    assert shown.exit_code == 0
    assert shown.stdout.endswith(f"\n  Set (90%)  : {words}\n")
    assert (
        "Sets: for 90% of the patients of each class, the set has the right class. This holds only for films like the "
        "validation films.\n" in shown.stderr
    )
    assert "Too few" not in shown.stderr
    assert answer["set"] == name
    (row,) = csv.DictReader(table.read_text().splitlines())
    assert row["set"] == name
    run = cxr_cli.load_run(own_trained.run().root)
    assert run.predict(film, alpha=0.1).set_ == name
    assert [row.set_ for row in run.predict_all([film], alpha=0.1)] == [name]
    assert [row.set_ for row in cxr_cli.predict(film, alpha=0.1, workspace=own_trained.root)] == [name]
    assert run.predict(film).set_ is None


def test_a_class_with_too_few_patients_is_named(cxr, own_trained, film):
    validate(own_trained, [0.0] * 8, [0.0] * 9)

    result = cxr("predict", film, "--alpha", "0.1", "-w", own_trained.root)

    assert "  Set (90%)  : non_covid or covid, it can't tell which\n" in result.stdout
    assert (
        "Too few patients: sets at 90% need validation films of 9 patients of a class. There are 8 of non_covid, so "
        "every set has it.\n" in result.stderr
    )


@pytest.mark.parametrize("command", [("predict", "film.png"), ("evaluate",)])
def test_an_alpha_out_of_range_is_wrong_usage(cxr, trained, film, in_folder, command):
    (in_folder / "film.png").write_bytes(film.read_bytes())

    result = cxr(*command, "--alpha", "1.5", "-w", trained.root)

    assert result.exit_code == 2
    assert result.stderr == "Error: Expected an alpha between 0 and 1. Received: 1.5.\nFor example: --alpha 0.1\n"


def test_evaluate_measures_how_often_the_sets_have_the_class(cxr, own_trained):
    validate(own_trained, [1.0] * 9, [1.0] * 9)  # every set has non_covid alone

    result = cxr("evaluate", "--all", "-w", own_trained.root)

    record = read_record(own_trained.evaluation("simple-cnn", "test").record, EvaluationRecord)
    sets = record.sets
    assert (sets.rule.alpha, sets.negative.share, sets.positive.share) == (0.1, 1.0, 0.0)
    assert (sets.neither, sets.one, sets.both, sets.mean_size) == (0, 6, 0, 1.0)
    lines = result.stdout.splitlines()
    start = lines.index(f"Prediction sets (90%)  patients{'with right class':>24}")
    assert lines[start + 1 : start + 6] == [
        f"non_covid              {sets.negative.patients:>8}  1.000 ({sets.negative.interval.low:.3f} to 1.000)",
        f"covid                  {sets.positive.patients:>8}  0.000 (0.000 to {sets.positive.interval.high:.3f})",
        "Classes in a set: one class 6 (100%), both 0 (0%), neither 0 (0%); 1.00 on average.",
        "Calibrated on validation films of 9 non_covid and 9 covid patients; 90% holds for films like those.",
        "",
    ]
    missed = (
        "The prediction sets hold covid for 0% of the covid patients, not for 90%: these films are unlike the "
        "validation films, or there were too few of those."
    )
    assert warning(missed) in caveats(record)
    assert f"Warning: {missed}" in lines


def test_evaluate_takes_another_alpha_and_says_where_patients_are_too_few(cxr, own_trained):
    validate(own_trained, [0.5] * 9, [0.5] * 9)

    result = cxr("evaluate", "--alpha", 0.05, "--json", "-w", own_trained.root)
    shown = cxr("evaluate", "--all", "--alpha", 0.05, "-w", own_trained.root)

    sets = json.loads(result.stdout)["sets"]
    assert sets["rule"] == {
        "alpha": 0.05,
        "negative": {"patients": 9, "quantile": None},
        "positive": {"patients": 9, "quantile": None},
    }
    assert (sets["both"], sets["mean_size"]) == (6, 2.0)
    assert (
        "Too few patients: sets at 95% need validation films of 19 patients of a class. There are 9 of non_covid and "
        "9 of covid, so every set has both.\n" in shown.stdout
    )


def test_a_run_of_an_early_version_has_no_sets_but_is_evaluated(cxr, own_trained, film, forget_digests):
    forget_digests(own_trained.run())
    own_trained.run().validation.unlink()

    predicted = cxr("predict", film, "--alpha", 0.1, "-w", own_trained.root)
    evaluated = cxr("evaluate", "--all", "-w", own_trained.root)

    assert predicted.exit_code == 1
    assert str(own_trained.run().validation) in predicted.stderr
    assert evaluated.exit_code == 0
    assert "No prediction sets: they need the run's predictions for its validation films." in evaluated.stderr
    assert "Prediction sets: Not measured: the run keeps no predictions" in evaluated.stdout


def test_calibration_and_operating_point_do_not_change_a_set(cxr, own_trained, film):
    before = open_sets(own_trained.run(), 0.4).rule
    raw = open_predictor(own_trained.run()).predict_file(film).raw

    cxr("calibrate", "--operating-point", "threshold=0.9", "-w", own_trained.root)

    assert open_sets(own_trained.run(), 0.4).rule == before
    assert (before.negative.patients, before.positive.patients) == (2, 2)
    assert open_predictor(own_trained.run()).predict_file(film).raw == raw
