"""Known results on real films: two combined sets raise an alarm, and shuffled labels raise none."""

from dataclasses import replace

import numpy as np
import pytest

from cxr_cli.auditing import probes
from cxr_cli.auditing.checks import check_shortcuts
from cxr_cli.auditing.edges import read_edges
from cxr_cli.auditing.files import read_properties
from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.dataset.prepare import prepare
from cxr_cli.threads import in_threads
from cxr_cli.workspace.layout import Workspace


@pytest.mark.realdata
def test_two_combined_sets_raise_an_alarm_but_not_with_shuffled_labels(shared, tmp_path, monkeypatch):
    monkeypatch.setattr(probes, "_REPEATS", 1)
    monkeypatch.setattr(probes, "_TREES", 30)
    data = shared / "data"
    workspace = Workspace(tmp_path / "workspace")
    prepare(
        workspace, metadata=[data / name / "metadata.csv" for name in ("covid-chestxray", "nih-frontal")], link=True
    )
    films = read_manifest(workspace.dataset)
    paths = [workspace.dataset.root / film.path for film in films]
    read = list(in_threads(lambda path: (read_properties(path), read_edges(path)), paths))
    files, edges = [file for file, _ in read], [edge for _, edge in read]

    found = {check.name: check for check in check_shortcuts(films, files, edges, positive="covid", seed=0).checks}
    names, first, members = np.unique([film.group for film in films], return_index=True, return_inverse=True)
    labels = np.random.default_rng(1).permutation([films[place].label for place in first])[members]
    shuffled = [replace(film, label=str(label)) for film, label in zip(films, labels, strict=True)]
    chance = check_shortcuts(shuffled, files, edges, positive="covid", seed=0).checks

    assert len(films) == 1524
    assert len(names) < 1000
    assert {found[name].level for name in ("source", "image size", "file properties", "outer border")} == {"alarm"}
    assert found["file properties"].auc == pytest.approx(0.965, abs=0.015)
    assert found["outer border"].auc == pytest.approx(0.94, abs=0.03)
    assert [check.name for check in chance if check.level == "alarm"] == []
