"""README's speed table shows the latest measurements."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def readme_table():
    spec = importlib.util.spec_from_file_location("readme_table", ROOT / "benchmarks" / "readme_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_readme_shows_the_latest_results(readme_table):
    readme = (ROOT / "README.md").read_text("utf-8")

    assert readme == readme_table.with_table(readme, (ROOT / "benchmarks" / "RESULTS.md").read_text("utf-8"))


def test_a_later_row_replaces_an_earlier_row_of_the_same_name_and_data(readme_table):
    head = "| what | data | cxr | peer | ratio | target | cxr, MiB | peer, MiB | runs | notes | command |\n"
    row = "| a | films | {} s | 9.00 s | 3.0 | | 90 | 700 | 5 | | `x` |\n"
    text = f"# Title\n\n## one\n\n{head}|{' --- |' * 11}\n{row.format('4.00')}\n## two\n\n{head}{row.format('3.00')}"

    assert readme_table.table(text).splitlines()[2:] == ["| a | films | 3.00 s | 9.00 s | 3.0 | 90 | 700 |"]
