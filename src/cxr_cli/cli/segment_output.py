"""What `cxr segment` tells people."""

from typing import TYPE_CHECKING

from cxr_cli.cli import console
from cxr_cli.disclaimer import DISCLAIMER

if TYPE_CHECKING:
    from cxr_cli.lungs.record import SegmentationRecord, SegmentedFilm
    from cxr_cli.workspace.folders import SegmentationFolder


def show_film(film: "SegmentedFilm") -> None:
    """Print what was found in one film."""
    console.result(film.image)
    if film.ok:
        console.result(f"  Lungs    : {film.area:.1%} of the film")
    else:
        console.result(f"  Doubtful : {'; '.join(film.flags)}")
    if film.dice is not None:
        console.result(f"  Dice     : {film.dice:.3f} (IoU {film.iou:.3f})")
    console.result(f"  Mask     : {film.mask}")
    console.result(f"  Overlay  : {film.overlay}")


def show_summary(record: "SegmentationRecord", folder: "SegmentationFolder") -> None:
    """Print what all films come to, and where the files are."""
    console.result()
    if len(record.films) > 1:
        console.result(f"{len(record.films)} films by {record.method}, {record.doubtful} of them doubtful")
    if record.without_reference:
        console.result(f"{record.without_reference} films have no mask in {record.reference}: they are not scored")
    found = record.agreement
    if found and found.films > 1:
        console.result(f"Against {found.films} masks in {record.reference}:")
        console.table(
            [
                ("", "mean", "median"),
                ("Dice", f"{found.dice_mean:.3f}", f"{found.dice_median:.3f}"),
                ("IoU", f"{found.iou_mean:.3f}", f"{found.iou_median:.3f}"),
            ]
        )
        if found.films_ok < found.films:
            count = found.films - found.films_ok
            without = "no film is left" if found.dice_mean_ok is None else f"mean Dice {found.dice_mean_ok:.3f}"
            console.result(f"Without the doubtful ones ({count}): {without}")
        console.result("The worst:")
        console.table([(image, f"{dice:.3f}") for image, dice in found.worst.items()])
    console.result(f"Files: {folder.root}")
    console.result(DISCLAIMER)
