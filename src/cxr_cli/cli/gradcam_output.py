"""What `cxr gradcam` does with many films, and what it prints."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cxr_cli.cli import console
from cxr_cli.cli.exit_codes import exit_code_of
from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.explanation.methods import DEFAULT, MAP_METHODS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cxr_cli.explanation.explain import Explained
    from cxr_cli.explanation.jobs import Jobs, Options
    from cxr_cli.explanation.record import GradesRecord, Randomization
    from cxr_cli.metrics.intervals import Interval
    from cxr_cli.prediction.predictor import Predictor
    from cxr_cli.workspace.folders import GalleryFolder
    from cxr_cli.workspace.layout import Workspace

_RANDOMIZED = 12  # films, of all that there are
_FIGURES = {
    "lung_energy": "heat inside the lungs",
    "lung_ratio": "  ratio to the lungs' area",
    "lung_gain": "  more than others' maps by",
    "lung_pointing": "hottest point in the lungs",
    "pointing_game": "hottest point in an opacity",
    "pointing_game_near": "  or near one",
    "deletion": "deletion, area under the curve",
    "deletion_gain": "  better than random by",
    "insertion": "insertion, area under the curve",
    "insertion_gain": "  better than random by",
}


def show_one(found: "Explained", film: Path, *, as_json: bool) -> None:
    """Print where the heat map of one film is."""
    method = MAP_METHODS[found.method]
    if found.answer.whole:
        console.note(f"Note: {found.answer.whole}.")
    if found.blank:
        console.note(found.caption)
    if method.note:
        console.note(f"Note: {method.note}")
    if as_json:
        console.result_json(
            {
                "image": str(film),
                "class": found.answer.label,
                "confidence": round(found.answer.confidence, 6),
                "probabilities": {label: round(value, 6) for label, value in found.answer.probabilities.items()},
                "model": found.run,
                "method": found.method,
                "target": found.target or None,
                "heatmap": str(found.output),
                "explains": found.explained,
            }
        )
    else:
        part = "" if found.explained == found.run else f"of {found.explained}"
        title = "" if found.method == DEFAULT else method.title
        said = ", ".join(filter(None, [title, f"for {found.target}" if found.target else "", part]))
        console.result(str(film))
        console.result(f"  Class      : {found.answer.label}")
        console.result(f"  Confidence : {found.answer.confidence:.1%}")
        if found.answer.decision:
            console.result(f"  Decided by : {found.answer.decision}")
        console.result(f"  Heat map   : {found.output} ({said})")
    console.note(f"Answered by the run {found.run}. {DISCLAIMER}")


def make_gallery(
    workspace: "Workspace",
    films: "Sequence[Path]",
    output: Path | None,
    options: "Options",
    *,
    split: str | None,
    run: str | None,
    randomize: bool,
    as_json: bool,
) -> None:
    """Make the heat maps of many films, and print what they are worth.

    Raises:
        CxrError: `output` is a picture, or see `gallery.make_gallery`.
        typer.Exit: a film gave no answer.
    """
    import msgspec

    from cxr_cli.errors import CxrError
    from cxr_cli.explanation.explain import PICTURES
    from cxr_cli.explanation.gallery import make_gallery as make
    from cxr_cli.explanation.jobs import find_jobs
    from cxr_cli.prediction.predictor import open_predictor
    from cxr_cli.workspace.folders import GalleryFolder

    if output and output.suffix.lower() in {*PICTURES, ".npy"}:
        raise CxrError(
            f"Expected a folder for the heat maps of many films. Received: {output}.", hint="For example: -o gallery"
        )
    predictor = open_predictor(workspace.run(run))
    jobs = find_jobs(workspace, predictor, films, split=split)
    own = workspace.gallery(predictor.run.name, options.method, split or "films")
    folder = GalleryFolder(output) if output else own
    record, errors = make(
        predictor,
        jobs,
        folder,
        options,
        randomization=_randomization(predictor, jobs, options) if randomize else None,
    )
    for error in errors:
        console.error(error if len(jobs.films) == 1 else CxrError(error.message))
    if as_json:
        console.result_json(msgspec.to_builtins(record))
    elif record.films:
        _show(record, folder)
    if record.films:
        console.note(f"Answered by the run {record.run}. {DISCLAIMER}")
    if errors:
        if len(jobs.films) > 1:
            console.note(f"{len(errors)} of {len(jobs.films)} files gave no answer.")
        raise typer.Exit(exit_code_of(done=len(record.films), failed=len(errors)))


def _randomization(predictor: "Predictor", jobs: "Jobs", options: "Options") -> "Randomization | None":
    from cxr_cli.explanation.gallery import shown_films

    films, positives = shown_films(predictor, jobs, options, at_most=_RANDOMIZED)
    if not len(films):
        return None
    console.note("Loading TensorFlow")
    from cxr_cli.explanation.randomization import randomize

    return randomize(predictor.run, films, positives, seed=options.seed)


def _show(record: "GradesRecord", folder: "GalleryFolder") -> None:
    for note in record.notes:
        console.note(f"Note: {note}")
    what = f"evidence for {record.target or 'each answer'}" if MAP_METHODS[record.method].of_class else "of no class"
    console.result(f"{len(record.films)} heat maps by {MAP_METHODS[record.method].title} of {record.explained}, {what}")
    if record.wrong is not None:
        console.result(f"  Wrong answers : {record.wrong}")
    console.result(f"  Blank maps    : {record.blank}")
    if record.grades:
        console.result()
        console.table(
            [
                ("", "found", "95 % interval", "chance", "films", "patients"),
                *(
                    (
                        _FIGURES[name],
                        _figure(grade.value),
                        _spread(grade.interval),
                        _figure(grade.chance),
                        grade.films,
                        grade.groups,
                    )
                    for name, grade in record.grades.items()
                ),
            ]
        )
    if record.randomization:
        console.result()
        for name, verdict in record.randomization.verdicts.items():
            passed = "passes" if record.randomization.passed[name] else "fails"
            console.result(f"  {MAP_METHODS[name].title:<10}  {passed:<6}  {verdict}")
    console.result()
    console.result(f"  Gallery, {record.order}: {folder.page}")
    console.result(f"  Figures of each film: {folder.table}")


def _spread(interval: "Interval | None") -> str:
    return "–" if interval is None else f"{_figure(interval.low)} to {_figure(interval.high)}"


def _figure(value: float) -> str:
    return f"{round(value, 3) + 0.0:.3f}"  # no "-0.000"
