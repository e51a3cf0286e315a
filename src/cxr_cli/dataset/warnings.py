"""What to know about a prepared dataset before its figures are trusted."""

from cxr_cli.dataset.record import DatasetRecord, Leak


def warnings_of(record: DatasetRecord) -> list[str]:
    """What to know about a prepared dataset before its figures are trusted, in sentences."""
    warnings = _contradictions(record)
    warnings += [_leak(leak, sum(record.films[leak.later].values())) for leak in record.leaks]
    warnings += _copies(record)
    warnings += [f"Note: {note}" for note in record.notes]
    small = [f"{part} {label} {n}" for part, counts in record.films.items() for label, n in counts.items() if n < 10]
    if small:
        warnings.append(f"Fewer than ten films ({', '.join(small)}): with so few films, figures say little.")
    if record.films_without_patient:
        pattern = record.options["patient_pattern"]
        lack = "don't match --patient-pattern" if pattern else "name no patient"
        warnings.append(
            f"Films that {lack}: {record.films_without_patient}. Each counts as a patient of its own: leakage "
            "between the parts can't be excluded."
        )
        if record.options["folders"] and not pattern:
            warnings.append("If file names contain the patient, say where: --patient-pattern REGEX")
    return warnings


def _leak(leak: Leak, films: int) -> str:
    shared = {"patients": leak.patients, "exact copies": leak.copies, "near-duplicates": leak.near_copies}
    counts = ", ".join(f"{what}: {count}" for what, count in shared.items() if count)
    return (
        f"Warning: the given split leaks. Films of {leak.later} that share a patient or a copy with {leak.earlier}: "
        f"{leak.films} of {films} ({counts}). Figures on {leak.later} will be too good."
    )


def _contradictions(record: DatasetRecord) -> list[str]:
    """The same film with two labels: what to fix first."""
    pairs = record.duplicates
    if not pairs or not pairs.other_class:
        return []
    shown = [f"  {one} = {other}" for one, other in pairs.contradictions]
    shown += ["  …"] * (pairs.other_class > len(shown))
    return [
        f"Warning: the same film has two labels, one of which is wrong. Pairs: {pairs.other_class}",
        *shown,
    ]


def _copies(record: DatasetRecord) -> list[str]:
    pairs = record.duplicates
    if not pairs or not pairs.exact + pairs.near:
        return []
    across = {"patients": pairs.other_patient, "sources": pairs.other_source, "parts": pairs.other_part}
    shown = ", ".join(f"{count} across {what}" for what, count in across.items() if count)
    return [
        f"Pairs of copies: {pairs.exact} exact, {pairs.near} altered, such as cropped or mirrored"
        f"{f'; {shown}' if shown else ''}. Patients who share a film count as one."
    ]
