"""What a cross-validation says against its recipe, in exact words."""

import zipfile
from pathlib import Path

import msgspec
import pytest

from cxr_cli.doubts import alarm
from cxr_cli.evaluation.crossval.in_words import recipe_doubts
from cxr_cli.evaluation.crossval.record import CrossvalRecord
from cxr_cli.metrics.intervals import Interval
from cxr_cli.workspace.records import read_record

RELEASED = Path(__file__).parents[2] / "workspaces" / "0.1.0.zip"


@pytest.mark.parametrize(
    ("ends", "doubts"),
    [
        ((0.6, 0.9), []),
        (
            (0.31, 0.79),
            [
                alarm(
                    "The recipe is not shown to be better than chance: the interval of its mean AUC, 0.310 to 0.790, "
                    "includes 0.5."
                )
            ],
        ),
        (
            (0.2, 0.4),
            [
                alarm(
                    "The recipe is worse than chance: the interval of its mean AUC, 0.200 to 0.400, is below 0.5.",
                    "Check the labels, and what else differs between the classes.",
                )
            ],
        ),
        (None, [alarm("The recipe is not shown to be better than chance: its mean AUC has no interval.")]),
    ],
)
def test_a_recipe_is_compared_with_chance(tmp_path, ends, doubts):
    with zipfile.ZipFile(RELEASED) as archive:
        record = read_record(Path(archive.extract("crossval/folds/crossval.json", tmp_path)), CrossvalRecord)
    around = ends and Interval(low=ends[0], high=ends[1])
    area = msgspec.structs.replace(record.across_folds["roc_auc"], interval=around)
    changed = msgspec.structs.replace(record, across_folds=record.across_folds | {"roc_auc": area})

    assert list(recipe_doubts(changed)) == doubts
