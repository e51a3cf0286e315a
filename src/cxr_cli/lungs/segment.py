"""The lungs of image files: files come in; masks, pictures and the agreement with reference masks go out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median

import msgspec
import numpy as np
from PIL import Image

from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.errors import CxrError, ImageError
from cxr_cli.films.figures import save_picture
from cxr_cli.films.file_names import file_names
from cxr_cli.films.overlay import draw_clusters, draw_mask
from cxr_cli.films.reader import frame_chosen, read_film
from cxr_cli.lungs.keep import Segmented, segment_lungs
from cxr_cli.lungs.masks import dice, iou
from cxr_cli.lungs.record import Agreement, SegmentationRecord, SegmentedFilm
from cxr_cli.nearest import no_folder, path_meant
from cxr_cli.workspace.files import write_table
from cxr_cli.workspace.folders import SegmentationFolder
from cxr_cli.workspace.records import stamp, write_record

_WORST = 5  # films named in a summary
_LONGEST_NAME = 240  # bytes, which leaves room for a suffix


def named(films: Iterable[Path]) -> dict[str, Path]:
    """Give each film a unique name: its file name, preceded by its folders if two films have the same one.

    Example: `a/film.png`, `b/film.png` and `c.png` are `a__film.png`, `b__film.png` and `c.png`. A mask, heat map or
    picture has this name and one more suffix, so what a system can't write is left out, as in `file_names`.
    """
    whole = list({film.absolute(): film for film in films})
    # By lower case: on Windows and macOS, Film.png and film.png are one file.
    shared = Counter(film.name.lower() for film in whole)
    names = [film.name for film in whole]
    for depth in range(2, max((len(film.parts) for film in whole), default=0)):
        names = [film.name if shared[film.name.lower()] == 1 else "__".join(film.parts[1:][-depth:]) for film in whole]
        if len({name.lower() for name in names}) == len(whole):
            break
    return dict(zip(file_names(names, longest=_LONGEST_NAME), whole, strict=True))


def find_reference(folder: Path, film: Path) -> Path | None:
    """The reference mask of a film: `<file name>.png` in `folder`, else `<file name without suffix>.png`."""
    return next((path for name in (film.name, film.stem) if (path := folder / f"{name}.png").is_file()), None)


def check_reference(folder: Path, films: Iterable[Path], *, option: str = "--reference") -> None:
    """Refuse a folder that holds no mask of the films.

    Args:
        folder: the folder of masks.
        films: the films that the masks should be of.
        option: the option that named the folder. Defaults to --reference.

    Raises:
        CxrError: it is no folder, or has no mask of any of the films.
    """
    if not folder.is_dir():
        raise CxrError(
            f"Expected a folder of masks. Received: {no_folder(folder)}.",
            hint=path_meant(folder, f"For example: {option} masks"),
        )
    listed = list(films)
    if not any(find_reference(folder, film) for film in listed):
        example = listed[0].name
        raise CxrError(
            f"Expected masks of the films in {folder}. Received: none that has a film's name.",
            hint=f"A mask of {example} is called {example}.png or {Path(example).stem}.png",
        )


def segment_files(
    jobs: dict[str, Path], folder: SegmentationFolder, *, method: str, model: Path | None, reference: Path | None
) -> Iterator[tuple[Path, SegmentedFilm | ImageError]]:
    """Find the lungs of each file of `named`, and write what `segment_file` writes.

    Args:
        jobs: films by name, of `named`.
        folder: where the files go.
        method: a name of `SEGMENTATION_METHODS`, or of the run of `model`.
        model: the `model.tflite` of a run that finds lungs, or None.
        reference: a folder of masks to compare with, or None.

    Yields:
        Each file with its lungs, or the error if it can't be read.

    Raises:
        WorkspaceError: the folder can't be written to.
    """
    for name, film in jobs.items():
        drawn = find_reference(reference, film) if reference else None
        try:
            yield film, segment_file(film, name, folder, method=method, model=model, reference=drawn)
        except ImageError as problem:
            yield film, problem


def segment_file(
    film: Path,
    name: str,
    folder: SegmentationFolder,
    *,
    method: str,
    model: Path | None = None,
    reference: Path | None = None,
) -> SegmentedFilm:
    """Find the lungs of one file, and write mask, overlay and, if the method clusters, the cluster map.

    Args:
        film: an image file.
        name: the name of the written files.
        folder: where they go.
        method: a name of `SEGMENTATION_METHODS`, or of the run of `model`.
        model: the `model.tflite` of a run that finds lungs, or None.
        reference: a mask of the film's lungs, of the same size, 0 outside; or None.

    Raises:
        ImageError: the film or the reference can't be read, or the reference has another size.
        WorkspaceError: the folder can't be written to.
    """
    pixels = read_film(film)
    drawn = None if reference is None else read_reference(reference, film, pixels.shape)
    lungs = segment_lungs(pixels, method, model)
    mask, other = folder.mask(name), folder.doubtful(name)
    if not lungs.ok:
        mask, other = other, mask
    save_picture(Image.fromarray(lungs.mask).convert("L"), mask)
    other.unlink(missing_ok=True)  # written by an earlier command with another result
    save_picture(draw_mask(pixels, lungs.mask, title=_title(lungs, method), caption=DISCLAIMER), folder.overlay(name))
    if lungs.clusters is None:
        folder.clusters(name).unlink(missing_ok=True)
    else:
        save_picture(draw_clusters(lungs.clusters), folder.clusters(name))
    return SegmentedFilm(
        image=str(film),
        ok=lungs.ok,
        flags=list(lungs.flags),
        lungs=lungs.lungs,
        area=round(lungs.area, 4),
        balance=round(lungs.balance, 4),
        border=round(lungs.border, 4),
        contrast=None if lungs.contrast is None else round(lungs.contrast, 4),
        certainty=None if lungs.certainty is None else round(lungs.certainty, 4),
        mask=str(mask),
        overlay=str(folder.overlay(name)),
        clusters=None if lungs.clusters is None else str(folder.clusters(name)),
        reference=str(reference) if reference else None,
        dice=None if drawn is None else round(dice(lungs.mask, drawn), 4),
        iou=None if drawn is None else round(iou(lungs.mask, drawn), 4),
    )


def summarize(
    films: Sequence[SegmentedFilm],
    failed: Mapping[Path, ImageError],
    folder: SegmentationFolder,
    *,
    method: str,
    reference: Path | None,
) -> SegmentationRecord:
    """Write the table and the record of the films that were segmented and of those that could not be read.

    If no film could be read, nothing is written.

    Raises:
        WorkspaceError: the folder can't be written to.
    """
    record = SegmentationRecord(
        schema_version=SegmentationRecord.VERSION,
        **stamp(),
        method=method,
        reference=str(reference) if reference else None,
        films=list(films),
        failed={str(film): error.message for film, error in failed.items()},
        doubtful=sum(not film.ok for film in films),
        without_reference=sum(film.dice is None for film in films) if reference else 0,
        agreement=_agreement(films),
    )
    if films:
        rows = [msgspec.to_builtins(film) | {"flags": "; ".join(film.flags), "error": None} for film in films]
        columns = list(rows[0])
        rows += [{"image": image, "error": reason} for image, reason in record.failed.items()]
        write_table(folder.table, columns, rows)
        write_record(folder.record, record)
    return record


def _agreement(films: Sequence[SegmentedFilm]) -> Agreement | None:
    """How well the masks, including the doubtful ones, agree with their references; None without references."""
    ranked = sorted((film for film in films if film.dice is not None), key=lambda film: film.dice or 0.0)
    if not ranked:
        return None
    dices = [film.dice for film in ranked if film.dice is not None]
    ious = [film.iou for film in ranked if film.iou is not None]
    trusted = [film.dice for film in ranked if film.ok and film.dice is not None]
    return Agreement(
        films=len(ranked),
        dice_mean=round(fmean(dices), 4),
        dice_median=round(median(dices), 4),
        iou_mean=round(fmean(ious), 4),
        iou_median=round(median(ious), 4),
        films_ok=len(trusted),
        dice_mean_ok=round(fmean(trusted), 4) if trusted else None,
        worst={film.image: film.dice for film in ranked[:_WORST] if film.dice is not None},
    )


def read_reference(reference: Path, film: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Read a reference mask of a film: (H, W) bool.

    Args:
        reference: an image file, 0 outside.
        film: the film, named in an error.
        shape: of the film, (H, W).

    Raises:
        ImageError: the mask can't be read, or has another size.
    """
    with frame_chosen(None):  # a mask is alone in its file
        drawn = read_film(reference)
    if drawn.shape != shape:
        raise ImageError(
            f"Expected a mask of {shape[1]} × {shape[0]} pixels, as {film} has. "
            f"Received: {reference} has {drawn.shape[1]} × {drawn.shape[0]}.",
            hint="Resize the mask to the film",
        )
    return drawn > int(drawn.max()) // 2  # 0 and 255, or 0 and 1


def _title(lungs: Segmented, method: str) -> str:
    return f"Lungs by {method}: {lungs.area:.0%} of the film" if lungs.ok else f"Doubtful: {'; '.join(lungs.flags)}"
