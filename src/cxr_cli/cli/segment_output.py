"""What `cxr segment` prints."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cxr_cli.cli import console
from cxr_cli.cli.exit_codes import ExitCode, exit_code_of
from cxr_cli.disclaimer import DISCLAIMER

if TYPE_CHECKING:
    from cxr_cli.lungs.record import SegmentationRecord, SegmentedFilm
    from cxr_cli.lungs.segment_all import Segmentation
    from cxr_cli.workspace.folders import SegmentationFolder

_EACH = 3  # films whose lungs are described one by one; of more, only what is doubtful


def show_segmentation(made: "Segmentation", *, as_json: bool) -> None:
    """Print the lungs of a few films, of many those that are doubtful, and a summary.

    Raises:
        typer.Exit: a film could not be read.
    """
    import msgspec

    record, errors = made.record, made.errors
    films = len(record.films) + len(errors)
    console.show_errors([*errors, *made.unwritten], films=films, where=made.folder.record)
    if as_json:
        console.result_json(msgspec.to_builtins(record))
    elif record.films:
        if len(record.films) <= _EACH:
            for film in record.films:
                _show_film(film)
            console.result()
        _show_summary(record, made.folder)
    if errors:
        if films > 1:
            console.note(f"{len(errors)} of {films} films could not be read.")
        raise typer.Exit(exit_code_of(done=len(record.films), failed=len(errors)))
    if made.unwritten:
        raise typer.Exit(ExitCode.SOME_FILMS_FAILED)


def _show_film(film: "SegmentedFilm") -> None:
    console.result(_shown(film.image))
    if film.ok:
        console.result(f"  Lungs    : {film.area:.1%} of the film")
    else:
        console.result(f"  Doubtful : {'; '.join(film.flags)}")
    if film.dice is not None:
        console.result(f"  Dice     : {film.dice:.3f} (IoU {film.iou:.3f})")
    console.result(f"  Mask     : {film.mask}", dim=True)
    console.result(f"  Overlay  : {film.overlay}", dim=True)


def _shown(image: str) -> str:
    """The path of a film from the current folder, if it lies in it: records have absolute paths."""
    return os.path.relpath(image) if Path(image).is_relative_to(Path.cwd()) else image


def _show_summary(record: "SegmentationRecord", folder: "SegmentationFolder") -> None:
    if len(record.films) > 1:
        console.result(f"{len(record.films)} films by {record.method}, {record.doubtful} of them doubtful")
    if len(record.films) > _EACH:
        doubtful = [film for film in record.films if not film.ok]
        for film in doubtful[: console.FEW]:
            console.result(f"  {_shown(film.image)}: {'; '.join(film.flags)}")
        console.show_more(len(doubtful), folder.table)
    if record.without_reference:
        console.result(f"{record.without_reference} films have no mask in {record.reference}: they are not scored")
    agreement = record.agreement
    if agreement and agreement.films > 1:
        console.result(f"Against {agreement.films} masks in {record.reference}:")
        console.show_table(
            ["", "mean", "median"],
            [
                ("Dice", f"{agreement.dice_mean:.3f}", f"{agreement.dice_median:.3f}"),
                ("IoU", f"{agreement.iou_mean:.3f}", f"{agreement.iou_median:.3f}"),
            ],
            indent=2,
        )
        if agreement.films_ok < agreement.films:
            count = agreement.films - agreement.films_ok
            without = "no film is left" if agreement.dice_mean_ok is None else f"mean Dice {agreement.dice_mean_ok:.3f}"
            console.result(f"Without the doubtful ones ({count}): {without}")
        console.result("The lowest Dice:")
        console.show_table(
            ["", ""], [(_shown(image), f"{dice:.3f}") for image, dice in agreement.worst.items()], indent=2
        )
    if len(record.films) > _EACH:
        console.result(f"Each film: {folder.table}", dim=True)
    console.result(f"Files: {folder.root}", dim=True)
    console.result(DISCLAIMER, dim=True)
