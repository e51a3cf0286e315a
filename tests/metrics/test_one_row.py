"""A metric is one row of the table, and every command, file and page shows it."""

import csv
import json
import shutil
from contextlib import contextmanager

import pytest

from cxr_cli.evaluation.crossval import study
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.metrics.intervals import proportion_interval
from cxr_cli.metrics.table import METRICS, Metric
from cxr_cli.web.answers import run_figures
from cxr_cli.workspace.records import read_record

ONE_MORE = Metric(
    name="prevalence_called",
    title="share called positive",
    value=lambda sample: float(sample.called.mean()),
    interval=lambda sample, groups: proportion_interval(sample.called, groups),
    meaning="{called_positive} films called {positive}",
    heading="called",
)


@pytest.fixture
def metrics(monkeypatch):
    """A metric of the table, and one more row; each is looked for in everything that the commands write once."""
    monkeypatch.setitem(METRICS, ONE_MORE.name, ONE_MORE)
    return [METRICS["mcc"], ONE_MORE]


def test_evaluate_compare_report_and_page_show_a_metric_with_its_interval(cxr, metrics, own_trained):
    workspace = own_trained
    evaluated = cxr("evaluate", "--all", "-w", workspace.root)
    record = read_record(workspace.evaluation("simple-cnn", "test").record, EvaluationRecord)
    compared = cxr("compare", "-w", workspace.root)
    as_json = json.loads(cxr("compare", "--json", "-w", workspace.root).stdout)["runs"][0]
    cxr("report", "-w", workspace.root)
    folder, (row,) = workspace.report("simple-cnn"), csv.DictReader(workspace.comparison.csv.read_text().splitlines())
    figures = {figure.label: figure.figure for figure in run_figures(workspace, "simple-cnn").metrics}

    for metric in metrics:
        value, interval = record.metrics[metric.name], record.intervals[metric.name]
        assert value is not None
        assert interval.low < value < interval.high
        spread = f"{interval.low:.3f} to {interval.high:.3f}"
        (line,) = (line for line in evaluated.stdout.splitlines() if line.startswith(metric.label))
        assert f" {value:.3f} {spread}" in " ".join(line.split())
        assert metric.column in compared.stdout
        assert f"{value:.3f}" in compared.stdout
        assert spread in compared.stdout
        shown, table = f"{value:.3f} ({spread})", workspace.comparison.markdown.read_text()
        assert f"| {metric.title} (95%) |" in table
        assert shown in table
        expected = {metric.name: value, f"{metric.name}_low": interval.low, f"{metric.name}_high": interval.high}
        assert {name: float(row[name]) for name in expected} == expected
        assert {name: as_json[name] for name in expected} == expected
        (written,) = (
            line for line in folder.markdown.read_text().splitlines() if line.startswith(f"| {metric.title} |")
        )
        assert written.endswith(f"| {shown} |")
        assert f'<th scope="row">{metric.title}</th>' in folder.page.read_text()
        assert f'"{metric.title}"' in folder.numbers.read_text()
        assert f"| {metric.title} | {shown} |" in workspace.run().model_card.read_text()
        assert figures[metric.label] == f"{value:.3f}"


def test_crossval_shows_a_metric_with_its_interval(cxr, metrics, own_trained, monkeypatch):
    @contextmanager
    def copy_run(place, options, process):
        shutil.copytree(own_trained.run().root, place.models / options.arch, dirs_exist_ok=True)
        yield

    monkeypatch.setattr(study, "_training", copy_run)
    result = cxr("crossval", "--folds", 2, "--arch", "simple-cnn", "-w", own_trained.root)
    folder = own_trained.crossval("simple-cnn-2-folds")
    record, page = json.loads(folder.record.read_text()), folder.page.read_text()

    assert result.exit_code == 0, result.stderr
    for metric in metrics:
        across = record["across_folds"][metric.name]
        value, interval = across["mean"], across["interval"]
        assert all(metric.name in fold["metrics"] for fold in record["folds"])
        assert interval["low"] < value < interval["high"]
        assert metric.title in result.stdout
        assert f"{value:.3f} ({interval['low']:.3f} to {interval['high']:.3f})" in result.stdout
        assert f'<th scope="row">{metric.title}</th>' in page
        assert f"<b>{value:.3f}</b>" in page
