"""For any values: a table of the workspace is read back as it was written, and runs nothing in a spreadsheet."""

import csv
import math
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.cells import from_cell, to_cell
from cxr_cli.workspace.tables import CsvTable

ANY = st.text(st.characters(codec="utf-8"))
# Text that is likely to be hard: what separates, quotes, ends lines and begins formulas.
HARD = st.text(st.sampled_from("=+-@\t\r\n;,'\" 0.5eE＝a\0\x0b\x1c\x85\u2028\ufeff"), max_size=12)
TEXT = ANY | HARD
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+|inf)([eE][+-]?[0-9]+)?")


class Row(NamedTuple):
    text: str
    often: str
    number: float
    count: int
    truth: bool
    maybe: str | None
    share: float | None


TABLE = CsvTable(Row, made_by="cxr evaluate", repeated={"often"})
ROWS = st.builds(
    Row,
    text=TEXT,
    often=TEXT,
    number=st.floats(allow_nan=False),
    count=st.integers(),
    truth=st.booleans(),
    maybe=st.none() | TEXT.filter(bool),  # an empty cell is None
    share=st.none() | st.floats(allow_nan=False),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("tables") / "rows.csv"


@given(rows=st.lists(ROWS, max_size=5))
def test_a_table_is_read_back_as_it_was_written(path, rows):
    TABLE.write(path, rows)

    again = TABLE.read(path)
    assert again == rows
    assert [math.copysign(1, row.number) for row in again] == [math.copysign(1, row.number) for row in rows]


@given(text=TEXT)
def test_a_cell_has_the_text_it_was_made_of(text):
    assert from_cell(to_cell(text)) == text


@given(rows=st.lists(ROWS, min_size=1, max_size=3))
def test_no_cell_runs_wherever_a_spreadsheet_takes_it_to_begin(path, rows):
    TABLE.write(path, rows)
    with path.open(encoding="utf-8", newline="") as stream:
        cells = [cell for record in csv.reader(stream) for cell in record]

    for cell in cells:
        for part in [cell, *re.split("[;\t\r\n]", cell)]:
            assert not part.startswith(tuple("=+-@\t\r＝＋－＠")) or NUMBER.fullmatch(re.split("[;\t\r\n]", part)[0])


@pytest.mark.parametrize("damage", ["cut", "swap", "bytes"])
@given(data=st.data(), rows=st.lists(ROWS, min_size=1, max_size=3))
def test_a_damaged_table_is_read_or_refused_in_words(path, damage, data, rows):
    TABLE.write(path, rows)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if damage == "cut":
        del content[place:]
    elif damage == "swap":
        content[place] = data.draw(st.integers(0, 255))
    else:
        content[place:place] = data.draw(st.binary(max_size=20))
    path.write_bytes(content)

    with suppress(WorkspaceError):
        assert all(isinstance(row, Row) for row in TABLE.read(path))
