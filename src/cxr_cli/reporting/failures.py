"""The section of a report on which films are wrong most often."""

from collections.abc import Sequence

import numpy as np

from cxr_cli.auditing.files import read_properties
from cxr_cli.dataset.duplicates import read_small
from cxr_cli.errors import WorkspaceError
from cxr_cli.films.in_words import narrow_in_words
from cxr_cli.metrics.failures import FailureRate, failure_rates
from cxr_cli.metrics.subgroups import ENOUGH, UNKNOWN, age_band
from cxr_cli.numbers import figure
from cxr_cli.reporting.document import Block, Cell, Figure, Section, TableBlock, Text
from cxr_cli.reporting.gather import ReportMaterial
from cxr_cli.reporting.references import cited

TITLE = "Which films are wrong most often"
_THIRDS = ("lowest third", "middle third", "highest third")


def failures_section(material: ReportMaterial) -> Section:
    """Which findings, views, sources and qualities of films are wrong more often than the other films."""
    films, test = material.predictions, material.test
    positives = np.array([film.truth == test.positive for film in films])
    rates = failure_rates(
        failure_columns(material),
        positives,
        np.array([film.class_ == test.positive for film in films]),
        np.array([film.group for film in films]),
    )
    cells = test.confusion_matrix
    overall = (
        f"Of the test films, {_of(cells['false_negative'], test.positives)} {test.positive} films are called "
        f"{test.negative} (false negatives), and {_of(cells['false_positive'], test.negatives)} {test.negative} films "
        f"are called {test.positive} (false positives)."
    )
    if not rates:
        few = f"Too few: no value has {ENOUGH} patients of one class, and {ENOUGH} others to compare them with."
        return Section(TITLE, [Text(overall), Text(few, "warning")])
    found = [rate for rate in rates if rate.stands_out]
    method = (
        f"{len(rates)} values of {', '.join(sorted({rate.column for rate in rates}))} were tested, each among the "
        "films of one class: whether its films are wrong more often than the others, by permuting patients "
        f"({cited('permutation')}), with p values corrected for the number of values ({cited('holm')}). This is "
        "exploratory: it finds no causes, and what it finds has to be tested on other films."
    )
    blocks: list[Block] = [Text(overall), Text(_in_words(found, len(rates))), Text(method, "note")]
    if found:
        header = ["error", "by", "", "films", "patients", "wrong", "share", "of all films of the class", "p"]
        caption = (
            "Values whose films are wrong more often than the other films of their class. Brightness and contrast "
            "are the mean and the standard deviation of the gray levels, 0 to 255."
        )
        blocks.append(TableBlock(header, [_row(rate) for rate in found], left=3, caption=caption))
    if narrow := narrow_in_words(test.films, test.films_without_patient):
        blocks.append(Text(narrow, "note"))
    return Section(TITLE, blocks, ("failure analysis",))


def failure_columns(material: ReportMaterial) -> dict[str, Sequence[str]]:
    """What is known of each test film, one value per film; an empty one where it is not known."""
    films, places = material.predictions, {film.path: place for place, film in enumerate(material.films)}
    known = [material.films[places[film.image]] for film in films]
    bands = [age_band(film.age) for film in films]
    columns: dict[str, Sequence[str]] = {
        **{name: [getattr(film, name) for film in known] for name in ("finding", "view", "source", "location", "sex")},
        "age": ["" if band == UNKNOWN else band for band in bands],
        "class from cxr predict": ["none" if film.reason else "one" for film in films],
    }
    sizes = [read_properties(material.dataset.root / film.image) for film in films]
    qualities = {"longer side in pixels": [float(max(size.width, size.height)) for size in sizes]}
    try:
        small = read_small(material.dataset, films=len(material.films))
    except WorkspaceError:  # of a dataset from before they were kept
        pass
    else:
        shown = small[[places[film.image] for film in films]].astype(np.float32)
        qualities["brightness"] = shown.mean(axis=(1, 2)).tolist()
        qualities["contrast"] = shown.std(axis=(1, 2)).tolist()
    return columns | {name: _thirds(values) for name, values in qualities.items()}


def _thirds(values: Sequence[float]) -> list[str]:
    """Name the third of all values that each is in, with its limits."""
    cuts = np.quantile(values, [1 / 3, 2 / 3])
    limits = (f"up to {cuts[0]:.4g}", f"{cuts[0]:.4g} to {cuts[1]:.4g}", f"above {cuts[1]:.4g}")
    names = [f"{third}, {limit}" for third, limit in zip(_THIRDS, limits, strict=True)]
    return [names[place] for place in np.searchsorted(cuts, values, side="left")]


def _of(count: int, total: int) -> str:
    return f"{count:,} of {total:,}"


def _in_words(found: Sequence[FailureRate], looked_at: int) -> str:
    if not found:
        return f"None of the {looked_at} values stands out."
    first = found[0]
    return (
        f"{len(found)} of {looked_at} values {'stands' if len(found) == 1 else 'stand'} out. The clearest is "
        f"{first.column}, {first.value}: the share of {_error(first)}s is {figure(first.rate)} among its films, and "
        f"{figure(first.overall)} among all films of the class."
    )


def _error(rate: FailureRate) -> str:
    return "false negative" if rate.positives else "false positive"


def _row(rate: FailureRate) -> list[Cell]:
    names: list[Cell] = [_error(rate), rate.column, rate.value]
    share, p = Figure(rate.rate, rate.interval), Figure(rate.p, digits=4)
    return [*names, rate.films, rate.patients, rate.wrong, share, Figure(rate.overall), p]
