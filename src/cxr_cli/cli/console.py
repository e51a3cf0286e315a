"""The only module that prints: results to stdout; progress, notes and errors to stderr.

Whatever is printed may hold names from files: no character of them steers the terminal, and none is markup.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from cxr_cli.cli.terminal import drawn, styled, width_of, wrapped
from cxr_cli.errors import CxrError
from cxr_cli.progress import EpochRow, LungEpochRow, Watcher, watched_by
from cxr_cli.visible import visible, visible_json, visible_line

if TYPE_CHECKING:
    from rich.progress import Progress

    from cxr_cli.cli.tables import TableColumn
    from cxr_cli.doubts import Doubt

T = TypeVar("T")
FEW = 10  # lines of a list that may be long; a file has the rest
_LOG_SECONDS = 10  # between the lines that a log gets of a long step
# Letters of a line of progress, each with the space before it. In a narrow terminal the rate goes first, then the bar.
_BAR, _RATE, _TIME = len(" " + "━" * 24), len("  9999 per second"), len(" 0:00:00 left")


def result(text: str = "", *, dim: bool = False) -> None:
    """Print a result: one line in a pipe, as many as it takes on a terminal; dim for places and what is always said."""
    _show(text, sys.stdout, dim=dim)


def drawing(line: str) -> None:
    """Print a line that was made for the width of the terminal."""
    print(line)


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


def note(text: str, *, dim: bool = False) -> None:
    """Print what is being done, or a remark on a result, as `result` does."""
    _show(text, sys.stderr, dim=dim)


def _show(text: str, stream: TextIO, *, dim: bool = False, label: str = "", style: str = "") -> None:
    """Print words, after a label in its style."""
    first, *others = wrapped(f"{label}{visible_line(text)}", stream)
    if label and not dim:
        label = label.rstrip()
        first = styled(label, style, stream) + first.removeprefix(label)
    for line in (first, *others):
        print(styled(line, "dim" if dim else "", stream), file=stream)
    if stream is sys.stderr:
        stream.flush()


def weighed(label: str, text: str, weight: str) -> None:
    """Print a result after a label in the color of its weight, one of `Weight`."""
    _show(text, sys.stdout, label=label, style=weight)


def show_error(problem: CxrError) -> None:
    """Print an error, and what to do next."""
    _show(problem.message, sys.stderr, label="Error: ", style="alarm")
    if problem.hint:
        note(problem.hint)


def ask(question: str) -> bool:
    """Ask on the terminal; anything but a yes is a no."""
    note(f"{question} [y/N]")
    try:
        return input().strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def show_errors(problems: Sequence[CxrError], *, films: int, where: object) -> None:
    """Print the errors of films: of one film with what to do next, of many the first few.

    Args:
        problems: the errors.
        films: how many there are in all.
        where: the file that has the others.
    """
    if films == 1:
        for problem in problems:
            show_error(problem)
        return
    for problem in problems[:FEW]:
        show_error(CxrError(problem.message))
    show_more(len(problems), where, aside=True)


def show_more(count: int, where: object = "", *, aside: bool = False) -> None:
    """Say how many of a list were not printed after the first `FEW`, and which file has them; aside, on stderr."""
    if count > FEW:
        place = f": {where}" if where else ""
        _show(f"… and {count - FEW:,} more{place}", sys.stderr if aside else sys.stdout)


def show_doubts(doubts: "Iterable[Doubt]", *, aside: bool = False) -> None:
    """Print what speaks against a result, the loudest first; aside, on stderr, where the result is for programs."""
    from cxr_cli.doubts import loudest_first

    for doubt in loudest_first(doubts):
        weight, text = str(doubt.weight), str(doubt)
        label = text[: len(weight) + 2]
        stream = sys.stderr if aside else sys.stdout
        _show(text.removeprefix(label), stream, label=label, style=weight, dim=weight == "note")


def show_table(
    columns: "Sequence[TableColumn | str]",
    rows: Sequence[Sequence[object]],
    *,
    indent: int = 0,
    rule: bool = False,
    rest: str = "--json",
) -> None:
    """Print a table that is never wider than the terminal; in a pipe, one line for each row.

    Args:
        columns: each with its importance, or a heading alone, which is never left out. The first one is words, to the
            left; the others are figures, to the right, unless they say that they are words.
        rows: the cells of each, as many as `columns`.
        indent: spaces before each line.
        rule: draw a line below the headings.
        rest: option that shows the columns which have no room.
    """
    from cxr_cli.cli.tables import TableColumn, lay_out

    def _column(given: TableColumn | str) -> TableColumn:
        return given if isinstance(given, TableColumn) else TableColumn(given)

    width = width_of(sys.stdout)
    table = lay_out(
        [column._replace(title=visible(column.title)) for column in map(_column, columns)],
        # A line feed in a cell is meant where a heading has one, and spelled where it comes from a name.
        [[visible_line(str(cell)) for cell in row] for row in rows],
        width=None if width is None else width - indent,
    )
    for line in table.header:
        print(" " * indent + styled(line, "strong", sys.stdout))
    if rule:
        line = "─" * max(map(len, (*table.header, *table.body)))
        print(" " * indent + drawn(line, sys.stdout))
    for line in table.body:
        print(" " * indent + line)
    if table.left_out:
        count = f"{len(table.left_out)} column{'s' if len(table.left_out) > 1 else ''}"
        result(f"({count} left out: {', '.join(table.left_out)}; widen the terminal or see {rest})", dim=True)


def _per_second(done: int, seconds: float) -> str:
    """The rate of a step; empty in its first second."""
    rate = done / seconds if seconds >= 1 else 0.0
    if rate >= 10:
        return f"{rate:.0f} per second"
    return f"{rate:.1f} per second" if rate >= 0.1 else f"{1 / rate:.0f} s each" if rate else ""


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
        self._narrow = False  # the terminal has no room for the quality beside a step

    def track(self, items: Iterable[T], description: str, *, total: int) -> Iterator[T]:
        """Yield items with a bar on a terminal, a plain line in a log."""
        started = time.monotonic()
        if not sys.stderr.isatty():
            yield from self._log(items, description, total, started)
            return
        described, counted = visible_line(description), "{task.completed}/{task.total}"
        letters = len(f"{described} {total}/{total}")
        if _fits(letters + _BAR + _RATE):
            counted += "  {task.fields[rate]}"
        with _bar("{task.description}", counted, bar=_fits(letters + _BAR)) as bar:
            task = bar.add_task(described, total=total, rate="")
            for done, item in enumerate(items, start=1):
                yield item
                bar.update(task, completed=done, rate=_per_second(done, time.monotonic() - started))

    def _log(self, items: Iterable[T], description: str, total: int, started: float) -> Iterator[T]:
        """Note how far it is every ten seconds, and in the end."""
        shown, done = started, 0
        note(f"{description}: {total}")
        for done, item in enumerate(items, start=1):
            yield item
            now = time.monotonic()
            if done < total and now - shown > _LOG_SECONDS:
                shown, passed = now, now - started
                left = _left((total - done) * passed / done)
                note(f"{description}: {done} of {total}, {_per_second(done, passed)}, {left}")
        if shown > started:
            note(f"{description}: {done} of {total}, done")

    def note(self, text: str) -> None:
        """Print what is being done now."""
        note(text)

    def begin_phase(self, phase: str, *, first_epoch: int, epochs: int, steps: int) -> None:
        """Show a bar over all steps of the phase, so that it knows the time left."""
        self._steps = steps
        self._last_epoch = first_epoch + epochs - 1
        work = {"train": "Training", "fine-tune": "Fine-tuning"}[phase]
        length = f"{epochs} epoch{'s' * (epochs != 1)} of {steps} step{'s' * (steps != 1)}"
        note(f"{work}: at most {length}")
        if sys.stderr.isatty():
            letters = len(f"epoch {self._last_epoch} step {steps}/{steps}  loss 0.000  val Dice 0.000")
            self._progress = _bar("{task.description}", "{task.fields[state]}", bar=_fits(letters + _BAR))
            self._narrow = not _fits(letters)
            self._task = self._progress.add_task(f"epoch {first_epoch}", total=epochs * steps, state="")
            self._progress.start()

    def end_step(self, step: int, loss: float) -> None:
        """Move the bar."""
        if self._progress:
            state = f"step {step}/{self._steps}  loss {loss:.3f}" + ("" if self._narrow else f"  {self._quality}")
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
            self._progress.update(self._task, description=f"epoch {min(row.epoch + 1, self._last_epoch)}")
        else:
            note(line)

    def end_phase(self) -> None:
        """Remove the bar."""
        if self._progress:
            self._progress.stop()
        self._progress = None


def _fits(letters: int) -> bool:
    """Whether a progress line of this length leaves room for the time."""
    width = width_of(sys.stderr)
    return width is None or letters + _TIME <= width


def _bar(before: str, after: str, *, bar: bool = True) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn(before, markup=False),
        *([BarColumn(bar_width=_BAR - 1)] if bar else []),
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
