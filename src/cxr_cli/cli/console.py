"""The only module that prints: results to stdout; progress, notes and errors to stderr.

Whatever is printed may hold names from files: no character of them steers the terminal, and none is markup.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from cxr_cli.errors import CxrError
from cxr_cli.progress import EpochRow, LungEpochRow, Watcher, watched_by
from cxr_cli.visible import visible, visible_json, visible_line

if TYPE_CHECKING:
    from rich.progress import Progress

T = TypeVar("T")
_LOG_SECONDS = 10  # between the lines that a log gets of a long step


def result(text: str = "") -> None:
    """Print a result, in one line."""
    print(visible_line(text))


def result_now(text: str) -> None:
    """Print a result of a command that goes on, also into a pipe or a file at once."""
    print(text, flush=True)


def result_json(value: Any) -> None:
    """Print a result for programs."""
    print(_json(value))


@contextmanager
def json_array() -> Iterator[Callable[[Any], None]]:
    """Print results for programs one by one, in the end the text that `result_json` prints of their list.

    The array is closed even if the block fails, so that the results before an error can be read.
    """
    opened = False

    def add(value: Any) -> None:
        nonlocal opened
        # The one item's text between the brackets of its list.
        text = _json([value])[len("[\n") : -len("\n]")]
        print("," if opened else "[", text, sep="\n", end="")
        opened = True

    try:
        yield add
    finally:
        print("\n]" if opened else "[]")


def _json(value: Any) -> str:
    return visible_json(json.dumps(value, indent=2, ensure_ascii=False))


def note(text: str) -> None:
    """Print what is being done, or a remark on a result, in one line."""
    print(visible_line(text), file=sys.stderr, flush=True)


def show_error(problem: CxrError) -> None:
    """Print an error, and what to do next."""
    note(f"Error: {problem.message}")
    if problem.hint:
        note(problem.hint)


def table(rows: Sequence[Sequence[object]], *, indent: int = 2) -> None:
    """Print rows in columns: the first to the left, the others to the right."""
    cells = [[visible_line(str(cell)) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    for row in cells:
        first, *others = (
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        result((" " * indent + "  ".join([first, *others])).rstrip())


def wide_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table of figures with Rich: numbers are never cut, and long names fold where the terminal is narrow."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    header = [visible(title) for title in header]
    rows = [[visible_line(cell) for cell in row] for row in rows]
    shown = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    for place, title in enumerate(header):
        # Wide enough for the longest word, so that an interval goes below its figure before a number is cut.
        words = [word for text in (title, *(row[place] for row in rows)) for word in text.split()] if place else []
        shown.add_column(
            visible(title),
            justify="right" if place else "left",
            min_width=max(map(len, words), default=None),
            overflow="fold",
        )
    for row in rows:
        shown.add_row(*row)
    # A file or a pipe has no width to keep to.
    width = None if sys.stdout.isatty() else 200
    Console(width=width, markup=False, highlight=False).print(shown)


def _per_second(rate: float) -> str:
    return f"{rate:.0f} a second" if rate >= 10 else f"{rate:.1f} a second"


def _left(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s left"
    return f"{seconds / 60:.0f} min left" if seconds < 3600 else f"{seconds / 3600:.1f} h left"


class ConsoleWatcher(Watcher):
    """Shows long steps: a live line on a terminal, plain lines everywhere else."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._task: Any = None
        self._steps = 0
        self._last_epoch = 0
        self._quality = ""

    def track(self, items: Iterable[T], description: str, *, total: int) -> Iterator[T]:
        """Yield items with a bar on a terminal, a plain line in a log."""
        started = shown = time.monotonic()
        if not sys.stderr.isatty():
            note(f"{description}: {total}")
            for done, item in enumerate(items, start=1):
                yield item
                now = time.monotonic()
                if now - shown > _LOG_SECONDS:
                    shown = now
                    rate = done / (now - started)
                    note(f"{description}: {done} of {total}, {_per_second(rate)}, {_left((total - done) / rate)}")
            return
        with _bar("{task.description}", "{task.completed}/{task.total}  {task.fields[rate]}") as bar:
            task = bar.add_task(visible_line(description), total=total, rate="")
            for done, item in enumerate(items, start=1):
                yield item
                bar.update(task, advance=1, rate=_per_second(done / (time.monotonic() - started)))

    def note(self, text: str) -> None:
        """Print what is being done now."""
        note(text)

    def begin_phase(self, phase: str, *, first_epoch: int, epochs: int, steps: int) -> None:
        """Show a bar over all steps of the phase, so that it knows the time left."""
        self._steps = steps
        self._last_epoch = first_epoch + epochs - 1
        note({"train": "Training", "fine-tune": "Fine-tuning"}[phase] + f": at most {epochs} epochs of {steps} steps")
        if sys.stderr.isatty():
            self._progress = _bar("{task.description}", "{task.fields[state]}")
            self._task = self._progress.add_task(f"epoch {first_epoch}", total=epochs * steps, state="")
            self._progress.start()

    def end_step(self, step: int, loss: float) -> None:
        """Move the bar."""
        if self._progress:
            state = f"step {step}/{self._steps}  loss {loss:.3f}  {self._quality}"
            self._progress.update(self._task, advance=1, state=state)

    def end_epoch(self, row: EpochRow | LungEpochRow, *, best: bool) -> None:
        """Print the epoch's line."""
        name = "start      " if row.loss is None else f"epoch {row.epoch:2d}/{self._last_epoch}"
        loss = "          " if row.loss is None else f"loss {row.loss:.3f}"
        self._quality = f"{row.quality[0]} {row.quality[1]:.3f}"
        line = f"{name}  {loss}  val loss {row.val_loss:.3f}  {self._quality}  {row.seconds:5.1f} s"
        line += "  best so far" if best else ""
        if self._progress:
            self._progress.console.print(line, highlight=False, markup=False)
            self._progress.update(self._task, description=f"epoch {row.epoch + 1}")
        else:
            note(line)

    def end_phase(self) -> None:
        """Remove the bar."""
        if self._progress:
            self._progress.stop()
        self._progress = None


def _bar(before: str, after: str) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn(before, markup=False),
        BarColumn(bar_width=24),
        TextColumn(after, markup=False),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=Console(stderr=True),
        # Results that are printed meanwhile must not land in the bar, nor, where stdout is a file, beside it.
        redirect_stdout=sys.stdout.isatty(),
        transient=True,
    )


def show_progress() -> AbstractContextManager[None]:
    """Show the progress of long steps on stderr, as the command line does: ``with cxr.show_progress(): ...``."""
    return watched_by(ConsoleWatcher())
