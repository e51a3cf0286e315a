"""The row of a table of predictions is what its documentation says."""

import re
from dataclasses import fields
from pathlib import Path

from cxr_cli.prediction.rows import PredictionRow

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "predictions.md"


def test_the_docs_list_the_columns_in_their_order():
    table = DOCS.read_text(encoding="utf-8").split("\n\n")[2]

    documented = re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)

    assert documented == [field.name.removesuffix("_") for field in fields(PredictionRow)]
