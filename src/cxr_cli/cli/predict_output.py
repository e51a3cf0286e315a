"""What `cxr predict` prints: film by film for pipes and programs, a table on a terminal, and a summary by class."""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from os.path import commonpath
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_cli.cli import console
from cxr_cli.cli.answer_output import show_answer
from cxr_cli.prediction.rows import PredictionRow, rows_to

if TYPE_CHECKING:
    from cxr_cli.doubts import Doubt
    from cxr_cli.prediction.predictor import Predictor
    from cxr_cli.recipe.sets import PredictionSets

STDOUT = Path("-")  # as the file of a table
_SEEN = {"film": "seen in training", "copy": "a copy was seen in training", "maybe copy": "a copy may have been seen"}


def rows_shown(
    predictor: "Predictor",
    sets: "PredictionSets | None",
    *,
    films: int,
    doubts: "Sequence[Doubt]",
    as_json: bool,
    as_csv: bool,
    stack: ExitStack,
) -> Callable[[PredictionRow], None]:
    """Choose how predictions are printed; what is returned is called with each row.

    Args:
        predictor: the run.
        sets: that give the rows their sets, or None.
        films: number of films.
        doubts: what speaks against the run, which JSON has with each film.
        as_json: print a JSON array.
        as_csv: print a table for programs.
        stack: when it ends, what is still to be printed is printed.
    """
    if as_json:
        show_json = stack.enter_context(console.json_array())
        against = [asdict(doubt) for doubt in doubts]
        return lambda row: show_json(row.as_json(predictor.negative) | {"doubts": against})
    if as_csv:
        return rows_to(sys.stdout)
    if films > 1 and sys.stdout.isatty():
        rows: list[PredictionRow] = []
        stack.callback(lambda: show_films(rows, predictor, sets))
        return rows.append
    point = predictor.record.operating_point
    rule = point.rule if point else ""
    return lambda row: None if row.error else show_prediction(row, sets, rule=rule)


def show_prediction(row: PredictionRow, sets: "PredictionSets | None" = None, *, rule: str = "") -> None:
    """Print the prediction for one film.

    Args:
        row: what is predicted, or why there is no class.
        sets: that gave the row its set. Defaults to none.
        rule: that chose the operating point. Defaults to one that is not known.
    """
    console.result(row.image)
    answer = row.answer(rule)
    if answer is None:
        console.result(f"  Class      : none ({row.reason})")
        return
    show_answer(answer)
    if sets and row.set_:
        console.result(f"  {sets.name:<10} : {sets.in_words(row.set_)}")


def show_films(rows: Sequence[PredictionRow], predictor: "Predictor", sets: "PredictionSets | None") -> None:
    """Print a table of films; nothing without rows."""
    from cxr_cli.cli.tables import TableColumn

    if not rows:
        return
    place, digits = _shared_folder([row.image for row in rows]), _digits(rows)
    columns = [
        TableColumn("Film"),
        TableColumn("Class", words=True),
        TableColumn(f"P({predictor.positive})"),
    ]
    cells = [
        [
            row.image[len(place) :].lstrip("/\\"),
            row.class_ or ("none" if row.reason else "not read"),
            "" if row.probability is None else f"{row.probability:.{digits}%}",
        ]
        for row in rows
    ]
    if sets:
        columns.append(TableColumn(sets.name, drop=2, words=True))
        for line, row in zip(cells, rows, strict=True):
            line.append(row.set_ or "")
    remarks = [_remark(row) for row in rows]
    if any(remarks):
        columns.append(TableColumn("Remark", drop=1, words=True))
        for line, remark in zip(cells, remarks, strict=True):
            line.append(remark)
    if place:
        console.result(f"Films in {place}:")
    console.show_table(columns, cells, rest="--csv")
    point = predictor.record.operating_point
    console.result(
        f"A film is called {predictor.positive} if P({predictor.positive}) is at least "
        f"{predictor.record.threshold:.{digits}%}, the operating point{f' ({point.rule})' if point else ''}."
    )


def _shared_folder(images: Sequence[str]) -> str:
    """The folder that all files are in, as it was written; empty if there is none."""
    try:
        shared = commonpath([str(Path(image).parent) for image in images])
    except ValueError:  # on two drives, or both absolute and not
        return ""
    return shared if shared not in {"", "."} and all(image.startswith(shared) for image in images) else ""


def _digits(rows: Sequence[PredictionRow]) -> int:
    """As many digits as it takes to tell each film's probability from the operating point."""
    known = [(row.probability, row.threshold) for row in rows if row.probability is not None]
    apart = (n for n in (1, 2, 3, 6) if all(f"{p:.{n}%}" != f"{t:.{n}%}" or p == t for p, t in known))
    return next(apart, 6)


def _remark(row: PredictionRow) -> str:
    return "; ".join(filter(None, [row.reason, _SEEN.get(row.seen or "")]))


def summary(classes: Counter[str], *, abstained: int, failed: int) -> str:
    """Say how many films got each class, got none, and could not be read.

    Args:
        classes: how many films got each class; a class may have none.
        abstained: number of films that got no class.
        failed: number of files that could not be read.
    """
    films = classes.total() + abstained + failed
    parts = [f"{count:,} {label}" for label, count in classes.items()]
    parts += [f"{abstained:,} without a class"] * bool(abstained) + [f"{failed:,} that could not be read"] * bool(
        failed
    )
    return f"{films:,} films: {', '.join(parts)}."
