import json
import zipfile
from pathlib import Path

import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.evaluation.crossval.record import CrossvalRecord
from cxr_cli.metrics.over_folds import over_folds
from cxr_cli.workspace.records import read_record

RELEASED = Path(__file__).parents[2] / "workspaces" / "0.1.0.zip"


@pytest.fixture
def version_3(tmp_path) -> Path:
    """The record that version 0.1.0 wrote, which pooled the predictions of its folds."""
    with zipfile.ZipFile(RELEASED) as archive:
        return Path(archive.extract("crossval/folds/crossval.json", tmp_path))


def test_an_earlier_record_gets_the_figures_of_the_recipe_from_its_folds(version_3):
    areas = [fold["metrics"]["roc_auc"] for fold in json.loads(version_3.read_text())["folds"]]

    record = read_record(version_3, CrossvalRecord)

    assert record.across_folds["roc_auc"] == over_folds(areas, folds=2)
    assert [(fold.repeat, fold.name) for fold in record.folds] == [(1, "1"), (1, "2")]
    assert (record.repeats, record.in_repeat, record.subgroups) == (1, 2, [])
    assert record.interval_of.startswith("the recipe on patients like these")
    assert record.notes[-1].startswith("Without subgroups")


@pytest.mark.parametrize("change", [{"folds": []}, {"folds": [{"metrics": {"roc_auc": 7}}]}, {"notes": None}])
def test_an_earlier_record_that_is_damaged_is_refused_in_words(version_3, change):
    version_3.write_text(json.dumps(json.loads(version_3.read_text()) | change))

    with pytest.raises(WorkspaceError, match="Expected a CrossvalRecord in"):
        read_record(version_3, CrossvalRecord)
