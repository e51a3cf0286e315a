"""What an audit came to without an alarm, in words: for its verdict, and for the report."""

from collections.abc import Sequence

from cxr_cli.auditing.model_record import ModelAuditRecord
from cxr_cli.auditing.record import AuditFinding
from cxr_cli.numbers import figure

# Below a table of checks.
BY_P = (
    "A check is a finding by its p, adjusted for the number of checks, not by its interval, which takes the scores as "
    "given and may lie above 0.5 by chance."
)
_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def warnings_in_words(findings: Sequence[AuditFinding]) -> str:
    """Say what an audit warns of: ``Two warnings: the view reveals the class; a missing age reveals the class``.

    Args:
        findings: of an audit without an alarm, at least one.
    """
    count = len(findings)
    number = _NUMBERS[count] if count < len(_NUMBERS) else str(count)
    found = [finding.found.rstrip(".") for finding in findings]
    said = "; ".join(f"{one[0].lower()}{one[1:]}" for one in found)
    return f"{number} warning{'s' * (count > 1)}: {said}."


def views_in_words(audit: ModelAuditRecord) -> str:
    """Say what the AUC is on films as they are, with the lungs alone and with black lungs."""
    aucs = {one.view: figure(one.auc, 2) for one in audit.views}
    return (
        f"Its AUC is {aucs['whole']} on the films as they are, {aucs['lungs_only']} with the lungs alone and "
        f"{aucs['lungs_black']} with black lungs."
    )
