"""Cells of CSV files: what a spreadsheet would run is written as text, and everything is read back as it was."""

import csv
import io

import pytest

from cxr_cli.workspace.cells import CellWriter, from_cell, to_cell
from cxr_cli.workspace.files import growing_table, write_table


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3+cmd", "'-2+3+cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t'=1"),
        ("\r=1", "'\r'=1"),
        ("first\n=1", "first\n'=1"),
        ("ARDS;=1+1", "ARDS;'=1+1"),
        ("＝1+1", "'＝1+1"),
        ("-", "'-"),
        ("-0.5 mm", "'-0.5 mm"),
        # Already with apostrophes.
        ("'=1+1", "''=1+1"),
        ("''@x", "'''@x"),
        # Nothing that runs.
        ("-0.5", "-0.5"),
        ("+1e-05", "+1e-05"),
        ("'-0.5", "'-0.5"),
        ("'quoted'", "'quoted'"),
        ("a=b", "a=b"),
        (" =1", " =1"),
        ("", ""),
    ],
)
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe_which_reading_takes_away(text, cell):
    assert to_cell(text) == cell
    assert from_cell(cell) == text


@pytest.mark.parametrize("cell", ["=1+1", "@x", "-", "film.png", "it's", "'"])
def test_a_cell_of_an_older_file_is_its_text(cell):
    assert from_cell(cell) == cell


def test_rows_end_in_lf_and_a_cell_with_any_line_end_is_quoted():
    stream = io.StringIO(newline="")

    CellWriter(stream).rows([["a\rb", "a\nb", "a\r\nb"], ["x", None, -0.5]])

    assert stream.getvalue() == '"a\rb","a\nb","a\r\nb"\nx,,-0.5\n'
    assert list(csv.reader(io.StringIO(stream.getvalue(), newline=""))) == [
        ["a\rb", "a\nb", "a\r\nb"],
        ["x", "", "-0.5"],
    ]


def test_every_way_of_writing_a_table_neutralises_cells(tmp_path):
    write_table(tmp_path / "a.csv", ["image", "dice"], [{"image": "=1+1.png", "dice": -0.5}])
    with growing_table(tmp_path / "b.csv", ["image", "dice"]) as write:
        write(["=1+1.png", -0.5])

    for name in ("a.csv", "b.csv"):
        assert (tmp_path / name).read_bytes() == b"image,dice\n'=1+1.png,-0.5\n"


def test_a_file_name_that_is_not_utf8_is_written_with_backslashes(tmp_path):
    with growing_table(tmp_path / "a.csv", ["image"]) as write:
        write(["film\udcff.png"])

    assert (tmp_path / "a.csv").read_bytes() == b"image\nfilm\\udcff.png\n"
