"""The table of speed shows the latest measurements."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def speed_table():
    spec = importlib.util.spec_from_file_location("speed_table", ROOT / "benchmarks" / "speed_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_the_latest_results(speed_table):
    page = (ROOT / "docs" / "explanation" / "speed.md").read_text("utf-8")

    assert page == speed_table.with_table(page, (ROOT / "benchmarks" / "RESULTS.md").read_text("utf-8"))


def test_a_later_row_replaces_an_earlier_row_of_the_same_name_and_data(speed_table):
    head = "| what | data | cxr | peer | ratio | target | cxr, MiB | peer, MiB | runs | notes | command |\n"
    row = "| a | some, {} films | {} s | 9.00 s | 3.0 | | 90 | 700 | 5 | | `x` |\n"
    first = f"## 2026-11-01, 2 cores of Old, 8 GiB\n\n{head}|{' --- |' * 11}\n{row.format('3 + 4', '4.00')}"
    second = f"## 2026-12-01, 2 cores of New, 8 GiB\n\n{head}{row.format('3 + 5', '3.00')}"

    table = speed_table.table(f"# Title\n\n{first}\n{second}").splitlines()

    assert table[0] == "| what | data | cxr | peer | ratio | cxr, MiB | peer, MiB | processor |"
    assert table[2:] == ["| a | some, 3 + 5 films | 3.00 s | 9.00 s | 3.0 | 90 | 700 | New |"]
