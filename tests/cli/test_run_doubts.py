"""Predictions and heat maps with what speaks against the run that made them."""

import json

import pytest

from cxr_cli.recipe.record import RunRecord
from cxr_cli.workspace.records import read_record


def write(path, **fields):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fields))


@pytest.fixture
def doubtful(own_trained):
    """A run that is not shown to be better than chance, failed an external test, and whose data has an alarm."""
    record = read_record(own_trained.run().record, RunRecord)
    common = {"run_created": record.created, "weights_sha256": record.weights_sha256, "positive": "covid"}
    for split, auc, (low, high), external in (
        ("test", 0.594, (0.45, 0.72), None),
        (
            "clinic",
            0.35,
            (0.318, 0.384),
            {"positive": "covid", "gaps": {"roc_auc": {"internal": 0.594, "gap": -0.244, "interval": None}}},
        ),
    ):
        write(
            own_trained.evaluation("simple-cnn", split).record,
            **common,
            split=split,
            metrics={"roc_auc": auc},
            intervals={"roc_auc": {"low": low, "high": high}},
            external=external,
        )
    border = {
        "level": "alarm",
        "about": "outer border",
        "found": "The outer border alone reveals the class.",
        "numbers": "AUC 0.842 (0.801 to 0.877).",
        "why": "",
        "next": "",
    }
    write(own_trained.audit.record, dataset_fingerprint=record.dataset_fingerprint, findings=[border])
    return own_trained


BEGINNINGS = [
    "On its test films, simple-cnn is not shown to be better than chance: the AUC's interval, 0.450 to 0.720, includes",
    "The external test on clinic failed: the AUC of 0.350 is worse than chance;",
    "The audit of the films that simple-cnn was trained on sounded an alarm: the outer border alone reveals the class",
]


def test_the_answer_comes_first_and_each_alarm_is_said_beside_it(cxr, doubtful, film, tmp_path):
    for command in (["predict", film], ["gradcam", film, "-o", tmp_path / "heat.png"]):
        result = cxr(*command, "-w", doubtful.root)

        assert result.exit_code == 0
        assert result.stdout.startswith(f"{film}\n  Class      : ")
        alarms = [line for line in result.stderr.splitlines() if line.startswith("Alarm: ")]
        assert len(alarms) == 3
        for line, beginning in zip(alarms, BEGINNINGS, strict=True):
            assert line.startswith(f"Alarm: {beginning}")
        assert "Alarm" not in result.stdout


def test_json_has_them_with_each_film(cxr, doubtful, film, tmp_path):
    (predicted,) = json.loads(cxr("predict", film, "--json", "-w", doubtful.root).stdout)
    explained = json.loads(cxr("gradcam", film, "--json", "-o", tmp_path / "heat.png", "-w", doubtful.root).stdout)
    gallery = json.loads(cxr("gradcam", film, "--curves", "--json", "-o", tmp_path / "g", "-w", doubtful.root).stdout)

    page = (tmp_path / "g" / "gallery.html").read_text()
    assert page.count('<div class="finding alarm">') == 3
    assert "is not shown to be better than chance" in page
    assert predicted["doubts"] == explained["doubts"] == gallery["doubts"]
    assert [doubt["weight"] for doubt in predicted["doubts"]] == ["alarm"] * 3
    for doubt, beginning in zip(predicted["doubts"], BEGINNINGS, strict=True):
        assert doubt["sentence"].startswith(beginning)


def test_a_film_without_a_class_needs_no_doubts(cxr, doubtful, tmp_path):
    (tmp_path / "bad.png").write_text("no film")

    assert "Alarm" not in cxr("predict", tmp_path / "bad.png", "-w", doubtful.root).stderr
