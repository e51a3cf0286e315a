"""What the workspace knows against a run, from the records that are in it."""

import json

import pytest

from cxr_cli.doubts import Doubt, Weight, alarm, warning
from cxr_cli.reporting.run_doubts import in_short, run_doubts
from cxr_cli.workspace.layout import Workspace

INTERVALS = {"better": (0.8, 0.98), "uncertain": (0.45, 0.72), "worse": (0.318, 0.384)}


def write(path, **fields):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fields))


@pytest.fixture
def workspace(tmp_path):
    place = Workspace(tmp_path)
    write(
        place.models / "net" / "run.json",
        created="2026-01-01",
        dataset_fingerprint="films",
        weights_sha256="weights",
        arch="skipped",
    )
    return place


def write_test(workspace, standing, auc, *, name="test", weights="weights", external=None):
    low, high = INTERVALS[standing]
    write(
        workspace.evaluation("net", name).record,
        run_created="2026-01-01",
        weights_sha256=weights,
        split=name,
        positive="covid",
        metrics={"roc_auc": auc, "f1": 0.5},
        intervals={"roc_auc": {"low": low, "high": high}, "f1": None},
        external=external,
    )


def write_audit(folder, *levels, **of_model):
    findings = [
        {
            "level": level,
            "about": "outer border",
            "found": "The outer border alone reveals the class.",
            "numbers": "AUC 0.842 (0.801 to 0.877), mostly by the upper side.",
            "why": "",
            "next": "",
        }
        for level in levels
    ]
    write(folder.record, dataset_fingerprint="films", findings=findings, **of_model)


def elsewhere(positive="COVID-19", gap=-0.577, low=-0.65, high=-0.5):
    around = {"low": low, "high": high}
    return {"positive": positive, "gaps": {"roc_auc": {"internal": 0.928, "gap": gap, "interval": around}}}


def doubts(workspace):
    return run_doubts(workspace, workspace.run("net"))


def test_a_run_that_passed_its_test_has_no_doubts(workspace):
    write_test(workspace, "better", 0.928)
    write_test(workspace, "better", 0.9, name="clinic", external=elsewhere(gap=-0.03, low=-0.1, high=0.04))
    write_audit(workspace.audit, "warning")

    assert doubts(workspace) == []


def test_a_run_without_a_test_is_said_to_have_none(workspace):
    assert doubts(workspace) == [
        warning("net has not been tested: nobody knows how often it is right.", "Test it: cxr evaluate net")
    ]


def test_a_test_of_earlier_weights_does_not_count(workspace):
    write_test(workspace, "uncertain", 0.594, weights="earlier")

    assert doubts(workspace) == [warning("net was trained again since its test.", "Test it again: cxr evaluate net")]


def test_the_bundled_model_has_its_own_card(workspace):
    run = workspace.run("net")
    (run.root / "VERSION").write_text("1.1")

    assert run_doubts(workspace, run) == []


@pytest.mark.parametrize(
    ("standing", "sentence"),
    [
        (
            "uncertain",
            "On its test films, net is not shown to be better than chance: the AUC's interval, 0.450 to 0.720, "
            "includes 0.5.",
        ),
        (
            "worse",
            "On its test films, net is worse than chance: the AUC's interval, 0.318 to 0.384, is below 0.5. On these "
            "films the scores point the wrong way: check the labels, and what else differs between the classes.",
        ),
    ],
)
def test_a_run_that_is_not_better_than_chance_raises_an_alarm(workspace, standing, sentence):
    write_test(workspace, standing, 0.594)

    assert doubts(workspace) == [alarm(sentence)]


def test_a_failed_external_test_raises_an_alarm(workspace):
    write_test(workspace, "better", 0.928)
    write_test(workspace, "worse", 0.351, name="clinic", external=elsewhere())

    assert doubts(workspace) == [
        alarm(
            "The external test on clinic failed: the AUC of 0.351 is worse than chance; its interval is 0.318 to "
            "0.384, below 0.5. In the run's own test it is 0.928. On these films the scores point the wrong way.",
            "Check the labels, and what else differs between the classes.",
        )
    ]


def test_a_test_on_films_of_another_finding_says_nothing_against_the_run(workspace):
    write_test(workspace, "better", 0.928)
    write_test(workspace, "worse", 0.351, name="clinic", external=elsewhere(positive="Pneumonia"))

    assert doubts(workspace) == []


def test_an_alarm_of_the_audit_stands_beside_what_the_model_reaches(workspace):
    write_test(workspace, "better", 0.928)
    write_audit(workspace.audit, "alarm", "alarm", "alarm", "warning")
    write_audit(workspace.model_audit("net"), "alarm", weights_sha256="weights")

    assert doubts(workspace) == [
        Doubt(
            Weight.ALARM,
            "The audit of the films that net was trained on sounded an alarm: the outer border alone reveals the "
            "class, AUC 0.842 (0.801 to 0.877). net itself has an AUC of 0.928 on its test "
            "films. There are 2 more alarms.",
            f"Read it: {workspace.audit.page}",
        ),
        Doubt(
            Weight.ALARM,
            "The audit of the model net sounded an alarm: the outer border alone reveals the class, AUC 0.842 (0.801 "
            "to 0.877).",
            f"Read it: {workspace.model_audit('net').page}",
        ),
    ]


def test_an_alarm_without_an_auc_is_told_in_full():
    assert in_short("Patients are in two parts.", "3 films of test.") == "Patients are in two parts. 3 films of test."


def test_audits_of_other_films_or_weights_do_not_count(workspace):
    write_test(workspace, "better", 0.928)
    write(workspace.audit.record, dataset_fingerprint="other", findings=[])
    write_audit(workspace.model_audit("net"), "alarm", weights_sha256="earlier")

    assert doubts(workspace) == []


def test_an_evaluation_that_is_shown_already_is_left_out(workspace):
    write_test(workspace, "uncertain", 0.594)
    write_test(workspace, "worse", 0.351, name="clinic", external=elsewhere())
    all_doubts = doubts(workspace)

    assert len(all_doubts) == 2
    assert run_doubts(workspace, workspace.run("net"), beside="test") == all_doubts[1:]
    assert run_doubts(workspace, workspace.run("net"), beside="clinic") == all_doubts[:1]


def test_several_runs_share_the_alarm_of_their_films(workspace):
    write_test(workspace, "better", 0.928)
    write_audit(workspace.audit, "alarm")
    for name in ("second", "third"):
        write(workspace.models / name / "run.json", created="2026-01-01", dataset_fingerprint="films")
    runs = workspace.runs()
    audits = [
        [doubt for doubt in run_doubts(workspace, *runs[:count]) if "audit" in doubt.sentence] for count in (2, 3)
    ]

    starts = (
        "The audit of the films that net and second were trained on",
        "The audit of the films that these runs were",
    )
    for (doubt,), start in zip(audits, starts, strict=True):
        assert doubt.sentence.startswith(start)
    assert "itself" not in audits[0][0].sentence


def test_damaged_records_count_as_missing(workspace):
    write_test(workspace, "better", 0.928)
    write(workspace.audit.record, findings="damaged")
    workspace.evaluation("net", "clinic").root.mkdir()
    workspace.evaluation("net", "clinic").record.write_bytes(b"{")

    assert doubts(workspace) == []
