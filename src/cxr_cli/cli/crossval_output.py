"""What `cxr crossval` prints."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cxr_cli.cli import console
from cxr_cli.disclaimer import DISCLAIMER

if TYPE_CHECKING:
    from cxr_cli.evaluation.crossval.record import AcrossFolds, CrossvalFold
    from cxr_cli.evaluation.crossval.study import CrossValidated
    from cxr_cli.metrics.intervals import Interval
    from cxr_cli.metrics.table import Metric

_LONGEST = 20  # letters of a hospital's name
_MEANING = (
    "In brackets: 95 % interval over patients. Each fold's operating point is from its own",
    "validation films. These are figures of the recipe, not of one model. Pooled, the",
    "probabilities of different models are ranked together; in the mean they are not.",
    "The folds share training films, so the SD is not a standard error.",
)


def show_crossval(done: "CrossValidated") -> None:
    """Print the folds, their mean, and all predictions pooled."""
    from cxr_cli.metrics.table import metrics_in

    record = done.record
    console.result(f"{record.arch}: {record.films} films of {record.patients} patients,")
    beside = f", or of its {record.left_out}" if record.left_out else ""
    console.result(f"each predicted by a model that saw no film of its patient{beside}")
    for note in record.notes:
        console.result(note)
    console.result()
    shown = metrics_in("folds", ranked=True)
    header = [record.left_out or "fold", "films", record.positive, *(metric.title for metric in shown)]
    console.wide_table(
        header,
        [
            *(_fold(fold, record.positive, shown) for fold in record.folds),
            _across("mean", shown, record.across_folds, lambda across: across.mean, intervals=True),
            _across("SD", shown, record.across_folds, lambda across: across.sd),
            ["pooled", f"{record.films}", f"{record.positives}"]
            + [_figure(record.metrics[metric.name], record.intervals[metric.name]) for metric in shown],
        ],
    )
    console.result()
    for line in _MEANING:
        console.result(line)
    console.result()
    console.result(f"To read: {done.folder.page}")
    console.result(f"Files  : {done.folder.root}")
    console.result(DISCLAIMER)


def _fold(fold: "CrossvalFold", positive: str, shown: "Sequence[Metric]") -> list[str]:
    name = fold.name if len(fold.name) <= _LONGEST else f"{fold.name[: _LONGEST - 1]}…"
    test = fold.films["test"]
    figures = [_figure(fold.metrics[metric.name], fold.intervals[metric.name]) for metric in shown]
    return [name, f"{sum(test.values())}", f"{test[positive]}", *figures]


def _across(
    name: str,
    shown: "Sequence[Metric]",
    across: "dict[str, AcrossFolds]",
    value: "Callable[[AcrossFolds], float | None]",
    *,
    intervals: bool = False,
) -> list[str]:
    there = [across.get(metric.name) for metric in shown]
    figures = [_figure(value(one), one.interval if intervals else None) if one else "–" for one in there]
    return [name, "", "", *figures]


def _figure(value: float | None, interval: "Interval | None") -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" + (f" ({interval.low:.2f}–{interval.high:.2f})" if interval else "")
