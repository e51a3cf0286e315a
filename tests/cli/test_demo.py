"""The demo in README: real training on phantoms, fewer of them and for fewer epochs than a user waits for."""

import json

import pytest

from cxr_cli.api import demo
from cxr_cli.films.reader import read_film
from cxr_cli.workspace.layout import Workspace


@pytest.mark.draws
def test_the_demo_ends_with_a_heat_map_and_a_model_that_learned(cxr, in_folder, monkeypatch):
    monkeypatch.setattr(demo, "_FILMS", 64)
    monkeypatch.setattr(demo, "_EPOCHS", 12)
    result = cxr("demo")
    workspace = Workspace(in_folder / "workspace")
    report = json.loads(workspace.evaluation("simple-cnn", "test").record.read_text())

    assert result.exit_code == 0
    assert [line[:5] for line in result.stdout.splitlines() if line.startswith("[")] == [
        f"[{n}/6]" for n in range(1, 7)
    ]
    assert report["metrics"]["roc_auc"] > 0.95
    assert read_film(workspace.heatmaps / "demo.png").std() > 10
    assert "The phantoms are easy on purpose" in result.stdout

    # The demo does not touch a dataset of the user.
    record = workspace.dataset.record
    record.write_text(record.read_text().replace("phantoms/metadata.csv", "mine/metadata.csv"))
    before = record.read_bytes()
    refused = cxr("demo")
    assert refused.exit_code == 1
    assert "Give the demo a workspace of its own: cxr demo --workspace demo" in refused.stderr
    assert record.read_bytes() == before
