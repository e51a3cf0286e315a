"""The heat maps of many films: pictures, a page with the worst first, and what the maps are worth."""

import io
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image

from cxr_cli.dataset.seen import SeenIndex
from cxr_cli.doubts import Doubt
from cxr_cli.errors import ImageError
from cxr_cli.explanation.gallery_films import GalleryFilm, GalleryFilms, GalleryOptions
from cxr_cli.explanation.gallery_record import record_of
from cxr_cli.explanation.grading import grade_lesions, grade_lungs, others_energy, perturb, reaches_all_edges, reduced
from cxr_cli.explanation.heatmaps import HeatMap, check_target, heat_map
from cxr_cli.explanation.methods import MAP_METHODS
from cxr_cli.explanation.ranking import margin, wrong_first
from cxr_cli.explanation.record import GradedFilm, GradesRecord, Randomization
from cxr_cli.films.figures import save_picture
from cxr_cli.films.overlay import lay_heat
from cxr_cli.films.reader import read_film
from cxr_cli.films.transforms import cut_out
from cxr_cli.lungs.segment import check_reference, find_reference, read_reference
from cxr_cli.prediction.answer import Answer
from cxr_cli.prediction.files import how_seen
from cxr_cli.prediction.predictor import Prediction, Predictor
from cxr_cli.progress import track
from cxr_cli.workspace.files import write_table
from cxr_cli.workspace.folders import GalleryFolder
from cxr_cli.workspace.records import write_record
from cxr_cli.workspace.staging import staged_folder

_SIDE = 1024  # pixels: more than a page has room for
_THUMBNAIL = 256  # pixels a side
SHOWN = 400  # films on the page: at 10 kB each it opens at once


@dataclass(frozen=True)
class _Entry:
    """A film's row, and what the page shows of it."""

    row: GradedFilm
    thumbnail: bytes  # JPEG
    answer: Answer
    seen: str | None  # how the run knows the film; see `how_seen`
    margin: float  # of the prediction, in [0, 1]; see `ranking.margin`
    edges: bool | None  # whether the mask of its lesions reaches all four edges; None without lesions
    part: np.ndarray  # its map, over what the model was shown
    lungs: np.ndarray | None  # from `reduced`


def make_gallery(
    predictor: Predictor,
    gallery: GalleryFilms,
    folder: GalleryFolder,
    options: GalleryOptions,
    *,
    seen: SeenIndex | None = None,
    doubts: Sequence[Doubt] = (),
    randomization: Randomization | None = None,
) -> tuple[GradesRecord, list[ImageError]]:
    """Write the heat map of each film, a page, a table and a record, all of them at the end.

    Args:
        predictor: the run.
        gallery: the films.
        folder: where the files go; other files there stay.
        options: how the maps are made.
        seen: the films that the run has seen, which the record notes. Defaults to not known.
        doubts: what speaks against the run, for the page. Defaults to nothing.
        randomization: from `randomization.randomize`. Defaults to none.

    Returns:
        The record, and the errors of the films that got no class or could not be read. If there are no others, nothing
        is written.

    Raises:
        UsageError: see `check_target`.
        CxrError: a folder of masks has none of these films.
        WorkspaceError: the files can't be written, or the run gives no map of this method.
    """
    check_target(predictor, options.method, options.target)
    for masks, option in ((options.lungs, "--lungs"), (options.lesions, "--lesions")):
        if masks:
            check_reference(masks, (film.original for film in gallery.films), option=option)
    entries: list[_Entry] = []
    failed: dict[str, ImageError] = {}
    with staged_folder(folder.root, keep=True) as stage:
        staged = GalleryFolder(stage)
        predictions = _predictions(predictor, gallery, force=options.force)
        predictions = track(predictions, "Drawing heat maps", total=len(gallery.films))
        for film, (_, prediction) in zip(gallery.films, predictions, strict=True):
            try:
                if isinstance(prediction, ImageError):
                    raise prediction
                entries.append(_make_entry(predictor, film, prediction, staged, options, seen))
            except ImageError as error:
                failed[str(film.film)] = error
        entries = sorted(_beside_others(entries), key=lambda entry: wrong_first(entry.row.correct, entry.margin))
        rows, edges = [entry.row for entry in entries], [entry.edges for entry in entries if entry.edges is not None]
        known = sum(bool(entry.seen) for entry in entries)
        record = record_of(predictor, rows, failed, options, gallery, randomization, edges, seen=known)
        if entries:
            _write(staged, record, entries, doubts)
        else:  # nothing is written
            shutil.rmtree(stage)
    return record, list(failed.values())


def _beside_others(entries: Sequence[_Entry]) -> list[_Entry]:
    """Add how much heat the maps of other patients would have in each film's lungs."""
    if not entries:
        return []
    others = others_energy(
        [entry.part for entry in entries], [entry.lungs for entry in entries], [entry.row.group for entry in entries]
    )
    changed = []
    for entry, energy in zip(entries, others, strict=True):
        own = entry.row.lung_energy
        gain = None if own is None or energy is None else own - energy
        row = msgspec.structs.replace(entry.row, lung_energy_others=energy, lung_gain=gain)
        changed.append(replace(entry, row=row))
    return changed


def shown_films(
    predictor: Predictor, gallery: GalleryFilms, options: GalleryOptions, *, at_most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Give the films as the model sees them, and for which class their maps are; unreadable films are left out.

    Returns:
        (N, S, S) uint8 films, and (N,) bool: whether the map is for the positive class.
    """
    some = replace(gallery, films=gallery.films[:: -(-len(gallery.films) // at_most)])
    predictions = [one for _, one in _predictions(predictor, some, force=options.force) if isinstance(one, Prediction)]
    labels = [options.target or prediction.label for prediction in predictions]
    return (
        np.array([prediction.shown for prediction in predictions], dtype=np.uint8),
        np.array([label == predictor.classes.positive for label in labels], dtype=bool),
    )


def _predictions(
    predictor: Predictor, gallery: GalleryFilms, *, force: bool
) -> Iterator[tuple[Path, Prediction | ImageError]]:
    return predictor.predict_all([film.film for film in gallery.films], framed=gallery.framed, force=force)


def _make_entry(
    predictor: Predictor,
    film: GalleryFilm,
    prediction: Prediction,
    folder: GalleryFolder,
    options: GalleryOptions,
    seen: SeenIndex | None,
) -> _Entry:
    pixels = read_film(film.film)
    lungs, lesions = (_mask(masks, film, pixels) for masks in (options.lungs, options.lesions))
    # Chance is even heat, which a run of crops has in its crop alone.
    shown_lungs, shown_lesions = (_shown(mask, prediction) for mask in (lungs, lesions))
    picture = Image.fromarray(pixels)
    picture.thumbnail((_SIDE, _SIDE))
    heat = heat_map(predictor, prediction, np.asarray(picture), method=options.method, target=options.target)
    if options.use:
        options.use(film.film, heat)
    drawn = (
        heat.overlay(alpha=options.alpha, outline=lesions)
        if options.overlay_only
        else heat.picture(alpha=options.alpha, truth=film.truth or "", outline=lesions)
    )
    save_picture(drawn, folder.picture(film.name))
    if options.raw:
        heat.save(folder.map(film.name))
    row = GradedFilm(
        image=str(film.film),
        picture=folder.picture(film.name).relative_to(folder.root).as_posix(),
        map=folder.map(film.name).relative_to(folder.root).as_posix() if options.raw else None,
        group=film.group,
        truth=film.truth,
        answer=prediction.label,
        correct=None if film.truth is None else prediction.label == film.truth,
        confidence=round(prediction.confidence, 6),
        target=heat.target,
        blank=heat.blank,
        **_figures(heat, shown_lungs, shown_lesions),
        **(_areas(predictor, heat, seed=options.seed) if options.curves else {}),
    )
    picture.thumbnail((_THUMBNAIL, _THUMBNAIL))
    data = io.BytesIO()
    lay_heat(picture, heat.cam, alpha=options.alpha, outline=lesions, box=prediction.box).save(
        data, format="JPEG", quality=80
    )
    return _Entry(
        row=row,
        thumbnail=data.getvalue(),
        answer=prediction.answer,
        seen=how_seen(seen, film.film, prediction),
        margin=margin(prediction.probabilities[predictor.classes.positive], predictor.record.threshold),
        edges=None if lesions is None else reaches_all_edges(lesions),
        part=heat.part,
        lungs=None if shown_lungs is None else reduced(shown_lungs),
    )


def _mask(masks: Path | None, film: GalleryFilm, pixels: np.ndarray) -> np.ndarray | None:
    """Read a film's mask; None if it has none, or an empty one."""
    reference = masks and find_reference(masks, film.original)
    if not reference or _is_empty(reference):
        return None
    return read_reference(reference, film.film, pixels.shape)


def _shown(mask: np.ndarray | None, prediction: Prediction) -> np.ndarray | None:
    """The part of a mask that the model was shown; None if it is empty."""
    part = None if mask is None else cut_out(mask, prediction.box)
    return part if part is not None and part.any() else None


def _is_empty(mask: Path) -> bool:
    try:
        with Image.open(mask) as picture:
            return picture.getbbox() is None
    except (OSError, SyntaxError, ValueError):
        return False  # `read_reference` says what is wrong


def _figures(heat: HeatMap, lungs: np.ndarray | None, lesions: np.ndarray | None) -> dict[str, Any]:
    """Compute the fields of a row that need masks, of what the model was shown."""
    figures: dict[str, Any] = {}
    if lungs is not None:
        lung = grade_lungs(heat.part, lungs)
        figures |= {"lung_energy": lung.energy, "lung_area": lung.share, "lung_ratio": lung.ratio, "lung_hit": lung.hit}
    if lesions is not None:
        lesion = grade_lesions(heat.part, lesions)
        figures |= {
            "lesion_hit": lesion.hit,
            "lesion_area": lesion.share,
            "lesion_hit_near": lesion.hit_near,
            "lesion_area_near": lesion.share_near,
        }
    return figures


def _areas(predictor: Predictor, heat: HeatMap, *, seed: int) -> dict[str, Any]:
    """Compute the fields of a row that need the deletion and insertion curves."""
    shown = heat.prediction.shown
    assert shown is not None
    positive = (heat.target or heat.prediction.label) == predictor.classes.positive

    def probability(films: np.ndarray) -> np.ndarray:
        positives = predictor.network_probabilities(films)
        return positives if positive else 1 - positives

    return perturb(shown, heat.part, probability, seed=seed).areas


def _write(folder: GalleryFolder, record: GradesRecord, entries: Sequence[_Entry], doubts: Sequence[Doubt]) -> None:
    rows = [msgspec.to_builtins(film) | {"reason": None, "error": None} for film in record.films]
    columns = list(rows[0])
    rows += [{"image": image, "reason": reason} for image, reason in record.abstained.items()]
    rows += [{"image": image, "error": error} for image, error in record.failed.items()]
    write_table(folder.table, columns, rows)
    write_gallery_page(folder.page, record, [(entry.answer, entry.thumbnail) for entry in entries], doubts=doubts)
    write_record(folder.record, record)


def write_gallery_page(
    path: Path, record: GradesRecord, shown: Sequence[tuple[Answer, bytes]], *, doubts: Sequence[Doubt] = ()
) -> None:
    """Write the page.

    Args:
        path: the HTML file.
        record: of the gallery.
        shown: the answer for each film and a JPEG of it under its heat map, in the record's order.
        doubts: what speaks against the run. Defaults to nothing.
    """
    from cxr_cli.pages.render import write_page

    write_page(
        path,
        "gallery.html",
        doubts=doubts,
        record=record,
        method=MAP_METHODS[record.method],
        titles={name: row.title for name, row in MAP_METHODS.items()},
        films=[(film, *its) for film, its in zip(record.films, shown, strict=True)][:SHOWN],
    )
