"""What `cxr prepare` tells people."""

from typing import TYPE_CHECKING

from cxr_cli.cli import console

if TYPE_CHECKING:
    from cxr_cli.dataset.prepare import Prepared
    from cxr_cli.dataset.record import DatasetRecord, Leak


def _warnings(record: "DatasetRecord") -> list[str]:
    """What to know of a prepared dataset before its figures are believed."""
    warnings = _contradictions(record)
    warnings += [_leak(leak, sum(record.films[leak.later].values())) for leak in record.leaks]
    warnings += _copies(record)
    warnings += [f"Note: {note}" for note in record.notes]
    small = [f"{part} {label} {n}" for part, counts in record.films.items() for label, n in counts.items() if n < 10]
    if small:
        warnings.append(f"Fewer than ten films ({', '.join(small)}): figures on so few say little.")
    if record.films_without_patient:
        pattern = record.options["patient_pattern"]
        lack = "don't match --patient-pattern" if pattern else "name no patient"
        warnings.append(
            f"{record.films_without_patient} films {lack} and count as one each: "
            "leakage between the parts can't be excluded."
        )
        if record.options["folders"] and not pattern:
            warnings.append("Where file names tell the patient, say how: --patient-pattern REGEX")
    return warnings


def _leak(leak: "Leak", films: int) -> str:
    copies = leak.copies + leak.near_copies
    exact = "exact copies" if not leak.near_copies else f"copies ({leak.copies} exact)"
    what = (
        f"are {exact} of {leak.earlier} films"
        if copies == leak.films
        else f"are of {leak.patients} patients with films in {leak.earlier} too ({exact} of those: {copies})"
    )
    return (
        f"Warning: the given split leaks. {leak.films} of {films} {leak.later} films {what}. "
        f"Figures on {leak.later} will be too good."
    )


def _contradictions(record: "DatasetRecord") -> list[str]:
    """The same film with two labels: what to mend first."""
    found = record.duplicates
    if not found or not found.other_class:
        return []
    shown = [f"  {one} = {other}" for one, other in found.contradictions]
    shown += ["  …"] * (found.other_class > len(shown))
    return [
        f"Warning: the same film has two labels, one of which is wrong. Pairs: {found.other_class}",
        *shown,
    ]


def _copies(record: "DatasetRecord") -> list[str]:
    found = record.duplicates
    if not found or not found.exact + found.near:
        return []
    across = {"patients": found.other_patient, "sources": found.other_source, "parts": found.other_part}
    shown = ", ".join(f"{count} of two {what}" for what, count in across.items() if count)
    return [
        f"Films that are there twice, in pairs: {found.exact} exact copies, {found.near} saved anew, resized, cropped "
        f"or inverted{f'; {shown}' if shown else ''}. Patients who share a film count as one."
    ]


def show_prepared(prepared: "Prepared", *, as_json: bool) -> None:
    """Print what was left out and why, where the rest is, and warnings."""
    for column in prepared.missing_columns:
        effect = "films count as one patient each" if column == "patientid" else "its rule was skipped"
        console.note(f"Note: a metadata file has no column {column!r}: {effect}.")
    if as_json:
        import msgspec

        for warning in _warnings(prepared.record):
            console.note(warning)
        console.result_json(msgspec.to_builtins(prepared.record))
    else:
        _show(prepared)


def _show(prepared: "Prepared") -> None:
    record = prepared.record
    what = "files in the folders" if record.options["folders"] else "rows in the metadata"
    steps = [(what, "", record.rows)]
    steps += [(step.rule, f"-{step.removed}" if step.removed else "0", step.left) for step in record.funnel]
    console.table([(what.split()[0].capitalize(), "left out", "kept"), *steps], indent=0)
    console.result()
    labels = list(record.classes)
    given = set(record.given_parts)
    if len(given) < len(record.films):
        given.discard("train")  # it gave films to the parts that were cut from it
    rows = [
        (
            f"{part} (given)" if part in given else part,
            *(counts[label] for label in labels),
            record.patients[part],
        )
        for part, counts in record.films.items()
    ]
    totals: list[object] = [sum(row[i] for row in rows) for i in range(1, len(labels) + 2)]  # type: ignore[misc]
    if record.leaks:
        totals[-1] = "–"  # the parts' patients are not all different ones
    console.table([("Films", *labels, "patients"), *rows, ("all", *totals)], indent=0)
    console.result()
    console.result(f"Positive class: {record.classes.positive}")
    for label, findings in record.findings.items():
        shown = ", ".join(f"{finding} {count}" for finding, count in list(findings.items())[:6])
        more = f", and {len(findings) - 6} more" if len(findings) > 6 else ""
        if list(findings) != [label]:
            console.result(f"{label}: {shown}{more}")
    for warning in _warnings(record):
        console.result(warning)
    console.result()
    console.result(f"Dataset : {prepared.dataset.root}")
    console.result(f"Left out: {prepared.dataset.excluded}")
    if record.duplicates and record.duplicates.exact + record.duplicates.near:
        console.result(f"Copies  : {prepared.dataset.duplicates}")
    console.result(f"Pictures: {prepared.dataset.distribution_picture.parent}")
