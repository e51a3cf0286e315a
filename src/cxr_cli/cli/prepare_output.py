"""What `cxr prepare` prints."""

from typing import TYPE_CHECKING

from cxr_cli.cli import console
from cxr_cli.cli.failed_films import end_with_failed
from cxr_cli.films.in_words import patient_count

if TYPE_CHECKING:
    from cxr_cli.dataset.prepare import Prepared


def show_prepared(prepared: "Prepared", *, as_json: bool) -> None:
    """Print what was left out and why, where the rest is, and warnings.

    Raises:
        typer.Exit: a film could not be read.
    """
    for column in prepared.missing_columns:
        effect = "films count as one patient each" if column == "patientid" else "its rule was skipped"
        console.note(f"Note: a metadata file has no column {column!r}: {effect}.")
    for error in prepared.unread[: console.FEW]:
        console.note(error)
    console.show_more(len(prepared.unread), aside=True)
    if as_json:
        import msgspec

        for warning in prepared.warnings:
            console.note(warning)
        console.result_json(msgspec.to_builtins(prepared.record))
    else:
        _show(prepared)
    record = prepared.record
    films = sum(sum(counts.values()) for counts in record.films.values())
    end_with_failed(record.failed, done=films, table=prepared.dataset.excluded)


def _show(prepared: "Prepared") -> None:
    record = prepared.record
    of_files = record.options["folders"] or record.options.get("dicom")
    what = "files in the folders" if of_files else "rows in the metadata"
    steps = [(what, "", record.rows, record.patients_listed)]
    steps += [
        (step.rule, f"-{step.removed}" if step.removed else "0", step.left, step.patients) for step in record.funnel
    ]
    header = (what.split()[0].capitalize(), "left out", "kept", "patients")
    columns = 3 if record.patients_listed is None else 4
    console.show_table(header[:columns], [row[:columns] for row in steps])
    console.result()
    labels = list(record.classes)
    given = set(record.given_parts)
    if len(given) < len(record.films):
        given.discard("train")  # films of the other parts were cut from it
    rows = [
        (
            f"{part} (given)" if part in given else part,
            *(counts[label] for label in labels),
            record.patients_in(part),
        )
        for part, counts in record.films.items()
    ]
    totals = [sum(counts[label] for counts in record.films.values()) for label in labels]
    patients = patient_count(sum(totals), sum(record.patients.values()), record.films_without_patient)
    patients = "–" if record.leaks else patients  # some are in two parts
    console.show_table(["Films", *labels, "patients"], [*rows, ("all", *totals, patients)])
    console.result()
    console.result(f"Positive class: {record.classes.positive}")
    if record.framing:
        console.result(f"Written as: {record.framing}")
    for label, findings in record.findings.items():
        shown = ", ".join(f"{finding} {count}" for finding, count in list(findings.items())[:6])
        more = f", and {len(findings) - 6} more" if len(findings) > 6 else ""
        if list(findings) != [label]:
            console.result(f"{label}: {shown}{more}")
    for warning in prepared.warnings:
        console.result(warning)
    console.result()
    console.result(f"Dataset : {prepared.dataset.root}", dim=True)
    console.result(f"Left out: {prepared.dataset.excluded}", dim=True)
    if record.duplicates and record.duplicates.exact + record.duplicates.near:
        console.result(f"Copies  : {prepared.dataset.duplicates}", dim=True)
    console.result(f"Pictures: {prepared.dataset.distribution_picture.parent}", dim=True)
