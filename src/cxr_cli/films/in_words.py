"""How many films of how many patients there are, in words, as far as it is known."""

TOO_NARROW = "If patients have several, intervals are too narrow and p values too small."


def patient_count(films: int, patients: int, without_patient: int | None) -> str:
    """Say how many patients there are: ``25``, ``at most 25`` or ``unknown``.

    Args:
        films: their number.
        patients: number of groups: patients, and films that name none, with their copies.
        without_patient: how many of the films name no patient. None in a record from before this was recorded.
    """
    if without_patient == 0:
        return f"{patients:,}"
    return "unknown" if without_patient is not None and without_patient >= films else f"at most {patients:,}"


def count_in_words(films: int, patients: int, without_patient: int | None, *, kind: str = "films") -> str:
    """Say how many films of how many patients there are: ``30 films of 25 patients``; see `patient_count`."""
    some = f" ({_name_no_patient(without_patient)})" if without_patient and without_patient < films else ""
    return f"{films:,} {kind} of {patient_count(films, patients, without_patient)} patients{some}"


def unnamed_in_words(films: int, without_patient: int | None) -> str:
    """Say how many films name no patient: ``No film names its patient``; empty where all do, or it is not known."""
    if not without_patient:
        return ""
    return "No film names its patient" if without_patient >= films else _name_no_patient(without_patient)


def narrow_in_words(films: int, without_patient: int | None) -> str:
    """Say why intervals are too narrow, and p too small, where films name no patient; empty where all do."""
    unnamed = unnamed_in_words(films, without_patient)
    return f"{unnamed}: each counts as a patient of its own. {TOO_NARROW}" if unnamed else ""


def _name_no_patient(films: int) -> str:
    return f"{films:,} {'film names' if films == 1 else 'films name'} no patient"
