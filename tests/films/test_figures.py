"""Charts: what is written above them can be read."""

from matplotlib.figure import Figure

from cxr_cli.films.figures import set_chart_title


def test_a_long_title_fits_and_keeps_its_lines():
    axes = Figure().subplots()
    set_chart_title(axes, f"{'a-long-name of a run ' * 5}on test\nprevalence 0.01")
    lines = axes.get_title().splitlines()

    assert max(map(len, lines)) <= 60
    assert lines[-1] == "prevalence 0.01"
    assert len(lines) == 3
