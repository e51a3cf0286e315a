"""Charts of an evaluation: what they say in words, in their colors and with their intervals."""

import re
from dataclasses import replace

import numpy as np
import pytest

from cxr_cli.films.figures import OTHER, POSITIVE, RAW, read_chart
from cxr_cli.metrics.chart_films import ChartFilms, fitted_limits
from cxr_cli.metrics.curve_plots import draw_decision_curve, draw_precision_recall, draw_risk_coverage
from cxr_cli.metrics.decision_curve import decision_curve
from cxr_cli.metrics.fold_plots import draw_fold_rocs
from cxr_cli.metrics.forest_plot import draw_forest
from cxr_cli.metrics.intervals import Interval
from cxr_cli.metrics.measure import measure, measure_intervals
from cxr_cli.metrics.plots import draw_confusion, draw_reliability, draw_roc, draw_scores
from cxr_cli.metrics.risk_coverage import risk_coverage
from cxr_cli.metrics.subgroups import subgroups
from cxr_cli.metrics.training_plots import draw_curves

pytestmark = pytest.mark.draws


@pytest.fixture(scope="module")
def films() -> ChartFilms:
    """60 films of 60 patients; 24 are positive, of which 20 are called so, and 9 of the others."""
    positives = np.arange(60) < 24
    probabilities = np.concatenate([np.linspace(0.35, 0.75, 24), np.linspace(0.05, 0.5, 36)])
    return ChartFilms(
        positives=positives,
        probabilities=probabilities,
        groups=np.arange(60),
        threshold=0.4,
        negative="non_$covid$",
        positive="covid",
        counted="60 films of 60 patients",
        title="a-run on test: 60 films of 60 patients",
    )


@pytest.fixture
def drawn(tmp_path):
    """Draw a chart; returns its text as SVG, and its alternative text."""

    def draw(function, *arguments, **options):
        function(tmp_path / "chart.png", *arguments, **options)
        chart = read_chart(tmp_path / "chart.png")
        assert chart is not None
        return chart

    return draw


def words(svg: str) -> list[str]:
    """The texts of a chart."""
    return [re.sub(r"<[^>]*>", "", text) for text in re.findall(r"<text.*?</text>", svg, flags=re.DOTALL)]


def test_a_confusion_matrix_says_what_is_called_correctly(drawn, films):
    chart = drawn(draw_confusion, films)

    assert chart.alt == (
        "Confusion matrix: called correctly are 21 of 24 covid films (88%) and 28 of 36 non_$covid$ films (78%)."
    )
    assert {"21", "88%", "3", "12%", "n = 24", "n = 36", "non_$covid$"} <= set(words(chart.svg))


def test_films_of_another_class_keep_their_name(drawn, films):
    chart = drawn(draw_confusion, replace(films, others=("not Pneumonia", "Pneumonia")))

    assert chart.alt == (
        "Confusion matrix: called correctly are 21 of 24 Pneumonia films (88%) and 28 of 36 not Pneumonia films (78%)."
    )
    assert {"Pneumonia", "not Pneumonia", "covid", "non_$covid$"} <= set(words(chart.svg))


def test_a_roc_curve_says_its_auc_with_interval_and_its_operating_point(drawn, films):
    chart = drawn(draw_roc, films)

    assert re.fullmatch(
        r"ROC curve: AUC 0\.9\d \(0\.8\d to 0\.9\d\) over 60 films of 60 patients; at the operating point of 0\.4 the "
        r"sensitivity is 0\.88 and the specificity 0\.78\.",
        chart.alt,
    )
    assert {"sensitivity 0.88 (0.69 to 0.96)", "95% at each 1 − specificity"} <= set(words(chart.svg))
    assert "1 − specificity (share of non_$covid$ films called covid)" in words(chart.svg)
    assert chart.svg.count("stroke-dasharray") == 1  # the operating point


def test_precision_and_recall_have_a_band_and_the_prevalence(drawn, films):
    chart = drawn(draw_precision_recall, films)

    assert re.fullmatch(
        r"Precision and recall: average precision 0\.\d\d \(0\.\d\d to 0\.\d\d\) over 60 films of 60 patients, where "
        r"chance is 0\.40\.",
        chart.alt,
    )
    assert {"95% at each recall", "chance: the prevalence, 0.40"} <= set(words(chart.svg))


@pytest.mark.parametrize("calibrated", [True, False])
def test_a_reliability_diagram_names_both_classes(drawn, films, calibrated):
    chart = drawn(draw_reliability, films, raw=films.probabilities**2 if calibrated else None)
    said = words(chart.svg)

    assert {"covid films (n = 24)", "non_$covid$ films (n = 36)", "share of films that are covid"} <= set(said)
    assert any(text.startswith("before calibration (error ") for text in said) == calibrated
    assert (RAW.lower() in chart.svg.replace(f"stroke: {RAW.lower()}; stroke-width: 1;", "")) or not calibrated
    assert (" after calibration and " in chart.alt) == calibrated


def test_scores_are_in_the_colors_of_their_classes_with_the_operating_point(drawn, films):
    chart = drawn(draw_scores, films)

    assert chart.alt == (
        "Scores by class: the median P(covid) is 0.55 for 24 covid films and 0.28 for 36 non_$covid$ films; the "
        "operating point is 0.4."
    )
    assert "truly covid: n = 24, of which 21 (88%) at or above" in words(chart.svg)
    assert POSITIVE.lower() in chart.svg
    assert OTHER.lower() in chart.svg
    assert chart.svg.count("stroke-dasharray") == 2  # one in each panel


def test_axes_fit_probabilities_that_are_close_together():
    assert fitted_limits(np.array([0.3, 0.5])) == pytest.approx((0.288, 0.512))
    assert fitted_limits(np.array([0.01, 0.4])) == pytest.approx((-0.02, 0.4234))
    assert fitted_limits(np.array([0.1, 0.9])) == pytest.approx((-0.02, 1.02))


def test_a_decision_curve_says_where_it_is_of_use(drawn, films):
    points = decision_curve(films.positives, films.probabilities, films.groups)
    chart = drawn(draw_decision_curve, points, positive="covid", title="a run", finding="above 0 at 40 of 99")

    assert chart.alt == "Decision curve: the net benefit of the run is above 0 at 40 of 99."
    assert {"treat none", "treat all", "the run", "95%"} <= set(words(chart.svg))
    assert "1.0" not in words(chart.svg)  # no film has a probability above 0.75


def test_risk_and_coverage_have_their_area_with_interval(drawn, films):
    wrong, confidence = films.called != films.positives, np.abs(films.probabilities - 0.4)
    figures = risk_coverage(~wrong, confidence, np.ones(60, bool), films.groups)
    chart = drawn(draw_risk_coverage, wrong, confidence, figures, title="a run")

    assert re.fullmatch(
        r"Risk and coverage: the area is 0\.\d{3} \(0\.\d{3} to 0\.\d{3}\) over 60 films, and 0\.183 by chance\.",
        chart.alt,
    )


def test_folds_have_a_mean_with_its_interval(drawn, films):
    folds = {f"fold {n}": (films.positives[n::3], films.probabilities[n::3], films.called[n::3]) for n in range(3)}
    options = {"positive": "covid", "counted": films.counted, "title": "a recipe"}
    chart = drawn(draw_fold_rocs, folds, interval=Interval(low=0.8, high=0.99), **options)

    assert re.fullmatch(
        r"ROC curves of 3 folds over 60 films of 60 patients: mean AUC 0\.9\d \(0\.80 to 0\.99\), the folds from "
        r"0\.\d\d to 0\.\d\d\.",
        chart.alt,
    )


def test_training_curves_say_which_epoch_was_kept(drawn):
    history = [{"epoch": n, "loss": 1 / n, "val_loss": 1 / n, "val_auc": 0.5 + n / 20} for n in (1, 2, 3)]
    chart = drawn(draw_curves, history, best_epoch=2)

    assert chart.alt == "Training curves: epoch 2 of 3 was kept, with a validation ROC AUC of 0.600."
    assert "kept: epoch 2" in words(chart.svg)


def test_a_forest_plot_says_why_a_figure_is_missing(drawn, films):
    columns = {
        "view": ["PA"] * 12 + ["AP"] * 9 + ["lateral"] * 3 + ["PA"] * 20 + ["AP"] * 12 + ["lateral"] * 4,
        "finding": ["COVID-19"] * 24 + ["Pneumocystis pneumonia or no finding"] * 36,
    }
    options = {"threshold": films.threshold}
    rows = subgroups(columns, films.positives, films.probabilities, films.groups, **options)
    chart = drawn(
        draw_forest,
        rows,
        measure(films.positives, films.probabilities, **options),
        measure_intervals(films.positives, films.probabilities, films.groups, **options),
        films=films,
    )
    said = words(chart.svg)

    assert chart.alt.startswith(
        "Forest plot of 5 subgroups of 60 films of 60 patients: the AUC is lowest for view PA ("
    )
    assert said.count("n/a") == 4  # AUC and specificity of one finding, AUC and sensitivity of the other
    assert said.count("under 10 patients") == 5  # AUC and sensitivity of AP, all three of lateral
    assert {"all films", "view", "finding", "AP", "Pneumocystis pneumon…", "24", "36"} <= set(said)
