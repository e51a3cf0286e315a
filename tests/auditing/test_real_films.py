"""Known results on real films: two combined sets raise an alarm, and shuffled labels raise none."""

from dataclasses import replace

import numpy as np
import pytest

from cxr_cli.auditing import film_features, probes
from cxr_cli.auditing.checks import check_shortcuts
from cxr_cli.auditing.files import read_properties
from cxr_cli.auditing.film_features import describe_films
from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.dataset.prepare import prepare
from cxr_cli.threads import in_threads
from cxr_cli.workspace.layout import Workspace


@pytest.mark.realdata
def test_two_combined_sets_raise_an_alarm_but_not_with_shuffled_labels(shared, tmp_path, monkeypatch):
    monkeypatch.setattr(probes, "_REPEATS", 1)
    monkeypatch.setattr(probes, "_TREES", 30)
    monkeypatch.setattr(film_features, "MOST_FILMS", 200)
    data = shared / "data"
    workspace = Workspace(tmp_path / "workspace")
    prepare(
        workspace, metadata=[data / name / "metadata.csv" for name in ("covid-chestxray", "nih-frontal")], link=True
    )
    films = read_manifest(workspace.dataset)
    paths = [workspace.dataset.root / film.path for film in films]
    files, groups = list(in_threads(read_properties, paths)), [film.group for film in films]
    features = list(describe_films(paths, groups, seed=0))

    found = {check.name: check for check in check_shortcuts(films, files, features, positive="covid", seed=0).checks}
    names, first, members = np.unique([film.group for film in films], return_index=True, return_inverse=True)
    labels = np.random.default_rng(1).permutation([films[place].label for place in first])[members]
    shuffled = [replace(film, label=str(label)) for film, label in zip(films, labels, strict=True)]
    chance = check_shortcuts(shuffled, files, features, positive="covid", seed=0).checks

    assert len(films) == 1524
    assert len(names) < 1000
    assert {found[name].level for name in ("source", "image size", "file properties", "outer border")} == {"alarm"}
    assert found["file properties"].auc == pytest.approx(0.965, abs=0.015)
    assert found["outer border"].auc == pytest.approx(0.94, abs=0.03)
    assert [check.name for check in chance if check.level == "alarm"] == []
