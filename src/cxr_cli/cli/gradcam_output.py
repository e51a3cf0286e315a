"""What `cxr gradcam` prints."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cxr_cli.cli import console
from cxr_cli.cli.answer_output import show_answer
from cxr_cli.cli.exit_codes import ExitCode, exit_code_of
from cxr_cli.cli.tables import TableColumn
from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.errors import AbstentionError
from cxr_cli.explanation.methods import DEFAULT, MAP_METHODS
from cxr_cli.numbers import UNDEFINED, figure, spread

if TYPE_CHECKING:
    from cxr_cli.explanation.explain import WrittenHeatMap
    from cxr_cli.explanation.explain_all import Gallery
    from cxr_cli.explanation.record import GradesRecord
    from cxr_cli.workspace.folders import GalleryFolder

_GRADES = (
    TableColumn(),
    TableColumn("measured"),
    TableColumn("95% interval"),
    TableColumn("chance", drop=1),
    TableColumn("films", drop=3),
    TableColumn("patients", drop=2),
)
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


def show_abstention(film: Path, error: AbstentionError, *, as_json: bool) -> None:
    """Print that a film gets no class, and so no heat map."""
    if as_json:
        console.result_json({"image": str(film), "class": None, "reason": error.reason, "heatmap": None})
    else:
        console.result(str(film))
        console.result(f"  Class      : none ({error.reason})")
        console.result("  Heat map   : none")
    console.note(error.hint)
    raise typer.Exit(exit_code_of(done=0, failed=1))


def show_heat_maps(made: "WrittenHeatMap | Gallery", *, as_json: bool) -> None:
    """Print what a heat map or a gallery shows, and where it is.

    Args:
        made: the heat map or the gallery.
        as_json: print it for programs.

    Raises:
        typer.Exit: a film could not be read.
    """
    from cxr_cli.explanation.explain import WrittenHeatMap

    for problem in made.unwritten:
        console.show_error(problem)
    if isinstance(made, WrittenHeatMap):
        _show_one(made, as_json=as_json)
    else:
        _show_gallery(made, as_json=as_json)
    if made.unwritten:
        raise typer.Exit(ExitCode.SOME_FILMS_FAILED)


def _show_one(made: "WrittenHeatMap", *, as_json: bool) -> None:
    from cxr_cli.prediction.abstention import abstention_summary
    from cxr_cli.prediction.files import seen_sentence

    heat, prediction = made.heat, made.heat.prediction
    method = MAP_METHODS[heat.method]
    if prediction.whole:
        console.note(f"Note: {prediction.whole}.")
    if heat.blank:
        console.note(heat.caption)
    if method.note:
        console.note(f"Note: {method.note}")
    if prediction.doubt:
        console.note(abstention_summary(Counter([prediction.doubt]), films=1, forced=True))
    if as_json:
        console.result_json(
            {
                "image": str(made.film),
                "class": prediction.label,
                "confidence": round(prediction.confidence, 6),
                "probabilities": {label: round(value, 6) for label, value in prediction.probabilities.items()},
                "reason": prediction.doubt or None,
                "model": heat.run,
                "method": heat.method,
                "target": heat.target or None,
                "heatmap": str(made.output),
                "explains": heat.explained,
                "seen": made.seen,
                "doubts": [asdict(doubt) for doubt in made.doubts],
            }
        )
    else:
        part = "" if heat.explained == heat.run else f"of {heat.explained}"
        title = "" if heat.method == DEFAULT else method.title
        what = ", ".join(filter(None, [title, f"for {heat.target}" if heat.target else "", part]))
        console.result(str(made.film))
        show_answer(prediction.answer)
        console.result(f"  Heat map   : {made.output} ({what})")
    console.show_doubts(made.doubts, aside=True)
    if made.seen:
        console.note(seen_sentence(heat.run, made.seen))
    console.note(f"Predicted by {made.run.title}. {DISCLAIMER}", dim=True)


def _show_gallery(gallery: "Gallery", *, as_json: bool) -> None:
    import msgspec

    from cxr_cli.prediction.abstention import abstention_summary

    record, errors = gallery.record, gallery.errors
    films = len(record.films) + len(errors)
    unread = [error for error in errors if not isinstance(error, AbstentionError)]
    console.show_errors(unread, films=films, where=gallery.folder.record)
    if as_json:
        console.result_json(msgspec.to_builtins(record) | {"doubts": [asdict(doubt) for doubt in gallery.doubts]})
    elif record.films:
        _show_grades(record, gallery.folder)
    elif films == 1:  # of several, the note below counts the reasons
        for image, reason in record.abstained.items():
            console.result(image)
            console.result(f"  Class      : none ({reason})")
    if record.films:
        console.show_doubts(gallery.doubts, aside=True)
        for note in record.notes:
            console.note(f"Note: {note}")
        console.note(f"Predicted by {gallery.run.title}. {DISCLAIMER}", dim=True)
    if record.abstained:
        console.note(abstention_summary(Counter(record.abstained.values()), films=films, forced=False))
    if errors:
        if unread and films > 1:
            console.note(f"{len(unread)} of {films} films could not be read.")
        raise typer.Exit(exit_code_of(done=len(record.films), failed=len(errors)))


def _show_grades(record: "GradesRecord", folder: "GalleryFolder") -> None:
    method = MAP_METHODS[record.method]
    what = f"evidence for {record.target or 'each predicted class'}" if method.of_class else "of no class"
    console.result(f"{len(record.films)} heat maps by {method.title} of {record.explained}, {what}")
    if record.wrong is not None:
        console.result(f"  Wrong        : {record.wrong}")
    console.result(f"  Blank maps   : {record.blank}")
    if record.grades:
        console.result()
        console.show_table(
            _GRADES,
            [
                (
                    _FIGURES[name],
                    figure(grade.value),
                    spread(grade.interval) or UNDEFINED,
                    figure(grade.chance),
                    grade.films,
                    grade.groups,
                )
                for name, grade in record.grades.items()
            ],
            indent=2,
        )
    if record.randomization:
        console.result()
        for name, verdict in record.randomization.verdicts.items():
            passed = "passes" if record.randomization.passed[name] else "fails"
            console.result(f"  {MAP_METHODS[name].title:<10}  {passed:<6}  {verdict}")
    console.result()
    console.result(f"  Gallery, {record.order}: {folder.page}")
    console.result(f"  Figures of each film: {folder.table}")
