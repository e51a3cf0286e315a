import csv
import re
import shutil

import msgspec
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from cxr_cli.auditing import probes
from cxr_cli.auditing.in_words import BY_P
from cxr_cli.auditing.record import AuditRecord
from cxr_cli.dataset.prepare import prepare
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Use small forests, large enough to find what is planted."""
    monkeypatch.setattr(probes, "_REPEATS", 1)
    monkeypatch.setattr(probes, "_TREES", 40)


def rows_of(metadata):
    with metadata.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def write_rows(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def is_positive(row):
    return row["finding"] != "No Finding"


def audited(workspace):
    return read_record(workspace.audit.record, AuditRecord)


def levels(record):
    return {finding.about: finding.level for finding in record.findings}


@pytest.fixture
def own_prepared(prepared, tmp_path):
    shutil.copytree(prepared.root, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace")


def test_phantoms_raise_no_alarm(cxr, own_prepared):
    result = cxr("audit", "-w", own_prepared.root)
    record = audited(own_prepared)
    page = own_prepared.audit.page.read_text(encoding="utf-8")

    assert result.exit_code == 0
    assert result.stdout.startswith("Clean: none of ")
    assert "40 films of " in result.stdout
    assert f"Page: {own_prepared.audit.page}" in result.stdout
    assert record.level == "ok"
    assert record.findings == []
    assert record.verdict in page
    assert re.search(r"<th[^>]*>p \(adjusted\)</th>", page)
    assert f'<p class="quiet">{BY_P}</p>' in page
    assert page.count(DISCLAIMER) == 3  # also on each printed page
    assert page.count("data:image/") >= 14  # two means, two maps, up to six films per class, the sizes
    assert record.dataset_fingerprint == read_record(own_prepared.dataset.record, DatasetRecord).fingerprint


def test_a_corner_mark_that_encodes_the_label_raises_an_alarm(cxr, phantoms, tmp_path):
    """A letter of 14 pixels at a varying place in the upper right corner of positive films."""
    rng = np.random.default_rng(0)
    rows = rows_of(phantoms)
    films = tmp_path / "films"
    metadata = write_rows(films / "metadata.csv", rows)
    for row in rows:
        with Image.open(phantoms.parent / row["filename"]) as film:
            if is_positive(row):
                place = (film.width - 24 - int(rng.integers(12)), 6 + int(rng.integers(12)))
                ImageDraw.Draw(film).text(place, "R", fill=255, font=ImageFont.load_default(14))
            film.save(films / row["filename"])
    workspace = Workspace(tmp_path / "workspace")
    prepare(workspace, metadata=[metadata])

    result = cxr("audit", "-w", workspace.root)
    record = audited(workspace)
    corners = next(check for check in record.checks if check.name == "corners")

    assert result.exit_code == 3
    assert result.stdout.startswith("ALARM: Something other than the disease separates the classes.\n")
    assert levels(record)["corners"] == "alarm"
    assert corners.auc > 0.9
    assert "mostly by the upper right corner" in result.stdout
    assert "source" not in levels(record)


def test_a_source_equal_to_the_label_raises_an_alarm(cxr, phantoms, tmp_path):
    rows = rows_of(phantoms)
    sources = {}
    for name, side in (("north", True), ("south", False)):
        sources[name] = write_rows(tmp_path / name / "metadata.csv", [row for row in rows if is_positive(row) == side])
    workspace = Workspace(tmp_path / "workspace")
    prepare(workspace, metadata=list(sources.values()), images=phantoms.parent)

    result = cxr("audit", "--json", "-w", workspace.root)
    record = msgspec.json.decode(result.stdout, type=AuditRecord)
    source = record.checks[0]

    assert result.exit_code == 3
    assert record == audited(workspace)
    assert levels(record) == {"source": "alarm"}
    assert (source.name, source.auc) == ("source", 1.0)
    assert "all 20 films of north are covid, all 20 films of south are non_covid" in record.findings[0].numbers
    assert "north" in workspace.audit.page.read_text(encoding="utf-8")


def test_leaks_and_contradictory_labels_come_first(cxr, phantoms, tmp_path):
    folder = tmp_path / "parts"
    for number, row in enumerate(rows_of(phantoms)):
        label = "covid" if is_positive(row) else "non_covid"
        part = ("train", "val", "test")[number // 2 % 3]
        (folder / part / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(phantoms.parent / row["filename"], folder / part / label)
    film = sorted((folder / "train" / "covid").iterdir())[0]
    with Image.open(film) as picture:
        picture.resize((300, 300)).save(folder / "test" / "non_covid" / "another.jpg", quality=85)
    workspace = Workspace(tmp_path / "workspace")
    assert cxr("prepare", "--folders", folder, "-w", workspace.root).exit_code == 0

    result = cxr("audit", "-w", workspace.root)
    record = audited(workspace)

    assert result.exit_code == 3
    assert list(levels(record))[:2] == ["parts", "labels"]
    assert result.stdout.startswith("ALARM: The parts of the split leak and labels contradict each other.\n")
    assert "another.jpg" in workspace.audit.page.read_text(encoding="utf-8")
    assert "Copies that contradict each other" in workspace.audit.page.read_text(encoding="utf-8")


def test_audit_without_a_dataset_names_the_command_that_makes_one(cxr, tmp_path):
    result = cxr("audit", "-w", tmp_path)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "Prepare one: cxr prepare" in result.stderr
