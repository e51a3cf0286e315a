"""What `cxr audit` prints: the verdict, what was found, and what was measured."""

from typing import TYPE_CHECKING

from cxr_cli.cli import console
from cxr_cli.cli.tables import TableColumn
from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.numbers import figure, spread

_VIEWS = (
    TableColumn("films"),
    TableColumn("AUC"),
    TableColumn("95% interval"),
    TableColumn("difference", drop=1),
    TableColumn("95% interval", drop=2),
)

if TYPE_CHECKING:
    from cxr_cli.auditing.audit import Audited
    from cxr_cli.auditing.model_audit import ModelAudited
    from cxr_cli.auditing.model_record import ModelAuditRecord
    from cxr_cli.auditing.record import AuditRecord


def show_audit(audited: "Audited | ModelAudited", *, as_json: bool) -> None:
    """Print an audit, for people or for programs."""
    from cxr_cli.auditing.record import AuditRecord

    record = audited.record
    if as_json:
        import msgspec

        console.result_json(msgspec.to_builtins(record))
        return
    if record.alarms:
        console.weighed("ALARM: ", record.verdict, "alarm")
    else:
        console.result(record.verdict)
    films = ", ".join(f"{count} {label}" for label, count in record.films.items())
    console.result(f"{record.counted()}: {films}")
    if not isinstance(record, AuditRecord):
        _show_views(record)
    for finding in record.findings:
        console.result()
        console.weighed(f"{finding.level.capitalize()}: ", finding.found, finding.level)
        console.result(f"  {finding.numbers}")
        console.result(f"  Next: {finding.next.replace('`', '')}.")
    console.result()
    if isinstance(record, AuditRecord):
        _show_quiet(record)
    for note in record.notes:
        console.result(note)
    if record.notes:
        console.result()
    console.result(f"Page: {audited.folder.page}", dim=True)
    console.result(DISCLAIMER, dim=True)


def _show_quiet(record: "AuditRecord") -> None:
    from cxr_cli.auditing.checks import WARNING_AUC
    from cxr_cli.metrics.chance import CHANCE

    measured = sum(check.auc is not None for check in record.checks)
    for level, title in (("noted", "Beyond chance, but no reason to warn"), ("ok", "Not shown to be beyond chance")):
        aucs = [(check.title, check.auc) for check in record.checks if check.auc is not None and check.level == level]
        # A figure as low as 0.001 would look like a strong result that was overlooked.
        below = ", ".join(name for name, auc in aucs if auc < CHANCE)
        shown = [f"{name} {figure(auc)}" for name, auc in aucs if auc >= CHANCE]
        if aucs:
            parts = [*([", ".join(shown)] if shown else []), *([f"below {CHANCE:g}: {below}"] if below else [])]
            console.result(f"{title}, by AUC: {'; '.join(parts)}.")
        if below:
            console.result(
                f"An AUC below {CHANCE:g} is no finding: each film is scored by the others, and where there is "
                "nothing to find, leaving it out tips its score toward the other class."
            )
    if any(check.level == "ok" and (check.auc or 0) >= WARNING_AUC for check in record.checks):
        console.result(
            f"With so few patients, and {measured} checks that could be made, even the highest of these may be "
            "chance: intervals and p values are on the page."
        )


def _show_views(record: "ModelAuditRecord") -> None:
    from cxr_cli.auditing.model_views import VIEWS

    console.result(f"{record.run} on {record.split} films; lungs from {record.masks}")
    console.result()
    rows = [
        [
            VIEWS[one.view].title,
            figure(one.auc),
            spread(one.interval),
            figure(one.difference) if one.difference_interval else "",
            spread(one.difference_interval),
        ]
        for one in record.views
    ]
    console.show_table(_VIEWS, rows, rule=True)
    heat = record.heat
    console.result()
    if heat.energy is None or heat.area is None:
        console.result(f"All heat maps of {record.positive} are blank.")
    else:
        console.result(f"Heat in the lungs: {heat.energy:.0%}; by chance {heat.area:.0%}")
