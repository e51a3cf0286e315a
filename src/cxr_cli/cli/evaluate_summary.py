"""An evaluation on one screen: the loudest doubts, the figures that matter, and where the rest is."""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from cxr_cli.cli import console
from cxr_cli.cli.terminal import drawn, interval_bar, rows_of, width_of, wrapped
from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.doubts import Weight
from cxr_cli.numbers import figure, percent, spread

if TYPE_CHECKING:
    from cxr_cli.doubts import Doubt
    from cxr_cli.evaluation.evaluate import Evaluated
    from cxr_cli.evaluation.record import EvaluationRecord
    from cxr_cli.metrics.intervals import Interval

_METRICS = ("roc_auc", "sensitivity", "specificity")
_WIDEST_BAR, _NARROWEST_BAR = 53, 13
NEEDS_BOTH = "PPV and NPV at a prevalence need films of both classes."
_IN_A_PIPE = 80  # columns that a pipe's bars are made for


class _Row(NamedTuple):
    name: str
    value: float | None
    interval: "Interval | None"
    chance: float | None = None


def show_summary(evaluated: "Evaluated", doubts: "Sequence[Doubt]", head: Sequence[str]) -> None:
    """Print an evaluation on one screen, if it has 24 rows of 80 columns or more.

    Args:
        evaluated: the evaluation.
        doubts: what speaks against it, the loudest first. Those that have no room are counted.
        head: sentences that say what was tested.
    """
    evaluation = evaluated.record
    bars, below = list(_bars(list(_rows(evaluation)))), list(_below(evaluation))
    place = f"Files: {evaluated.folder.root}"
    rest = (
        "All metrics, calibration, prediction sets and subgroups: the same command with --all, or cxr report "
        f"{evaluation.run}"
    )
    taken = sum(map(_lines, (*head, *below, place, rest, DISCLAIMER))) + len(bars)
    shown = _that_fit(doubts, rows_of(sys.stdout) - taken - 4)  # two empty lines, how many are left, and the prompt
    for sentence in head:
        console.result(sentence)
    console.show_doubts(shown)
    if left := doubts[len(shown) :]:
        console.weighed("More with --all: ", f"{_counted(left)}.", str(left[0].weight))
    console.result()
    for line in bars:
        console.drawing(line)
    for sentence in below:
        console.result(sentence)
    console.result()
    console.result(rest)
    console.result(place, dim=True)
    console.result(DISCLAIMER, dim=True)


def _rows(evaluation: "EvaluationRecord") -> Iterator[_Row]:
    """The figures, also those that were asked for with an option."""
    from cxr_cli.metrics.table import METRICS

    classes = {"positives": evaluation.positives, "negatives": evaluation.negatives}
    gaps = evaluation.external.gaps if evaluation.external else {}
    classes["both"] = min(classes.values())
    for name in _METRICS:
        metric = METRICS[name]
        if classes[metric.needs]:
            chance = 0.5 if name == "roc_auc" else None
            yield _Row(metric.label, evaluation.metrics[name], evaluation.intervals[name], chance)
            if name in gaps:
                yield _Row("  internal", gaps[name].internal, gaps[name].internal_interval, chance)
    partial, worth = evaluation.partial_auc, evaluation.predictive_values
    if partial:
        yield _Row(f"AUC, FPR to {partial.max_fpr:g}", partial.value, partial.interval, 0.5)
    if worth and classes["both"]:
        at = percent(worth.prevalence, 0 if worth.prevalence >= 0.01 else 1)
        yield _Row(f"PPV at {at}", worth.positive, worth.positive_interval)
        yield _Row(f"NPV at {at}", worth.negative, worth.negative_interval)


def _bars(rows: Sequence[_Row]) -> Iterator[str]:
    if not rows:
        return
    name = max(len(row.name) for row in rows)
    columns = (width_of(sys.stdout) or _IN_A_PIPE) - name - len("  0.842  0.713 to 0.971  ")
    columns = min(columns - (columns + 1) % 2, _WIDEST_BAR)  # odd, so that there is a middle
    bars = columns >= _NARROWEST_BAR
    head = f"{'':<{name}}         95% interval"
    if bars:
        half = (columns - 3) // 2
        head = f"{head:<{name + 25}}{'0':>2}{'0.5':>{half + 1}}{'1':>{half - 1}}"
    yield head
    for row in rows:
        line = f"{row.name:<{name}}  {figure(row.value)}  {spread(row.interval) or 'not known'}"
        if bars and row.value is not None and row.interval:
            bar = interval_bar(row.value, row.interval.low, row.interval.high, columns=columns, chance=row.chance)
            line = f"{line:<{name + 25}}{drawn(bar, sys.stdout)}"
        yield line


def _below(evaluation: "EvaluationRecord") -> Iterator[str]:
    cells = evaluation.confusion_matrix
    right = [
        f"{cells[found]} of {films:,} {label} films"
        for found, films, label in (
            ("true_positive", evaluation.positives, evaluation.truth.positive),
            ("true_negative", evaluation.negatives, evaluation.truth.negative),
        )
        if films
    ]
    yield f"Called right: {' and '.join(right)}"
    yield operating_point(evaluation)
    if evaluation.predictive_values and not (evaluation.positives and evaluation.negatives):
        yield NEEDS_BOTH


def operating_point(evaluation: "EvaluationRecord") -> str:
    """From which probability a film is called positive, and how that was chosen."""
    point = evaluation.operating_point
    chosen = f" ({point.chosen})" if point else ""
    return f"Operating point: {evaluation.positive} from a probability of {evaluation.threshold:.3g}{chosen}"


def _that_fit(doubts: "Sequence[Doubt]", rows: int) -> "Sequence[Doubt]":
    """The loudest doubt, and the next ones that fit into some rows; in a pipe, all."""
    if width_of(sys.stdout) is None:
        return doubts
    taken = 0
    for place, doubt in enumerate(doubts):
        taken += _lines(str(doubt))
        if place and taken > rows:
            return doubts[:place]
    return doubts


def _lines(text: str) -> int:
    return len(wrapped(text, sys.stdout))


def _counted(doubts: "Sequence[Doubt]") -> str:
    """Such as "2 warnings and 1 note"."""
    counts = {weight: sum(doubt.weight is weight for doubt in doubts) for weight in Weight}
    return " and ".join(f"{count} {weight}{'s' * (count > 1)}" for weight, count in counts.items() if count)
