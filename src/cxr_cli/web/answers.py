"""What the page gets to show, as JSON: a run's answer for a film, and how the run did on its test films."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.doubts import Doubt, alarm, loudest_first
from cxr_cli.errors import CxrError
from cxr_cli.evaluation.caveats import caveats as caveats_of
from cxr_cli.evaluation.current import why_outdated
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.films.overlay import heat_palette
from cxr_cli.metrics.table import meaning_of, metrics_in
from cxr_cli.recipe.record import RunRecord
from cxr_cli.reporting.run_doubts import run_doubts
from cxr_cli.workspace.folders import BUNDLED, RunFolder
from cxr_cli.workspace.layout import Workspace, has_bundled_run
from cxr_cli.workspace.records import read_record


class Problem(msgspec.Struct, frozen=True):
    """An error, worded as on the command line."""

    message: str
    hint: str = ""

    @classmethod
    def of(cls, error: CxrError, workspace: Workspace | None = None) -> "Problem":
        """The same, without Python's part of it, and without where the workspace is."""
        message, hint = error.message, error.hint or ""
        return cls(_unplaced(message, workspace), _unplaced(hint, workspace)) if workspace else cls(message, hint)


class ShownHeat(msgspec.Struct, frozen=True):
    """A heat map, to be laid over the whole film."""

    width: int
    height: int
    levels: bytes  # a byte for each place, row by row: 255 is the map's largest value
    caption: str  # what it shows
    frame: Sequence[float] = ()  # left, top, right and bottom of the part that the model was shown, as shares


class FilmAnswer(msgspec.Struct, frozen=True):
    """What a run says about a film."""

    run: str = ""  # with the version of the model in the package
    row: dict[str, Any] = {}  # as `predict --json` prints it
    confidence: str | None = None  # of the class that is called; None where it is the less probable one
    sentences: Sequence[str] = ()  # what else belongs to the answer
    doubts: Sequence[Doubt] = ()  # what speaks against it
    size: Sequence[int] = ()  # width and height of the film
    thumbnail: bytes = b""  # a small JPEG
    heat: ShownHeat | None = None
    error: Problem | None = None  # why the film can't be read


class MetricFigure(msgspec.Struct, frozen=True):
    """A metric of a run, in words."""

    label: str
    figure: str
    interval: str
    meaning: str


class RunFigures(msgspec.Struct, frozen=True):
    """How a run did on its test films."""

    run: str
    metrics: Sequence[MetricFigure] = ()
    notes: Sequence[str] = ()
    caveats: Sequence[Doubt] = ()  # what limits these figures, the loudest first
    doubts: Sequence[Doubt] = ()  # what speaks against any answer of the run, the loudest first
    command: str = ""  # to run next
    error: Problem | None = None


class PageStart(msgspec.Struct, frozen=True):
    """What the page needs when it is opened."""

    runs: Sequence[str]  # the latest first, the model in the package last
    first: str | None  # the run to begin with
    samples: Sequence[str]  # names of films to try
    film_mb: int  # the largest film
    disclaimer: str
    palette: bytes  # red, green and blue of each heat level from 0 to 255


def page_start(
    workspace: Workspace, *, first_run: str | None = None, samples: Sequence[str] = (), film_mb: int = 100
) -> PageStart:
    """What the page needs when it is opened.

    Args:
        workspace: where the runs are.
        first_run: the run to begin with. Defaults to the latest, also if there is no run of that name any more.
        samples: names of films to try. Defaults to none.
        film_mb: megabytes of the largest film. Defaults to 100.
    """
    runs = [folder.name for folder in reversed(workspace.runs())] + ([BUNDLED] if has_bundled_run() else [])
    return PageStart(
        runs=runs,
        first=first_run if first_run in runs else next(iter(runs), None),
        samples=samples,
        film_mb=film_mb,
        disclaimer=DISCLAIMER,
        palette=np.ascontiguousarray(heat_palette()).tobytes(),
    )


def run_figures(workspace: Workspace, run: str) -> RunFigures:
    """How a run did on its test films, as `cxr evaluate` measured it, and whether that is out of date.

    Args:
        workspace: where the run is.
        run: its name.
    """
    command = f"cxr evaluate {run}"
    try:
        folder = workspace.run(run)
        trained = read_record(folder.record, RunRecord)
        path = workspace.evaluation(run, "test").record
        if path.is_file():
            dataset = workspace.dataset.record
            evaluation = read_record(path, EvaluationRecord)
            made = read_record(dataset, DatasetRecord) if dataset.is_file() else None
            figures = _tested(evaluation, outdated=why_outdated(evaluation, trained, made), command=command)
        elif folder.version:
            figures = RunFigures(run, notes=[f"See its model card, {folder.model_card.name} in the package."])
        else:
            figures = RunFigures(run, notes=["Not tested yet."], command=command)
        doubts = page_doubts(workspace, folder)
        caveats = [caveat for caveat in figures.caveats if not any(_is_said(caveat, doubt) for doubt in doubts)]
        return msgspec.structs.replace(figures, caveats=caveats, doubts=doubts)
    except CxrError as error:
        return RunFigures(run, error=Problem.of(error, workspace))


def page_doubts(workspace: Workspace, run: RunFolder) -> list[Doubt]:
    """What speaks against a run, as `run_doubts` says it, but without where the workspace is.

    Args:
        workspace: with the run's evaluations and audits.
        run: its folder.
    """
    return [replace(doubt, hint=_unplaced(doubt.hint, workspace)) for doubt in run_doubts(workspace, run)]


def _unplaced(text: str, workspace: Workspace) -> str:
    """A text with the name of the workspace in place of its path: whoever opens the page need not know the server."""
    root = workspace.root
    return text.replace(str(root), root.name) if root.is_absolute() else text


def _is_said(caveat: Doubt, doubt: Doubt) -> bool:
    """Whether a doubt about the run says the same as a caveat of its test, but for its first words."""
    return caveat.sentence[1:] in doubt.sentence


def _tested(evaluation: EvaluationRecord, *, outdated: str, command: str) -> RunFigures:
    old = [alarm(f"These figures are out of date, because {outdated}.", f"Test the run again: {command}")]
    point = evaluation.operating_point
    chosen = f" ({point.chosen})" if point else ""
    return RunFigures(
        evaluation.run,
        metrics=_metrics(evaluation),
        notes=[
            f"{evaluation.counted()}. Positive class: {evaluation.positive}, from a probability of "
            f"{evaluation.threshold:.3g}{chosen}."
        ],
        caveats=loudest_first([*(old if outdated else []), *caveats_of(evaluation)]),
    )


def _metrics(evaluation: EvaluationRecord) -> list[MetricFigure]:
    figures = []
    for metric in metrics_in("page"):
        value, interval = evaluation.metrics[metric.name], evaluation.intervals[metric.name]
        meaning = meaning_of(
            metric, evaluation.confusion_matrix, positive=evaluation.positive, negative=evaluation.negative
        )
        figures.append(
            MetricFigure(
                metric.label,
                "not defined" if value is None else f"{value:.3f}",
                f"{interval.low:.2f} to {interval.high:.2f}" if interval else "",
                meaning,
            )
        )
    return figures
