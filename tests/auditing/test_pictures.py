"""The charts of an audit's page: what they say, and what they show of each class."""

import re

import numpy as np
import pytest

from cxr_cli.auditing.checks import FROZEN, FROZEN_WITHOUT, alarm_auc
from cxr_cli.auditing.files import FileProperties
from cxr_cli.auditing.pictures import difference_chart, size_chart
from cxr_cli.pages import render

LABELS = ["non_covid", "covid"]
PARTS = '{% import "parts.html" as parts %}'

pytestmark = pytest.mark.draws


def file(width: int, height: int) -> FileProperties:
    return FileProperties(width=width, height=height, bytes=100, format="PNG", mode="gray")


@pytest.fixture
def macro():
    """What a macro of the pages gives."""

    def give(call: str) -> str:
        return render._environment().from_string(PARTS + "{{ " + call + " }}").render()

    return give


def test_sizes_have_a_panel_for_each_class_and_say_how_many_films_they_give_away():
    files = [file(100, 200)] * 3 + [file(300, 300)] * 4
    chart = size_chart(files, np.array([False, False, True, True, True, True, True]), LABELS)

    assert chart.alt == ("Image sizes by class: 4 of 7 films have a size that only one class has; there are 2 sizes.")
    assert ">non_covid: 2 films, 1 size<" in chart.svg
    assert ">covid: 5 films, 2 sizes<" in chart.svg
    assert chart.svg.count(">width, pixels<") == 2
    assert chart.svg.count("<image ") == 2  # the circles are pixels


def test_the_difference_of_the_mean_films_says_where_it_is_largest():
    small = np.full((4, 64, 64), 100, np.uint8)
    small[2:, 50:60, 2:8] += 40
    chart = difference_chart(small, np.array([False, False, True, True]), LABELS)

    assert chart is not None
    assert chart.alt == (
        "Difference of the mean films: at most 40 of 255 gray levels, at the bottom left, where covid films are "
        "lighter."
    )
    assert "gray levels of 255" in chart.svg
    other_way = difference_chart(small, np.array([True, True, False, False]), LABELS)
    assert other_way is not None
    assert "where non_covid films are lighter" in other_way.alt


def test_films_of_one_class_have_no_difference():
    assert difference_chart(np.zeros((2, 64, 64), np.uint8), np.array([True, True]), LABELS) is None


def test_an_alarm_begins_later_where_the_disease_may_show():
    assert [alarm_auc(name) for name in ("location", "outer border", FROZEN_WITHOUT, FROZEN)] == [
        0.75,
        0.75,
        0.9,
        np.inf,
    ]


def test_a_whisker_has_its_chance_and_its_alarm_zone(macro):
    assert '<i class="zone" style="left:75.0%"></i>' in macro("parts.whisker(0.8, none, mark=0.5, alarm=0.75)")
    assert "zone" not in macro("parts.whisker(0.8, none, mark=0.5)")
    assert re.findall("left:([0-9.]+%)[^>]*>([0-9.]*)", macro("parts.ticks([0, 0.5, 1])")) == [
        ("0.0%", "0"),
        ("50.0%", "0.5"),
        ("100.0%", "1"),
    ]


def test_a_bar_of_two_classes_has_the_share_of_all(macro):
    assert '<i style="width:25.0%"></i><b style="left:81.0%"></b>' in macro("parts.stack(0.25, mark=0.81)")
    assert "<b" not in macro("parts.stack(0.25)")
