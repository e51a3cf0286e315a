"""The text of the page: the run's own metrics with their caveats; all other text is escaped."""

import dataclasses
import json
import shutil

import msgspec
import numpy as np
import pytest
from PIL import Image

from cxr_cli.errors import CxrError
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.prediction.predictor import Prediction
from cxr_cli.recipe.record import RunRecord
from cxr_cli.web import html
from cxr_cli.web.predicting import ShownPrediction
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


def see(whole: str = "") -> ShownPrediction:
    map_ = np.ones((1, 2), np.float32)
    answer = Prediction(
        label="covid",
        confidence=0.875,
        probabilities={"non_covid": 0.125, "covid": 0.875},
        cams={"non_covid": -map_, "covid": map_},
        whole=whole,
    )
    return ShownPrediction(
        prediction=answer,
        run="net",
        caption="What the map shows.",
        size=(640, 480),
        film=Image.new("L", (64, 48), 90),
        heat=Image.new("RGBA", (8, 6)),
    )


def test_a_prediction_shows_class_probabilities_and_the_meaning_of_the_heat(words):
    assert words(html.prediction(see(), name="film.png")) == (
        "film.png, predicted by net covid 87.5% non_covid 12.5% covid 87.5% film.png, 640 × 480 pixels "
        "What the map shows."
    )


def test_a_prediction_at_another_threshold_names_it(words):
    seen = see()
    decided = dataclasses.replace(
        seen,
        prediction=dataclasses.replace(
            seen.prediction, probabilities={"non_covid": 0.69, "covid": 0.31}, threshold=0.25, rule="<youden>"
        ),
    )

    assert words(html.prediction(decided, name="film.png")).startswith(
        "film.png, predicted by net covid P(covid) 31.0%, above the operating point of 25.0% (<youden>) non_covid 69.0%"
    )
    assert "cxr-decision" not in html.prediction(seen, name="film.png")


def test_a_film_whose_lungs_were_not_found_is_reported_as_used_whole(words):
    seen = see(whole="no lung found instead of two; net saw the whole film")

    assert words(html.prediction(seen, name="film.png")).endswith(
        "What the map shows. Note: no lung found instead of two; net saw the whole film."
    )


def test_names_and_errors_are_escaped():
    evil = "<img src=x onerror=alert(1)>.png"

    for text in (html.prediction(see(), name=evil), html.error(CxrError(evil, hint=evil))):
        assert "<img src=x" not in text
        assert "&lt;img src=x onerror=alert(1)&gt;.png" in text


def test_the_metrics_shown_match_the_evaluation(two_runs, words):
    report = read_record(two_runs.evaluation("simple-cnn", "test").record, EvaluationRecord)
    text = words(html.figures(two_runs, "simple-cnn"))
    cells, metrics = report.confusion_matrix, report.metrics

    assert text.startswith("How simple-cnn did on its test films Sensitivity ")
    sensitivity, auc = report.intervals["sensitivity"], report.intervals["roc_auc"]
    assert (
        f"Sensitivity {metrics['sensitivity']:.3f} ({sensitivity.low:.2f} to {sensitivity.high:.2f}) "
        f"{cells['true_positive']} of {report.positives} covid films called covid" in text
    )
    assert f"ROC AUC {metrics['roc_auc']:.3f} ({auc.low:.2f} to {auc.high:.2f}) 0.5 is chance" in text
    assert f"{report.films} films of {report.patients} patients. Positive class: covid, from a probability of " in text


def test_without_an_evaluation_the_command_for_it_is_shown(own_tested, words):
    assert words(html.figures(own_tested, "second")) == (
        f"How second did on its test films Not tested yet: cxr evaluate second --workspace '{own_tested.root}'"
    )


def test_metrics_of_other_films_have_a_warning(own_tested):
    assert "trained on another dataset" not in html.figures(own_tested, "simple-cnn")
    change_report(own_tested, same_dataset=False, seen=None)

    assert "Alarm: simple-cnn was trained on another dataset or split" in html.figures(own_tested, "simple-cnn")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"weights_sha256": "0" * 64}, "simple-cnn was trained again since"),
        ({"threshold": 0.123}, "the operating point of simple-cnn was changed since"),
    ],
)
def test_outdated_metrics_have_a_warning(own_tested, words, changes, reason):
    assert "out of date" not in html.figures(own_tested, "simple-cnn")
    path = own_tested.run("simple-cnn").record
    write_record(path, msgspec.structs.replace(read_record(path, RunRecord), **changes))

    assert (f"These figures are out of date, because {reason}. Test the run again: cxr evaluate simple-cnn") in words(
        html.figures(own_tested, "simple-cnn")
    )


def test_undefined_metrics_and_constant_predictions_are_explained(own_tested, words):
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
    text = words(html.figures(own_tested, "simple-cnn"))

    assert f"Sensitivity not defined 0 of {report.positives} covid films called covid" in text
    assert "The run predicts the same class for every film" in text


@pytest.mark.parametrize("run", ["gone", "../simple-cnn"])
def test_a_missing_run_is_an_error_on_the_page(two_runs, run, words):
    assert f"Error: Expected the name of a trained run in {two_runs.models}." in words(html.figures(two_runs, run))


def test_a_damaged_evaluation_is_an_error(own_tested, words):
    own_tested.evaluation("simple-cnn", "test").record.write_text("{")

    assert words(html.figures(own_tested, "simple-cnn")).startswith("Error: Expected an EvaluationRecord in ")


def test_a_test_of_an_earlier_version_is_refused_with_the_command_that_makes_it_again(own_tested, words):
    path = own_tested.evaluation("simple-cnn", "test").record
    older = json.loads(path.read_text()) | {"schema_version": EvaluationRecord.OLDEST - 1, "metrics": {}}
    path.write_text(json.dumps(older))

    assert words(html.figures(own_tested, "simple-cnn")) == (
        f"Error: Expected version {EvaluationRecord.VERSION} of the record {path}. "
        f"Received: version {EvaluationRecord.OLDEST - 1}. Make it again: cxr evaluate"
    )


def test_a_film_that_the_run_has_seen_has_a_warning_on_the_page(words):
    seen = dataclasses.replace(see(), seen="Note: net was trained or validated on this film, so <this> is no test.")

    assert "Note: net was trained or validated on this film, so <this> is no test." in words(
        html.prediction(seen, name="film.png")
    )
    assert "no test" not in words(html.prediction(see(), name="film.png"))
