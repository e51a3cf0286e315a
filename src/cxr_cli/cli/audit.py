"""`cxr audit`: leaks and shortcuts of a prepared dataset, before any training."""

from typing import TYPE_CHECKING

import typer

from cxr_cli.cli import console
from cxr_cli.cli.exit_codes import ExitCode
from cxr_cli.cli.options import JsonOption, SeedOption, WorkspaceOption
from cxr_cli.disclaimer import DISCLAIMER

if TYPE_CHECKING:
    from cxr_cli.auditing.audit import Audited


def audit(seed: SeedOption = 0, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Audit the prepared dataset for leaks and shortcuts.

    A leak is a patient or film in two parts of the split. A shortcut separates the classes without showing the disease,
    for example the hospital or the view. Writes a page to read. Exits with 3 if it raises an alarm.

    Example: cxr audit
    """
    from cxr_cli.api.dataset import audit as audit_dataset

    audited = audit_dataset(seed=seed, workspace=workspace)
    if as_json:
        import msgspec

        console.result_json(msgspec.to_builtins(audited.record))
    else:
        _show(audited)
    if audited.record.alarms:
        raise typer.Exit(ExitCode.ALARM)


def _show(audited: "Audited") -> None:
    record = audited.record
    console.result(f"{record.level.upper()}: {record.verdict}" if record.alarms else record.verdict)
    films = ", ".join(f"{count} {label}" for label, count in record.films.items())
    console.result(f"{sum(record.films.values())} films of {record.patients} patients: {films}")
    for finding in record.findings:
        console.result()
        console.result(f"{finding.level.capitalize()}: {finding.found}")
        console.result(f"  {finding.numbers}")
        console.result(f"  Next: {finding.next.replace('`', '')}.")
    console.result()
    quiet = [
        f"{check.name} {check.auc:.2f}" for check in record.checks if check.auc is not None and check.level == "ok"
    ]
    if quiet:
        console.result(f"Not beyond chance, by AUC: {', '.join(quiet)}.")
    for note in record.notes:
        console.result(note)
    console.result()
    console.result(f"Page: {audited.folder.page}")
    console.result(DISCLAIMER)
