"""The heat maps of many films: pictures, a page with the worst first, and what the maps are worth."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from PIL import Image

from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.errors import ImageError
from cxr_cli.explanation.gallery_record import record_of
from cxr_cli.explanation.grading import grade_lesions, grade_lungs, others_energy, perturb, reaches_all_edges, reduced
from cxr_cli.explanation.heatmaps import HeatMap, check_target, heat_map
from cxr_cli.explanation.jobs import Job, Jobs, Options
from cxr_cli.explanation.methods import MAP_METHODS
from cxr_cli.explanation.ranking import margin, wrong_first
from cxr_cli.explanation.record import GradedFilm, GradesRecord, Randomization
from cxr_cli.films.figures import save_picture
from cxr_cli.films.overlay import draw_heat_map, lay_heat
from cxr_cli.films.reader import read_film
from cxr_cli.lungs.segment import check_reference, find_reference, read_reference
from cxr_cli.prediction.predictor import Prediction, Predictor
from cxr_cli.progress import track
from cxr_cli.workspace.files import write_bytes, write_table
from cxr_cli.workspace.folders import GalleryFolder
from cxr_cli.workspace.records import write_record

_SIDE = 1024  # pixels: more than a page has room for
_THUMBNAIL = 256  # pixels a side
SHOWN = 400  # films on the page: at 10 kB each it opens at once


@dataclass(frozen=True)
class _Made:
    """A film's row, and what the page shows of it."""

    row: GradedFilm
    thumbnail: bytes  # JPEG
    margin: float  # of the prediction, in [0, 1]; see `ranking.margin`
    edges: bool | None  # the mask of its lesions reaches all four; None without lesions
    cam: np.ndarray
    lungs: np.ndarray | None  # of `reduced`


def make_gallery(
    predictor: Predictor,
    jobs: Jobs,
    folder: GalleryFolder,
    options: Options,
    *,
    randomization: Randomization | None = None,
) -> tuple[GradesRecord, list[ImageError]]:
    """Write the heat map of each film, a page, a table and a record.

    Args:
        predictor: the run.
        jobs: the films.
        folder: where to; what else is there stays.
        options: how.
        randomization: of `randomization.randomize`, where it was asked for.

    Returns:
        The record, and why films gave none. Where no film gave one, nothing is written.

    Raises:
        CxrError: see `check_target`; or a folder of masks has none for these films.
        WorkspaceError: the place can't be written to, or the run gives no map of this method.
    """
    check_target(predictor, options.method, options.target)
    for masks, option in ((options.lungs, "--lungs"), (options.lesions, "--lesions")):
        if masks:
            check_reference(masks, (job.original for job in jobs.films), option=option)
    answered = _answers(predictor, jobs)
    made: list[_Made] = []
    failed: dict[str, ImageError] = {}
    for job, (_, answer) in zip(jobs.films, track(answered, "Drawing heat maps", total=len(jobs.films)), strict=True):
        try:
            if isinstance(answer, ImageError):
                raise answer
            made.append(_make(predictor, job, answer, folder, options))
        except ImageError as error:
            failed[str(job.film)] = error
    made = sorted(_beside_others(made), key=lambda film: wrong_first(film.row.correct, film.margin))
    rows, edges = [film.row for film in made], [film.edges for film in made if film.edges is not None]
    record = record_of(predictor, rows, list(failed), options, jobs, randomization, edges)
    if made:
        _write(folder, record, [film.thumbnail for film in made])
    return record, list(failed.values())


def _beside_others(made: Sequence[_Made]) -> list[_Made]:
    """With what the maps of other patients would have in a film's lungs."""
    if not made:
        return []
    others = others_energy(
        [film.cam for film in made], [film.lungs for film in made], [film.row.group for film in made]
    )
    changed = []
    for film, energy in zip(made, others, strict=True):
        own = film.row.lung_energy
        gain = None if own is None or energy is None else own - energy
        changed.append(replace(film, row=msgspec.structs.replace(film.row, lung_energy_others=energy, lung_gain=gain)))
    return changed


def shown_films(predictor: Predictor, jobs: Jobs, options: Options, *, at_most: int) -> tuple[np.ndarray, np.ndarray]:
    """What the model is shown of films, those left out that can't be read, and whose evidence is drawn.

    Returns:
        (N, S, S) uint8, and (N,) bool: for the positive class.
    """
    some = replace(jobs, films=jobs.films[:: -(-len(jobs.films) // at_most)])
    found = [answer for _, answer in _answers(predictor, some) if isinstance(answer, Prediction)]
    labels = [options.target or answer.label for answer in found]
    return (
        np.array([answer.shown for answer in found], dtype=np.uint8),
        np.array([label == predictor.positive for label in labels], dtype=bool),
    )


def _answers(predictor: Predictor, jobs: Jobs) -> Iterator[tuple[Path, Prediction | ImageError]]:
    return predictor.predict_all([job.film for job in jobs.films], segmented=jobs.segmented)


def _make(predictor: Predictor, job: Job, answer: Prediction, folder: GalleryFolder, options: Options) -> _Made:
    shown = heat_map(predictor, answer, method=options.method, target=options.target)
    film = read_film(job.film)
    lungs, lesions = (_mask(masks, job, film) for masks in (options.lungs, options.lesions))
    picture = Image.fromarray(film)
    picture.thumbnail((_SIDE, _SIDE))
    truth = f", truth {job.truth}" if job.truth else ""
    drawn = draw_heat_map(
        np.asarray(picture),
        shown.cam,
        alpha=options.alpha,
        title=f"{answer.label} {answer.confidence:.1%}{truth}",
        caption=f"{shown.caption} {DISCLAIMER}",
        outline=lesions,
    )
    save_picture(drawn, folder.picture(job.name))
    if options.raw:
        data = io.BytesIO()
        np.save(data, shown.cam)
        write_bytes(folder.map(job.name), data.getvalue())
    row = GradedFilm(
        image=str(job.film),
        picture=folder.picture(job.name).relative_to(folder.root).as_posix(),
        map=folder.map(job.name).relative_to(folder.root).as_posix() if options.raw else None,
        group=job.group,
        truth=job.truth,
        answer=answer.label,
        correct=None if job.truth is None else answer.label == job.truth,
        confidence=round(answer.confidence, 6),
        target=shown.target,
        blank=shown.blank,
        **_figures(shown, lungs, lesions),
        **(_areas(predictor, answer, shown, seed=options.seed) if options.curves else {}),
    )
    picture.thumbnail((_THUMBNAIL, _THUMBNAIL))
    data = io.BytesIO()
    lay_heat(picture, shown.cam, alpha=options.alpha, outline=lesions).save(data, format="JPEG", quality=80)
    return _Made(
        row=row,
        thumbnail=data.getvalue(),
        margin=margin(answer.probabilities[predictor.positive], predictor.record.threshold),
        edges=None if lesions is None else reaches_all_edges(lesions),
        cam=shown.cam,
        lungs=None if lungs is None else reduced(lungs),
    )


def _mask(masks: Path | None, job: Job, film: np.ndarray) -> np.ndarray | None:
    """A film's mask; None where it has none, or an empty one."""
    reference = masks and find_reference(masks, job.original)
    if not reference or _is_empty(reference):
        return None
    return read_reference(reference, job.film, film.shape)


def _is_empty(mask: Path) -> bool:
    try:
        with Image.open(mask) as picture:
            return picture.getbbox() is None
    except (OSError, SyntaxError, ValueError):
        return False  # `read_reference` says what is wrong


def _figures(shown: HeatMap, lungs: np.ndarray | None, lesions: np.ndarray | None) -> dict[str, Any]:
    """Those fields of a row that its masks allow."""
    figures: dict[str, Any] = {}
    if lungs is not None:
        lung = grade_lungs(shown.cam, lungs)
        figures |= {"lung_energy": lung.energy, "lung_area": lung.share, "lung_ratio": lung.ratio, "lung_hit": lung.hit}
    if lesions is not None:
        lesion = grade_lesions(shown.cam, lesions)
        figures |= {
            "lesion_hit": lesion.hit,
            "lesion_area": lesion.share,
            "lesion_hit_near": lesion.hit_near,
            "lesion_area_near": lesion.share_near,
        }
    return figures


def _areas(predictor: Predictor, answer: Prediction, shown: HeatMap, *, seed: int) -> dict[str, Any]:
    """Those fields of a row that are of the deletion and insertion curves."""
    assert answer.shown is not None
    positive = (shown.target or answer.label) == predictor.positive

    def probability(films: np.ndarray) -> np.ndarray:
        found = predictor.network_probabilities(films)
        return found if positive else 1 - found

    return perturb(answer.shown, shown.cam, probability, seed=seed).areas


def _write(folder: GalleryFolder, record: GradesRecord, thumbnails: Sequence[bytes]) -> None:
    from cxr_cli.pages.render import write_page

    rows = [msgspec.to_builtins(film) for film in record.films]
    write_table(folder.table, list(rows[0]), rows)
    write_page(
        folder.page,
        "gallery.html",
        record=record,
        method=MAP_METHODS[record.method],
        titles={name: row.title for name, row in MAP_METHODS.items()},
        films=list(zip(record.films, thumbnails, strict=True))[:SHOWN],
    )
    write_record(folder.record, record)
