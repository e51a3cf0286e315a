"""Table 1 of a report: who the patients and what the films of each part and class are."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from statistics import median, quantiles

from cxr_cli.dataset.manifest import Film
from cxr_cli.films.in_words import patient_count
from cxr_cli.metrics.balance import mean_difference, share_difference
from cxr_cli.metrics.intervals import NORMAL_95
from cxr_cli.metrics.subgroups import UNKNOWN, age_in_years
from cxr_cli.numbers import percent
from cxr_cli.reporting.document import Cell, Figure, Section, TableBlock, Text
from cxr_cli.reporting.gather import ReportMaterial
from cxr_cli.reporting.references import cited
from cxr_cli.workspace.folders import PARTS

_SHOWN = 6  # values of a column; the others are counted together
_COMPARED = ("train", "test")


def characteristics_section(material: ReportMaterial) -> Section:
    """Who the patients and what the films of each part and class are, and how far train and test differ."""
    films, labels = material.films, list(material.made.classes)
    patients = {part: len({film.group for film in films if film.split == part}) for part in _COMPARED}
    by_chance = NORMAL_95 * sum(1 / count for count in patients.values()) ** 0.5
    text = (
        "SMD is the standardized difference of test from train, of means or shares, in standard deviations "
        f"({cited('standardized difference')}). From 0.1 on, it is often called an imbalance; with "
        f"{' and '.join(f'{count:,}' for count in patients.values())} patients, a random split alone gives up to "
        f"{by_chance:.2f} in 95 of 100 rows. Patients with films of both classes count in both columns."
    )
    if material.made.films_without_patient:
        text += " A film that names no patient counts as one patient."
    holds = ("characteristics",) if any(film.sex or film.age for film in films) else ()
    return Section("Characteristics", [table_one(films, labels), Text(text, "note")], holds)


def table_one(films: Sequence[Film], labels: Sequence[str]) -> TableBlock:
    """Count patients and films by what the metadata say of them, in each part and class.

    A patient's age is the median over their films, their sex the most frequent one that is known.

    Args:
        films: of all parts.
        labels: the classes, the negative one first.
    """
    columns = [
        [film for film in films if (film.split, film.label) == (part, label)] for part in PARTS for label in labels
    ]
    compared = [[film for film in films if film.split == part] for part in _COMPARED]
    rows: list[list[Cell]] = [
        ["films", "films", *(len(column) for column in columns), None],
        ["patients", "patients", *map(_count, columns), None],
    ]
    ages = [_ages(column) for column in columns]
    train, test = (_ages(part) for part in compared)
    difference = Figure(mean_difference(train, test), digits=2)
    rows.append(["age in years, median (quartiles)", "patients", *map(_spread, ages), difference])
    unknown = [(len(_by_patient(part)) - len(_ages(part)), len(_by_patient(part))) for part in columns]
    rows.append(_row("age", UNKNOWN, "patients", unknown, [_missing(part, _ages) for part in compared]))
    for name, (unit, of) in _COLUMNS.items():
        rows += _values(name, unit, [of(name, column) for column in columns], [of(name, part) for part in compared])
    header = ["", "counted", *(f"{part} {label}" for part in PARTS for label in labels), "SMD"]
    return TableBlock(header, rows, left=2, caption="Patients and films of each part and class, by the metadata.")


def _values(name: str, unit: str, columns: list[list[str]], compared: list[list[str]]) -> list[list[Cell]]:
    """The rows of one column of the metadata: its most frequent values, the others together, and unknown."""
    counts, sides = [Counter(column) for column in columns], [Counter(side) for side in compared]
    total: Counter[str] = sum(counts, Counter())
    known = [value for value, _ in total.most_common() if value != UNKNOWN]
    if not known:
        return [[f"{name}: {UNKNOWN}", unit, *(_share(len(column), len(column)) for column in columns), None]]
    # One more value takes as much room as a row that counts it with others.
    shown = known if len(known) <= _SHOWN + 1 else known[:_SHOWN]
    kinds = {value: [value] for value in shown}
    if rest := known[len(shown) :]:
        kinds[f"{len(rest)} others"] = rest
    if total[UNKNOWN]:
        kinds[UNKNOWN] = [UNKNOWN]

    def counted(sets: list[Counter[str]], own: list[str]) -> list[tuple[int, int]]:
        return [(sum(count[one] for one in own), count.total()) for count in sets]

    return [_row(name, title, unit, counted(counts, own), counted(sides, own)) for title, own in kinds.items()]


def _row(
    name: str, value: str, unit: str, columns: list[tuple[int, int]], compared: list[tuple[int, int]]
) -> list[Cell]:
    difference = Figure(share_difference(*compared), digits=2)
    return [f"{name}: {value}", unit, *(_share(*column) for column in columns), difference]


def _share(count: int, total: int) -> str:
    return f"{count:,} ({percent(count / total)})" if total else "0"


def _count(films: Sequence[Film]) -> Cell:
    """The number of patients, or what is known of it."""
    patients, unnamed = len(_by_patient(films)), sum(not film.patient for film in films)
    return patient_count(len(films), patients, unnamed) if unnamed else patients


def _by_patient(films: Sequence[Film]) -> dict[str, list[Film]]:
    patients: dict[str, list[Film]] = defaultdict(list)
    for film in films:
        patients[film.group].append(film)
    return patients


def _ages(films: Sequence[Film]) -> list[float]:
    """One age for each patient whose age is known."""
    known = [
        [years for film in own if (years := age_in_years(film.age)) is not None] for own in _by_patient(films).values()
    ]
    return [median(years) for years in known if years]


def _missing(films: Sequence[Film], known: Callable[[Sequence[Film]], list[float]]) -> tuple[int, int]:
    patients = len(_by_patient(films))
    return patients - len(known(films)), patients


def _usual(name: str, films: Sequence[Film]) -> list[str]:
    """For each patient the most frequent value that is known."""
    values = [[getattr(film, name) for film in own if getattr(film, name)] for own in _by_patient(films).values()]
    return [Counter(own).most_common(1)[0][0] if own else UNKNOWN for own in values]


def _each(name: str, films: Sequence[Film]) -> list[str]:
    return [getattr(film, name) or UNKNOWN for film in films]


def _spread(ages: list[float]) -> str:
    if len(ages) < 2:
        return "–"
    low, _, high = quantiles(ages, n=4, method="inclusive")
    return f"{median(ages):.3g} ({low:.3g}–{high:.3g})"


# By column of the manifest: what its rows count, and the values to count.
_COLUMNS: dict[str, tuple[str, Callable[[str, Sequence[Film]], list[str]]]] = {
    "sex": ("patients", _usual),
    **dict.fromkeys(("view", "source", "location", "finding"), ("films", _each)),
}
