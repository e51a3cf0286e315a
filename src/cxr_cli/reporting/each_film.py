"""The section of a report on its test films: how each was called, the wrong ones first, and where the model looked."""

from collections.abc import Sequence
from pathlib import PurePath

import numpy as np
from PIL import Image

from cxr_cli.auditing.files import read_properties
from cxr_cli.dataset.duplicates import read_small
from cxr_cli.dataset.originals import whole_films
from cxr_cli.errors import CxrError, WorkspaceError
from cxr_cli.evaluation.predicted import EvaluatedFilm
from cxr_cli.explanation.ranking import margin, wrong_first
from cxr_cli.films.overlay import lay_heat, on_whole_film
from cxr_cli.films.reader import read_film
from cxr_cli.prediction.predictor import Predictor
from cxr_cli.prediction.side_by_side import SideBySide
from cxr_cli.progress import track
from cxr_cli.reporting.document import Block, FilmRow, FilmTable, Section, Text
from cxr_cli.reporting.gather import ReportMaterial
from cxr_cli.threads import CORES, in_threads

TITLE = "Test films"
_LISTED = 1000  # films in the table, at 3 kB each
_DRAWN = 100  # films beside their heat maps, at 25 kB each
_SIDE = 300  # pixels of a drawn film's longer side
_GAP = 6  # pixels between a film and its heat map


def each_film_section(material: ReportMaterial) -> Section:
    """How each test film was called, the most confidently wrong first, and where the model looked."""
    test = material.test
    films = sorted(
        material.predictions,
        key=lambda film: wrong_first(film.correct, margin(film.probability, film.threshold)),
    )[:_LISTED]
    wrong = sum(not film.correct for film in material.predictions)
    text = (
        f"{wrong} of {test.films} test films {'is' if wrong == 1 else 'are'} classified wrongly. The most "
        "confidently wrong films come first: those whose probability is farthest from the threshold of "
        f"{test.threshold:.3f}, relative to the largest possible distance on that side. After them come the films that "
        "are right, the least certain first."
    )
    heat = "Click a film to see its heat map beside it: "
    heat += f"Grad-CAM of {material.predictor.explained}, for the predicted class."
    if len(material.predictions) > _DRAWN:
        heat += f" The first {_DRAWN} films have heat maps; to draw all: cxr gradcam --split {test.split}"
    blocks: list[Block] = [Text(text), Text(heat, "note"), FilmTable(test.positive, _rows(material, films))]
    if more := len(material.predictions) - len(films):
        blocks.append(Text(f"And {more:,} more, in predictions.csv.", "note"))
    return Section(TITLE, blocks, ("failures",))


def _rows(material: ReportMaterial, films: Sequence[EvaluatedFilm]) -> list[FilmRow]:
    pairs = _pairs(material, films[:_DRAWN])
    pairs += [None] * (len(films) - len(pairs))
    return [
        FilmRow(
            name=PurePath(film.original.replace("\\", "/")).name,
            patient=film.patient,
            truth=film.truth,
            called=film.class_,
            probability=film.probability,
            correct=film.correct,
            view=film.view,
            thumbnail=thumbnail,
            pair=pair,
        )
        for film, thumbnail, pair in zip(films, _thumbnails(material, films), pairs, strict=True)
    ]


def _thumbnails(material: ReportMaterial, films: Sequence[EvaluatedFilm]) -> list[Image.Image | None]:
    """The small pictures that the dataset keeps, in the proportions of the films."""
    try:
        small = read_small(material.dataset, films=len(material.films))
    except WorkspaceError:  # of a dataset from before they were kept
        return [None] * len(films)
    places = {film.path: place for place, film in enumerate(material.films)}
    thumbnails: list[Image.Image | None] = []
    for film in films:
        path = material.dataset.root / film.image
        if not path.is_file():
            thumbnails.append(None)
            continue
        size, picture = read_properties(path), Image.fromarray(np.asarray(small[places[film.image]]))
        side = picture.width / max(size.width, size.height)
        thumbnails.append(picture.resize((max(1, round(size.width * side)), max(1, round(size.height * side)))))
    return thumbnails


def _pairs(material: ReportMaterial, films: Sequence[EvaluatedFilm]) -> list[Image.Image | None]:
    """Films beside their heat maps, drawn on all cores."""
    predictors = SideBySide(material.predictor.run)

    def draw(film: EvaluatedFilm) -> Image.Image | None:
        with predictors.borrow() as predictor:
            return _beside_heat(material, predictor, film)

    drawn = in_threads(draw, films, threads=CORES)
    return list(track(drawn, "Drawing heat maps of test films", total=len(films)))


def _beside_heat(material: ReportMaterial, predictor: Predictor, film: EvaluatedFilm) -> Image.Image | None:
    """A film, and the same film under its heat map; None where the film is gone."""
    (path,), whole = whole_films([material.dataset.root / film.image], [film.original], material.made.framing)
    try:
        pixels = read_film(path)
        prediction = predictor.predict_file(path, film=pixels, framed=not whole, force=True)
    except CxrError:
        return None
    picture = Image.fromarray(pixels)
    picture.thumbnail((_SIDE, _SIDE))
    cam = on_whole_film(prediction.cams[film.class_], prediction.box)
    pair = Image.new("RGB", (2 * picture.width + _GAP, picture.height))
    pair.paste(picture, (0, 0))
    pair.paste(lay_heat(picture, cam, alpha=0.5, box=prediction.box), (picture.width + _GAP, 0))
    return pair
