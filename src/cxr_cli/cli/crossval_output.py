"""What `cxr crossval` prints."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cxr_cli.cli import console
from cxr_cli.cli.tables import TableColumn
from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.numbers import with_spread

if TYPE_CHECKING:
    from cxr_cli.evaluation.crossval.record import CrossvalFold, CrossvalRecord
    from cxr_cli.evaluation.crossval.study import CrossValidated
    from cxr_cli.metrics.over_folds import AcrossFolds
    from cxr_cli.metrics.table import Metric


def show_crossval(done: "CrossValidated") -> None:
    """Print the folds and their mean."""
    from cxr_cli.evaluation.crossval.in_words import recipe_doubts
    from cxr_cli.metrics.table import metrics_in

    record = done.record
    beside = f", or any film of its {record.left_out}" if record.left_out else ""
    times = f", {record.repeats} times" if record.repeats > 1 else ""
    console.result(
        f"{record.arch}: {record.counted()}, each predicted by a model that did not see {record.unseen}{beside}{times}"
    )
    console.show_doubts(recipe_doubts(record))
    for note in record.notes:
        console.result(note)
    console.result()
    shown = metrics_in("folds", ranked=True)
    console.show_table(
        _columns(record, shown),
        [
            *(_fold(fold, record, shown) for fold in record.folds),
            _across("mean", shown, record.across_folds, lambda across: across.mean, intervals=True),
            _across("SD", shown, record.across_folds, lambda across: across.sd),
        ],
        rule=True,
    )
    console.result()
    console.result(_meaning(record))
    console.result()
    console.result(f"To read: {done.folder.page}", dim=True)
    console.result(f"Files  : {done.folder.root}", dim=True)
    console.result(DISCLAIMER, dim=True)


def _columns(record: "CrossvalRecord", shown: "Sequence[Metric]") -> list[TableColumn]:
    figures = [TableColumn(metric.title, drop=place) for place, metric in enumerate(shown)]
    return [
        TableColumn(record.left_out or "fold"),
        TableColumn("films", drop=10),
        TableColumn(record.positive, drop=11),
        *figures,
    ]


def _meaning(record: "CrossvalRecord") -> str:
    return (
        f"In brackets: 95% intervals. That of the mean is for {record.interval_of}; it comes from the spread of the "
        "folds. That of a fold is for its own model, over its test patients. Each fold's operating point was chosen on "
        "its own validation films."
    )


def _fold(fold: "CrossvalFold", record: "CrossvalRecord", shown: "Sequence[Metric]") -> list[str]:
    name = f"{fold.repeat}.{fold.name}" if record.repeats > 1 else fold.name
    test = fold.films["test"]
    figures = [with_spread(fold.metrics[metric.name], fold.intervals[metric.name]) for metric in shown]
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
    figures = [with_spread(value(one), one.interval if intervals else None) for one in there]
    return [name, "", "", *figures]
