"""How a run did on its test films, as the page says it: its own metrics, with their caveats."""

import json
import shutil

import msgspec
import pytest

from cxr_cli.doubts import Doubt, Weight
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.metrics.intervals import Interval
from cxr_cli.recipe.record import RunRecord
from cxr_cli.reporting.run_doubts import run_doubts
from cxr_cli.web.answers import MetricFigure, Problem, run_figures
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record, write_record


@pytest.fixture
def own_tested(two_runs, tmp_path) -> Workspace:
    """A copy of `two_runs` that a test can change."""
    root = tmp_path / "work space"
    shutil.copytree(two_runs.root, root)
    return Workspace(root)


def change_report(workspace: Workspace, **changes: object) -> None:
    path = workspace.evaluation("simple-cnn", "test").record
    write_record(path, msgspec.structs.replace(read_record(path, EvaluationRecord), **changes))


def test_the_metrics_shown_match_the_evaluation(two_runs):
    report = read_record(two_runs.evaluation("simple-cnn", "test").record, EvaluationRecord)
    figures = run_figures(two_runs, "simple-cnn")
    shown = {metric.label: metric for metric in figures.metrics}
    cells, metrics = report.confusion_matrix, report.metrics
    sensitivity, auc = report.intervals["sensitivity"], report.intervals["roc_auc"]

    assert figures.run == "simple-cnn"
    assert shown["Sensitivity"] == MetricFigure(
        "Sensitivity",
        f"{metrics['sensitivity']:.3f}",
        f"{sensitivity.low:.2f} to {sensitivity.high:.2f}",
        f"{cells['true_positive']} of {report.positives} covid films called covid",
    )
    assert shown["ROC AUC"] == MetricFigure(
        "ROC AUC", f"{metrics['roc_auc']:.3f}", f"{auc.low:.2f} to {auc.high:.2f}", "0.5 is chance"
    )
    (note,) = figures.notes
    assert note.startswith(f"{report.films} films of {report.patients} patients. Positive class: covid, from a prob")
    assert (figures.command, figures.error) == ("", None)


def test_without_an_evaluation_the_command_for_it_is_shown(own_tested):
    figures = run_figures(own_tested, "second")

    assert figures.notes == ["Not tested yet."]
    assert figures.command == "cxr evaluate second"


def test_what_speaks_against_the_run_is_that_of_every_command(own_tested):
    for run in ("simple-cnn", "second"):
        assert run_figures(own_tested, run).doubts == run_doubts(own_tested, own_tested.run(run))
    (doubt,) = run_figures(own_tested, "second").doubts
    assert doubt.sentence.startswith("second")


def test_the_page_does_not_say_where_the_workspace_is(own_tested):
    run = read_record(own_tested.run("simple-cnn").record, RunRecord)
    finding = {"level": "alarm", "found": "Corners tell the class.", "numbers": "AUC 0.9."}
    audit = {"dataset_fingerprint": run.dataset_fingerprint, "findings": [finding]}
    own_tested.audit.root.mkdir(parents=True, exist_ok=True)
    own_tested.audit.record.write_text(json.dumps(audit))

    audited, missing = run_figures(own_tested, "simple-cnn"), run_figures(own_tested, "third")

    assert "Read it: work space/audit/audit.html" in [doubt.hint for doubt in audited.doubts]
    assert missing.error.message == "Expected the name of a trained run in work space/models. Received: 'third'."
    assert str(own_tested.root.parent) not in str((audited, missing))


def test_what_speaks_against_the_run_and_its_test_is_said_once(own_tested):
    path = own_tested.evaluation("simple-cnn", "test").record
    intervals = read_record(path, EvaluationRecord).intervals
    change_report(own_tested, intervals={**intervals, "roc_auc": Interval(low=0.31, high=0.62)})
    figures = run_figures(own_tested, "simple-cnn")

    said = [doubt.sentence for doubt in (*figures.doubts, *figures.caveats) if "better than chance" in doubt.sentence]
    assert said == [
        "On its test films, simple-cnn is not shown to be better than chance: the AUC's interval, 0.310 to 0.620, "
        "includes 0.5."
    ]


def test_metrics_of_other_films_have_a_warning(own_tested):
    assert not any("another dataset" in str(doubt) for doubt in run_figures(own_tested, "simple-cnn").caveats)
    change_report(own_tested, same_dataset=False, seen=None)

    caveats = run_figures(own_tested, "simple-cnn").caveats
    assert str(caveats[0]).startswith("Alarm: simple-cnn was trained on another dataset or split")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"weights_sha256": "0" * 64}, "simple-cnn was trained again since"),
        ({"threshold": 0.123}, "the operating point of simple-cnn was changed since"),
    ],
)
def test_outdated_metrics_have_a_warning(own_tested, changes, reason):
    path = own_tested.run("simple-cnn").record
    write_record(path, msgspec.structs.replace(read_record(path, RunRecord), **changes))
    figures = run_figures(own_tested, "simple-cnn")

    assert figures.caveats[0] == Doubt(
        Weight.ALARM, f"These figures are out of date, because {reason}.", "Test the run again: cxr evaluate simple-cnn"
    )


def test_undefined_metrics_and_constant_predictions_are_explained(own_tested):
    path = own_tested.evaluation("simple-cnn", "test").record
    report = read_record(path, EvaluationRecord)
    cells = {
        "true_positive": 0,
        "false_positive": 0,
        "false_negative": report.positives,
        "true_negative": report.negatives,
    }
    undefined = {
        "metrics": {**report.metrics, "sensitivity": None},
        "intervals": {**report.intervals, "sensitivity": None},
    }
    change_report(own_tested, **undefined, confusion_matrix=cells)
    figures = run_figures(own_tested, "simple-cnn")

    none = f"0 of {report.positives} covid films called covid"
    assert MetricFigure("Sensitivity", "not defined", "", none) in figures.metrics
    assert any("the same class for every film" in doubt.sentence for doubt in figures.caveats)


@pytest.mark.parametrize("run", ["gone", "../simple-cnn"])
def test_a_missing_run_is_an_error_on_the_page(two_runs, run):
    error = run_figures(two_runs, run).error

    assert error.message.startswith("Expected the name of a trained run in workspace/models.")


def test_a_damaged_evaluation_is_an_error(own_tested):
    own_tested.evaluation("simple-cnn", "test").record.write_text("{")

    assert run_figures(own_tested, "simple-cnn").error.message.startswith("Expected an EvaluationRecord in ")


def test_a_test_of_an_earlier_version_is_refused_with_the_command_that_makes_it_again(own_tested):
    path = own_tested.evaluation("simple-cnn", "test").record
    older = json.loads(path.read_text()) | {"schema_version": EvaluationRecord.OLDEST - 1, "metrics": {}}
    path.write_text(json.dumps(older))

    assert run_figures(own_tested, "simple-cnn").error == Problem(
        f"Expected version {EvaluationRecord.VERSION} of the record {path.relative_to(own_tested.root.parent)}. "
        f"Received: version {EvaluationRecord.OLDEST - 1}.",
        "Make it again: cxr evaluate",
    )
