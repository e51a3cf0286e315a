"""Table 1, the flow, failures, fairness and label noise, on a workspace with a report."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from msgspec import structs

from cxr_cli.auditing.in_words import BY_P
from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.metrics.intervals import Interval
from cxr_cli.reporting import flow
from cxr_cli.reporting.characteristics import table_one
from cxr_cli.reporting.document import Text
from cxr_cli.reporting.failures import failure_columns, failures_section
from cxr_cli.reporting.fairness import fairness_section
from cxr_cli.reporting.gather import gather
from cxr_cli.reporting.label_noise import label_noise_section
from cxr_cli.reporting.shortcut_sections import audit_section


@pytest.fixture(scope="module")
def material(reported):
    """What the report was made from."""
    return gather(reported, None)


def test_table_one_counts_films_and_patients(reported):
    films = read_manifest(reported.dataset)
    table = table_one(films, ["non_covid", "covid"])
    rows = {row[0]: row[1:] for row in table.rows}
    keys = [(part, label) for part in ("train", "val", "test") for label in ("non_covid", "covid")]

    assert table.header[2:8] == [f"{part} {label}" for part, label in keys]
    counts = Counter((film.split, film.label) for film in films)
    assert rows["films"] == ["films", *(counts[key] for key in keys), None]
    patients = {key: len({film.group for film in films if (film.split, film.label) == key}) for key in keys}
    assert rows["patients"] == ["patients", *(patients[key] for key in keys), None]
    women = [{film.group for film in films if (film.split, film.label, film.sex) == (*key, "F")} for key in keys]
    own = [f"{len(w):,} ({len(w) / patients[key]:.0%})" for w, key in zip(women, keys, strict=True)]
    assert rows["sex: F"][:-1] == ["patients", *own]
    share = [np.mean([film.view == "PA" for film in films if film.split == part]) for part in ("train", "test")]
    expected = (share[1] - share[0]) / np.sqrt(sum(one * (1 - one) for one in share) / 2)
    assert rows["view: PA"][-1].value == pytest.approx(expected)
    for column in ("age", "sex", "view"):
        of_column = [row for name, row in rows.items() if name.startswith(f"{column}:")]
        assert {row[0] for row in of_column} <= {"patients", "films"}


def test_text_of_the_flow_fits_into_its_boxes(material, tmp_path, monkeypatch):
    drawn, draw = [], flow._draw

    def watch(axes, box, color):
        drawn.append((axes, box))
        draw(axes, box, color)

    monkeypatch.setattr(flow, "_draw", watch)
    flow.draw_flow(tmp_path / "flow.png", material)

    text = " ".join(line for _, box in drawn for line in box.lines)
    assert f"Rows of the metadata {material.made.rows}" in text
    for step in material.made.funnel:
        assert not step.removed or f"Left out: {step.removed}" in text
    wrong = sum(not film.correct for film in material.predictions)
    cells = [box.lines for _, box in drawn if box.lines[0].startswith("Called")]
    assert sum(int(line.rsplit(" ", 1)[1]) for lines in cells for line in lines[2:]) == material.test.films
    assert wrong == int(cells[0][3].rsplit(" ", 1)[1]) + int(cells[1][2].rsplit(" ", 1)[1])
    axes = drawn[0][0]
    renderer = FigureCanvasAgg(axes.figure).get_renderer()
    for words, (_, box) in zip(axes.texts, drawn, strict=False):
        extent = words.get_window_extent(renderer).transformed(axes.transData.inverted())
        assert box.left <= extent.x0 <= extent.x1 <= box.left + box.width, box.lines
        assert box.top <= min(extent.y0, extent.y1) <= max(extent.y0, extent.y1) <= box.bottom, box.lines


def test_the_flow_says_why_fewer_patients_are_counted_in_the_parts(material):
    made = material.made
    assert made.funnel
    apart = sum(made.patients.values())
    last = structs.replace(made.funnel[-1], patients=apart + 5)  # five share a film with another patient
    sharing = structs.replace(made, funnel=[*made.funnel[:-1], last], leaks=[], films_without_patient=0)

    def dataset(record):
        spine, *_ = flow._boxes(replace(material, made=record))
        return " ".join(spine[-1].lines)

    assert f"{apart + 5:,} patients" in dataset(sharing)
    assert dataset(sharing).endswith(f"{apart:,} in the parts below, where patients who share a film count as one")
    same = structs.replace(sharing, funnel=[*made.funnel[:-1], structs.replace(last, patients=apart)])
    assert "share a film" not in dataset(same)


def test_failures_are_looked_for_in_all_that_is_known_of_a_film(material):
    columns = failure_columns(material)

    assert all(len(values) == len(material.predictions) for values in columns.values())
    assert {"finding", "view", "source", "location", "sex", "age"} < set(columns)
    brightness = Counter(columns["brightness"])
    assert len(brightness) == 3
    assert max(brightness.values()) - min(brightness.values()) <= 1
    section = failures_section(material)
    assert "false negatives" in section.blocks[0].text
    assert section.holds == ()  # six test films
    assert "Too few" in section.blocks[1].text


def test_too_few_patients_are_said_in_words(material):
    section = fairness_section(material)

    assert section.holds == ()
    assert section.blocks[0].text.startswith("Not shown")
    assert any("Too few patients" in block.text for block in section.blocks)


def test_wrong_labels_are_shown_for_each_share(material):
    intervals = material.test.intervals | {"roc_auc": Interval(low=0.55, high=0.9)}
    better = replace(material, test=structs.replace(material.test, intervals=intervals))
    (_, table) = label_noise_section(better).blocks

    assert [row[0] for row in table.rows] == ["none", "1%", "5%", "10%"]
    assert table.rows[0][1].value == material.test.metrics["roc_auc"]


@pytest.mark.parametrize("around", [Interval(low=0.42, high=0.9), None])
def test_figures_that_may_be_chance_are_not_corrected_for_wrong_labels(material, around):
    intervals = material.test.intervals | {"roc_auc": around}
    chance = replace(material, test=structs.replace(material.test, intervals=intervals))
    (block,) = label_noise_section(chance).blocks

    assert block.text == (
        "Not shown: the run is not shown to be better than chance. Correcting its figures for wrong labels would "
        "move them away from chance, as if what it does were known to be more than chance."
    )


def test_the_largest_difference_is_said_in_a_sentence(material):
    (film, *_) = material.predictions
    rng = np.random.default_rng(0)
    films = []
    for patient in range(160):
        positive, woman = patient % 2 == 0, patient % 4 < 2
        truth = material.test.positive if positive else material.test.negative
        shift = 0.3 if positive and not woman else 0.0 if positive else -0.3  # many positive women are missed
        probability = float(np.clip(0.5 + shift + 0.2 * rng.normal(), 0.01, 0.99))
        films.append(
            replace(
                film,
                group=f"p{patient}",
                truth=truth,
                probability=probability,
                threshold=0.5,
                sex="F" if woman else "M",
                age="",
            )
        )
    section = fairness_section(replace(material, predictions=films))
    largest, not_by_age, table = section.blocks

    assert section.holds == ("fairness gaps",)
    assert largest.tone == "warning"
    found = re.match(r"The largest difference: the sensitivity is (0\.\d+) lower for sex F than for M \(", largest.text)
    (row,) = (row for row in table.rows if row[1] == "sensitivity")
    assert float(found[1]) == pytest.approx(-row[-1].value, abs=0.0005)
    assert row[:4] == ["sex F and M", "sensitivity", "40 and 40", "40 and 40"]
    assert not_by_age.text == "Not compared by age: fewer than two values of it are known among the test films."


def test_the_shortcuts_have_the_p_values_that_make_them_findings(material):
    check = structs.replace(material.audit.checks[0], name="view", kind="column", level="ok", p=0.00004)
    audit = structs.replace(material.audit, findings=[], checks=[check], notes=[])
    *_, table, below = audit_section(replace(material, audit=audit)).blocks

    assert (table.header[-1], table.rows[0][-1]) == ("p (adjusted)", "< 0.001")
    assert below == Text(BY_P, "note")
