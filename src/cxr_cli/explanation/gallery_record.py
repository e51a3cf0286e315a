"""The record of a gallery of heat maps: the figures of all films, and notes on them."""

from collections.abc import Mapping, Sequence

import numpy as np

from cxr_cli.errors import AbstentionError, ImageError
from cxr_cli.explanation.gallery_films import GalleryFilms, GalleryOptions
from cxr_cli.explanation.grades import average
from cxr_cli.explanation.methods import MAP_METHODS
from cxr_cli.explanation.record import Grade, GradedFilm, GradesRecord, Randomization
from cxr_cli.films.in_words import narrow_in_words
from cxr_cli.prediction.predictor import Predictor
from cxr_cli.workspace.records import stamp

_SUSPICIOUS, _MOST_AT_EDGES = 3, 0.5  # masks, and the share of them that may reach all edges of their films


def _notes(predictor: Predictor, options: GalleryOptions, gallery: GalleryFilms, edges: Sequence[bool]) -> list[str]:
    """Notes on the maps, in sentences."""
    notes = [MAP_METHODS[options.method].note] if MAP_METHODS[options.method].note else []
    if gallery.foreign:
        notes.append("The run was trained on another dataset or split, and may have seen these films.")
    elif gallery.split in {"train", "val"}:
        notes.append(f"The run has seen the films of {gallery.split}: only those of test show what its maps are worth.")
    if gallery.framed:
        notes.append(
            "The original films are gone: the maps are drawn on the films of the dataset, which are not whole."
        )
    if predictor.explained != predictor.run.name_and_version:
        notes.append(f"The maps, and the deletion and insertion curves, are of {predictor.explained}.")
    if len(edges) >= _SUSPICIOUS and np.mean(edges) > _MOST_AT_EDGES:
        notes.append(
            f"{sum(edges)} of {len(edges)} masks in {options.lesions} reach all four edges of their films, as masks do "
            "that were cropped to what they outline and enlarged. If they were, where the lesions are is lost, and the "
            "pointing game says nothing."
        )
    return notes


def _seen(predictor: Predictor, gallery: GalleryFilms, seen: int, films: int) -> list[str]:
    """What to know of films that were named and are known to the run; of a part of its dataset it is known anyway."""
    if not seen or gallery.split:
        return []
    count = "this film" if films == 1 else f"{seen} of these {films} films"
    return [
        f"{predictor.run.name_and_version} was trained or validated on {count}, or on a copy: these maps don't show "
        "what it does with new films."
    ]


def _patients(gallery: GalleryFilms, grades: Mapping[str, Grade]) -> list[str]:
    """What follows for the grades where films name no patient."""
    unnamed = sum(not film.patient_known for film in gallery.films)
    return [narrow_in_words(len(gallery.films), unnamed)] if grades and unnamed else []


def record_of(
    predictor: Predictor,
    films: Sequence[GradedFilm],
    failed: Mapping[str, ImageError],
    options: GalleryOptions,
    gallery: GalleryFilms,
    randomization: Randomization | None,
    edges: Sequence[bool],
    *,
    seen: int = 0,
) -> GradesRecord:
    """The record of a gallery.

    Args:
        predictor: the run.
        films: their rows, in order.
        failed: images without a heat map, and why.
        options: how the maps were made.
        gallery: the films.
        randomization: the check with random weights, if it was requested.
        edges: of each mask of lesions, whether it reaches all four edges of its film.
        seen: number of films that the run was trained or validated on, or of copies of such. Defaults to 0.
    """
    known = [film for film in films if film.correct is not None]
    grades = average(films)
    return GradesRecord(
        schema_version=GradesRecord.VERSION,
        **stamp(),
        run=predictor.run.name,
        explained=predictor.explained,
        method=options.method,
        target=options.target,
        split=gallery.split,
        seed=options.seed,
        order="the most confidently wrong first" if known else "the least sure first",
        lungs=str(options.lungs) if options.lungs else None,
        lesions=str(options.lesions) if options.lesions else None,
        films=list(films),
        failed={image: error.message for image, error in failed.items() if not isinstance(error, AbstentionError)},
        abstained={image: error.reason for image, error in failed.items() if isinstance(error, AbstentionError)},
        wrong=sum(not film.correct for film in known) if known else None,
        blank=sum(film.blank for film in films),
        grades=grades,
        randomization=randomization,
        notes=[
            *_notes(predictor, options, gallery, edges),
            *_seen(predictor, gallery, seen, len(films)),
            *_patients(gallery, grades),
        ],
    )
