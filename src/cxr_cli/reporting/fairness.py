"""The section of a report on fairness: differences between sexes and between ages."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from cxr_cli.films.in_words import narrow_in_words
from cxr_cli.metrics.calibration_figures import IN_THE_LARGE
from cxr_cli.metrics.group_gaps import Gaps, GroupGap, compared_figures, group_gaps
from cxr_cli.metrics.subgroups import ENOUGH, UNKNOWN, age_band
from cxr_cli.numbers import figure, spread
from cxr_cli.reporting.document import Block, Cell, Figure, Section, TableBlock, Text
from cxr_cli.reporting.gather import ReportMaterial

TITLE = "Fairness"


def fairness_section(material: ReportMaterial) -> Section:
    """How much better or worse the run does on one sex or age than on the others."""
    films, test = material.predictions, material.test
    bands = [age_band(film.age) for film in films]
    columns = {
        "sex": [film.sex for film in films],
        "age": ["" if band == UNKNOWN else band for band in bands],
    }
    every = {
        column: group_gaps(
            column,
            values,
            np.array([film.truth == test.positive for film in films]),
            np.array([film.probability for film in films]),
            np.array([film.group for film in films]),
            threshold=np.array([film.threshold for film in films]),
        )
        for column, values in columns.items()
    }
    gaps = [gap for one in every.values() for gap in one.gaps]
    measured = [gap for gap in gaps if gap.gap is not None]
    labels = (test.positive, test.negative)
    blocks: list[Block] = [Text(_largest(measured), "warning" if any(g.excludes_zero for g in measured) else "")]
    blocks += [Text(_absent(column)) for column, one in every.items() if not one.gaps]
    blocks += [Text(_moved(column, one), "note") for column, one in every.items() if one.moved]
    if measured:
        caption = (
            "Patients are those with a film of the class, on both sides. Calibration-in-the-large is in log odds: "
            "above 0, P is too low. Intervals: 95%, over patients."
        )
        header = ["compared", "", *(f"{label} patients" for label in labels), "first", "second", "difference"]
        blocks.append(TableBlock(header, [_row(gap) for gap in measured], left=2, caption=caption))
        if narrow := narrow_in_words(test.films, test.films_without_patient):
            blocks.append(Text(narrow, "note"))
    if few := [gap for gap in gaps if gap.gap is None]:
        blocks.append(Text(_too_few(few, labels), "note"))
    return Section(TITLE, blocks, ("fairness gaps",) if measured else ())


def _row(gap: GroupGap) -> list[Cell]:
    one, others = gap.group, gap.others
    return [
        _sides(gap),
        compared_figures()[gap.metric],
        f"{one.positives:,} and {others.positives:,}",
        f"{one.negatives:,} and {others.negatives:,}",
        *(Figure(side.metrics[gap.metric], side.intervals[gap.metric]) for side in (one, others)),
        Figure(gap.gap, gap.interval),
    ]


def _sides(gap: GroupGap) -> str:
    return f"{gap.column} {gap.group.value} and {gap.others.value}"


def _too_few(gaps: list[GroupGap], labels: Sequence[str]) -> str:
    """Which figures could not be compared, and for want of which patients."""
    missing: dict[str, list[str]] = defaultdict(list)
    for gap in gaps:
        one, others = gap.group, gap.others
        counts = (f"{one.positives:,} and {others.positives:,}", f"{one.negatives:,} and {others.negatives:,}")
        patients = ", ".join(f"{count} {label}" for count, label in zip(counts, labels, strict=True))
        missing[f"{_sides(gap)} ({patients} patients)"].append(compared_figures()[gap.metric])
    lines = "; ".join(f"{sides}: {', '.join(titles)}" for sides, titles in missing.items())
    return f"Too few patients (a figure needs {ENOUGH} of each class that it counts, on both sides): {lines}."


def _largest(gaps: list[GroupGap]) -> str:
    """The largest difference in a sentence."""
    if not gaps:
        return "Not shown: no two groups by sex or age have enough patients of the classes to compare any figure."
    shares = [gap for gap in gaps if gap.metric != IN_THE_LARGE]  # which is on the scale of log odds
    largest = max(shares, key=lambda gap: abs(gap.gap or 0))
    assert largest.gap is not None
    how = "higher" if largest.gap > 0 else "lower"
    shown = [gap for gap in gaps if gap.excludes_zero]
    if len(gaps) == 1:
        count = "The interval excludes 0." if shown else "The interval includes 0, so no difference is shown."
    elif shown:
        count = f"Of {len(gaps)} intervals, {len(shown)} exclude 0; by chance alone, about one in twenty does."
    else:
        count = f"None of the {len(gaps)} intervals excludes 0, which does not show that there is no difference."
    return (
        f"The largest difference: the {compared_figures()[largest.metric]} is {figure(abs(largest.gap))} {how} for "
        f"{largest.column} {largest.group.value} than for {largest.others.value} "
        f"(difference {figure(largest.gap)}, 95% {spread(largest.interval)}). {count}"
    )


def _absent(column: str) -> str:
    return f"Not compared by {column}: fewer than two values of it are known among the test films."


def _moved(column: str, gaps: Gaps) -> str:
    return (
        f"By {column}, {gaps.moved} films are left out: their patients have more films of another {column}, and count "
        "with those."
    )
