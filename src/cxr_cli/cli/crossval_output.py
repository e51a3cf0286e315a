"""What `cxr crossval` prints."""

import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cxr_cli.cli import console
from cxr_cli.disclaimer import DISCLAIMER

if TYPE_CHECKING:
    from cxr_cli.evaluation.crossval.record import CrossvalFold, CrossvalRecord
    from cxr_cli.evaluation.crossval.study import CrossValidated
    from cxr_cli.metrics.intervals import Interval
    from cxr_cli.metrics.over_folds import AcrossFolds
    from cxr_cli.metrics.table import Metric

_LONGEST = 20  # letters of a hospital's name
_WIDTH = 88  # of a line of text


def show_crossval(done: "CrossValidated") -> None:
    """Print the folds and their mean."""
    from cxr_cli.metrics.table import metrics_in

    record = done.record
    console.result(f"{record.arch}: {record.counted()},")
    beside = f", or any film of its {record.left_out}" if record.left_out else ""
    times = f", {record.repeats} times" if record.repeats > 1 else ""
    console.result(f"each predicted by a model that did not see {record.unseen}{beside}{times}")
    for note in record.notes:
        console.result(note)
    console.result()
    shown = metrics_in("folds", ranked=True)
    header = [record.left_out or "fold", "films", record.positive, *(metric.title for metric in shown)]
    console.wide_table(
        header,
        [
            *(_fold(fold, record, shown) for fold in record.folds),
            _across("mean", shown, record.across_folds, lambda across: across.mean, intervals=True),
            _across("SD", shown, record.across_folds, lambda across: across.sd),
        ],
    )
    console.result()
    for line in _meaning(record):
        console.result(line)
    console.result()
    console.result(f"To read: {done.folder.page}")
    console.result(f"Files  : {done.folder.root}")
    console.result(DISCLAIMER)


def _meaning(record: "CrossvalRecord") -> list[str]:
    """What the figures are, in lines."""
    sentences = (
        f"In brackets: 95 % intervals. That of the mean is for {record.interval_of}; it comes from the spread of the "
        "folds. That of a fold is for its own model, over its test patients. Each fold's operating point was chosen on "
        "its own validation films."
    )
    return textwrap.wrap(sentences, _WIDTH)


def _fold(fold: "CrossvalFold", record: "CrossvalRecord", shown: "Sequence[Metric]") -> list[str]:
    name = fold.name if len(fold.name) <= _LONGEST else f"{fold.name[: _LONGEST - 1]}…"
    if record.repeats > 1:
        name = f"{fold.repeat}.{name}"
    test = fold.films["test"]
    figures = [_figure(fold.metrics[metric.name], fold.intervals[metric.name]) for metric in shown]
    return [name, f"{sum(test.values())}", f"{test[record.positive]}", *figures]


def _across(
    name: str,
    shown: "Sequence[Metric]",
    across: "dict[str, AcrossFolds]",
    value: "Callable[[AcrossFolds], float | None]",
    *,
    intervals: bool = False,
) -> list[str]:
    there = [across[metric.name] for metric in shown]
    figures = [_figure(value(one), one.interval if intervals else None) for one in there]
    return [name, "", "", *figures]


def _figure(value: float | None, interval: "Interval | None") -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" + (f" ({interval.low:.2f}–{interval.high:.2f})" if interval else "")
