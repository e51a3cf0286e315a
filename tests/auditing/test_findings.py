"""The findings of an audit in words: the evidence beside each, and what the audit comes to."""

from cxr_cli.auditing.checks import ShortcutChecks
from cxr_cli.auditing.findings import findings_of, verdict
from cxr_cli.auditing.record import AuditFinding, AuditValue, ShortcutCheck


def of_hospitals(auc, **films):
    """A check of hospitals, from their negative and positive films."""
    values = [AuditValue(value=name, negatives=pair[0], positives=pair[1]) for name, pair in films.items()]
    return ShortcutCheck(
        name="location",
        kind="column",
        level="alarm",
        films=sum(value.negatives + value.positives for value in values),
        patients=90,
        auc=auc,
        interval=None,
        p=0.01,
        cramers_v=None,
        values=values,
    )


def numbers(check):
    (finding,) = findings_of(ShortcutChecks([check], {}), positive="covid", negative="other")
    return finding.numbers


def test_a_column_shows_the_values_farthest_from_all_films_at_both_ends():
    check = of_hospitals(0.8, Hannover=(2, 79), Italy=(1, 59), Spain=(3, 15), Melbourne=(13, 0), Brescia=(0, 10))

    assert numbers(check) == (
        "AUC 0.800; covid films, 90% overall: Melbourne (0 of 13), Spain (15 of 18), Hannover (79 of 81), Italy (59 of "
        "60)."
    )


def test_values_of_few_films_are_no_evidence():
    assert numbers(of_hospitals(0.8, Hungary=(4, 0), Wuhan=(0, 9))) == "AUC 0.800."


def test_a_value_is_named_once():
    check = of_hospitals(0.8, PA=(20, 20), AP=(5, 25))

    assert numbers(check) == "AUC 0.800; covid films, 64% overall: PA (20 of 40), AP (25 of 30)."


def test_a_verdict_without_an_alarm_names_the_warnings():
    found = [
        AuditFinding(level="warning", about=about, found=f"{what} reveals the class.", numbers="", why="", next="")
        for about, what in (("view", "The view"), ("age missing", "A missing age"))
    ]

    assert verdict(found, []) == "Two warnings: the view reveals the class; a missing age reveals the class."
    assert verdict(found[:1], []) == "One warning: the view reveals the class."
    assert verdict([], [of_hospitals(auc) for auc in (0.5, 0.6, None)]).startswith("Clean: none of 2 checks that ")
