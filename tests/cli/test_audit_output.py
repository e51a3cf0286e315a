"""What `cxr audit` prints of checks without an alarm: which model looked, and why a high AUC may be no finding."""

from cxr_cli.auditing.audit import Audited
from cxr_cli.auditing.record import AuditRecord, ShortcutCheck
from cxr_cli.cli.audit_output import show_audit
from cxr_cli.workspace.folders import AuditFolder


def check(name, kind, level, auc):
    return ShortcutCheck(
        name=name,
        kind=kind,
        level=level,
        films=40,
        patients=30,
        auc=auc,
        interval=None,
        p=0.1,
        cramers_v=None,
        values=[],
    )


def shown(tmp_path, capsys, *checks):
    record = AuditRecord(
        schema_version=AuditRecord.VERSION,
        created="",
        versions={},
        dataset_fingerprint="",
        seed=0,
        positive="covid",
        negative="non_covid",
        films={"non_covid": 20, "covid": 20},
        patients=30,
        level="ok",
        verdict="Clean.",
        alarms=0,
        warnings=0,
        findings=[],
        checks=list(checks),
        notes=[],
    )
    show_audit(Audited(folder=AuditFolder(tmp_path), record=record), as_json=False)
    return capsys.readouterr().out.splitlines()


def test_two_models_of_the_same_films_are_told_apart(tmp_path, capsys):
    lines = shown(
        tmp_path,
        capsys,
        check("film without lungs (frozen network)", "network", "noted", 0.53),
        check("film without lungs", "probe", "ok", 0.52),
        check("sex", "column", "ok", 0.51),
    )

    assert "Beyond chance, but no reason to warn, by AUC: film without lungs (frozen network) 0.530." in lines
    assert "Not shown to be beyond chance, by AUC: film without lungs (forest) 0.520, sex 0.510." in lines
    assert not [line for line in lines if "even the highest" in line]


def test_a_high_auc_that_may_be_chance_is_explained(tmp_path, capsys):
    lines = shown(tmp_path, capsys, check("outer border", "probe", "ok", 0.69), check("sex", "column", "ok", 0.51))

    place = lines.index("Not shown to be beyond chance, by AUC: outer border (forest) 0.690, sex 0.510.")
    assert lines[place + 1] == (
        "With so few patients, and 2 checks that could be made, even the highest of these may be chance: intervals and "
        "p values are on the page."
    )


def test_an_auc_below_a_half_has_no_figure_and_is_explained(tmp_path, capsys):
    """0.001 looks like a strong result that was overlooked; and a check without an AUC is none of those made."""
    lines = shown(
        tmp_path,
        capsys,
        check("outer border", "probe", "ok", 0.69),
        check("view", "column", "ok", 0.253),
        check("image size", "column", "ok", 0.001),
        check("source", "column", "ok", None),
    )

    place = lines.index(
        "Not shown to be beyond chance, by AUC: outer border (forest) 0.690; below 0.5: view, image size."
    )
    assert lines[place + 1] == (
        "An AUC below 0.5 is no finding: each film is scored by the others, and where there is nothing to find, "
        "leaving it out tips its score toward the other class."
    )
    assert lines[place + 2].startswith("With so few patients, and 3 checks that could be made, even")
