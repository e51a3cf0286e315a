"""Typed CSV files."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import pytest

from cxr_cli.errors import WorkspaceError
from cxr_cli.workspace.tables import CsvTable


@dataclass(frozen=True)
class Row:
    image: str
    split: Literal["train", "val", "test"]
    films: int
    probability: float
    correct: bool
    dice: float | None


TABLE = CsvTable(Row, made_by="cxr evaluate")
ROWS = [Row('a,"b".png', "train", 3, 0.1 + 0.2, True, None), Row("é\n", "test", -1, 1e-9, False, 0.5)]


def test_rows_are_read_back_as_they_were_written(tmp_path):
    TABLE.write(tmp_path / "rows.csv", ROWS)

    assert TABLE.read(tmp_path / "rows.csv") == ROWS
    assert (tmp_path / "rows.csv").read_text(encoding="utf-8") == (
        "image,split,films,probability,correct,dice\n"
        '"a,""b"".png",train,3,0.30000000000000004,True,\n'
        '"é\n",test,-1,1e-09,False,0.5\n'
    )


def test_rows_can_be_written_one_by_one(tmp_path):
    with TABLE.growing(tmp_path / "rows.csv") as write:
        for row in ROWS:
            write(row)

    assert TABLE.read(tmp_path / "rows.csv") == ROWS


def test_a_named_tuple_is_a_row_too(tmp_path):
    class Pair(NamedTuple):
        a: str
        b: int

    table = CsvTable(Pair, made_by="cxr train", repeated={"a"})
    table.write(tmp_path / "pairs.csv", [Pair("x", 1), Pair("x", 2)])

    assert table.read(tmp_path / "pairs.csv") == [Pair("x", 1), Pair("x", 2)]


def test_another_version_of_the_columns_is_refused_with_the_command_that_writes_them(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("image,split\na.png,train\n")

    with pytest.raises(WorkspaceError) as caught:
        TABLE.read(path)

    assert caught.value.message == (
        f"Expected the columns image, split, films, probability, correct, dice in {path}. Received: image, split."
    )
    assert caught.value.hint == "Make it again: cxr evaluate"


@pytest.mark.parametrize(
    "line", ["a,tset,1,0.5,True,", "a,test,1.5,0.5,True,", "a,test,1,x,True,", "a,test,1,0.5,1,", "a"]
)
def test_a_damaged_row_is_named(tmp_path, line):
    path = tmp_path / "rows.csv"
    path.write_text(f"{','.join(TABLE.columns)}\n{line}\n")

    with pytest.raises(WorkspaceError, match=r"in row 1 of .*rows\.csv\. Received: a"):
        TABLE.read(path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_missing_or_binary_file_is_refused(tmp_path, content):
    path = tmp_path / "rows.csv"
    if content:
        path.write_bytes(content)

    with pytest.raises(WorkspaceError, match="Expected a table in"):
        TABLE.read(path)


def test_a_column_of_an_unsupported_type_is_a_programming_error():
    @dataclass(frozen=True)
    class Wrong:
        values: list[int]

    with pytest.raises(TypeError, match=r"Received: list\[int\]"):
        CsvTable(Wrong, made_by="cxr train")


def test_a_repeated_column_that_does_not_exist_is_a_mistake_of_the_program():
    with pytest.raises(TypeError, match=r"Expected columns of Row\. Received: finding\."):
        CsvTable(Row, made_by="cxr evaluate", repeated={"image", "finding"})


def test_text_that_a_spreadsheet_would_run_is_read_back_unchanged(tmp_path):
    class Note(NamedTuple):
        text: str
        often: str
        number: float

    table = CsvTable(Note, made_by="cxr evaluate", repeated={"often"})
    rows = [Note("=1+1", "@SUM(A1)", -0.5), Note("'=1+1", "'@x", -1e-7), Note("a\rb", "\r", -0.0)]
    table.write(tmp_path / "rows.csv", rows)

    assert table.read(tmp_path / "rows.csv") == rows
    assert (tmp_path / "rows.csv").read_bytes().splitlines()[1] == b"'=1+1,'@SUM(A1),-0.5"
