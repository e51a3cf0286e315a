"""Charts: their type, their files, and the words that a person who can't see them reads."""

import re

import pytest
from matplotlib.figure import Figure
from PIL import Image

from cxr_cli.films.figures import (
    COLUMN,
    add_legend,
    draw_chart,
    new_chart,
    read_chart,
    save_figure,
    set_chart_title,
)

ALT = 'ROC curve of "a & b": AUC 0.81 (0.71 to 0.89) over 77 films of 60 patients.'

pytestmark = pytest.mark.draws


@pytest.fixture
def figure():
    figure, axes = new_chart(COLUMN, 4.0)
    axes.plot([0, 0.123456, 1], [0, 0.5, 1], "o-", label="AUC <0.5> $a$ ☃")
    set_chart_title(axes, "a run on test")
    add_legend(axes)
    return figure


def test_a_long_title_fits_and_keeps_its_lines():
    axes = Figure().subplots()
    set_chart_title(axes, f"{'a-long-name of a run ' * 5}on test\nprevalence 0.01")
    lines = axes.get_title().splitlines()

    assert max(map(len, lines)) <= 60
    assert lines[-1] == "prevalence 0.01"
    assert len(lines) == 3


def test_a_chart_is_a_png_for_print_and_an_svg_beside_it(figure, tmp_path):
    save_figure(figure, tmp_path / "charts" / "roc.png", alt=ALT)

    with Image.open(tmp_path / "charts" / "roc.png") as picture:
        assert picture.size == (1530, 1200)  # 130 mm at 300 dots per inch
        assert [round(dots) for dots in picture.info["dpi"]] == [300, 300]
        assert picture.info["Description"] == ALT
    svg = (tmp_path / "charts" / "roc.svg").read_text()
    assert svg.startswith("<svg ")
    assert 'width="367.2pt" height="288pt"' in svg
    assert len(svg) < 10_000


def test_an_svg_has_text_as_text_in_the_type_of_the_pages(figure):
    svg = draw_chart(figure, alt=ALT).svg

    assert ">a run on test</text>" in svg
    assert "AUC &lt;0.5&gt; $a$ ☃</text>" in svg
    assert re.findall(r"font-family: ([^;]*)", svg) == [
        "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
    ]


def test_the_same_chart_is_the_same_svg_without_a_date(figure):
    first, second = draw_chart(figure, alt=ALT).svg, draw_chart(figure, alt=ALT).svg

    assert first == second
    assert not re.search(r"metadata|<style|<!--|20\d\d-", first)


def test_no_name_of_an_svg_is_one_that_another_chart_has_for_something_else(figure):
    names = re.findall(r' id="([^"]*)"', draw_chart(figure, alt=ALT).svg)

    assert names
    assert all(re.fullmatch(r"[mp][0-9a-f]{10}", name) for name in names)  # hashes of what they name


def test_a_page_reads_a_chart_with_its_alternative_text(figure, tmp_path):
    save_figure(figure, tmp_path / "roc.png", alt=ALT)
    chart = read_chart(tmp_path / "roc.png")

    assert chart is not None
    assert chart.alt == ALT
    assert chart.svg == (tmp_path / "roc.svg").read_text()
    assert 'role="img" aria-label="ROC curve of &quot;a &amp; b&quot;: AUC 0.81' in chart.svg


def test_a_picture_of_an_earlier_version_is_no_chart(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "roc.png")
    (tmp_path / "other.svg").write_text("<svg></svg>")

    assert read_chart(tmp_path / "roc.png") is None
    assert read_chart(tmp_path / "other.svg") is None
