"""The films of a gallery of heat maps, and how its maps are made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.dataset.originals import whole_films
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import WorkspaceError
from cxr_cli.films.find import find_films
from cxr_cli.lungs.segment import named
from cxr_cli.prediction.predictor import Predictor
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record

if TYPE_CHECKING:
    from cxr_cli.explanation.heatmaps import HeatMap


@dataclass(frozen=True)
class GalleryOptions:
    """How the heat maps of a gallery are made, and what is measured of them."""

    method: str  # a name of `MAP_METHODS`
    target: str | None  # the class whose evidence is shown; None for the predicted class of each film
    alpha: float  # opacity of the heat, in [0, 1]
    raw: bool  # write the maps as .npy too
    lungs: Path | None  # folder of lung masks
    lesions: Path | None  # folder of masks of opacities
    curves: bool  # measure deletion and insertion
    force: bool = False  # explain pictures that should get no class, too
    overlay_only: bool = False  # draw the map over the film, and nothing around it
    seed: int = 0
    use: "Callable[[Path, HeatMap], None] | None" = None  # called with each film and its map


@dataclass(frozen=True)
class GalleryFilm:
    """A film of a gallery."""

    name: str  # file name of its pictures, unique in the gallery
    film: Path
    original: Path  # its masks are named after this file
    truth: str | None
    group: str  # the patient, or the film itself if no patient is known
    patient_known: bool = False


@dataclass(frozen=True)
class GalleryFilms:
    """The films of one gallery."""

    films: Sequence[GalleryFilm]
    split: str | None = None  # the part of the prepared dataset they make up
    framed: bool = False  # they show what the run is to see already
    foreign: bool = False  # the run was trained on another dataset or split


def find_gallery_films(
    workspace: Workspace, predictor: Predictor, films: Sequence[Path], *, split: str | None
) -> GalleryFilms:
    """Find the films that are named, or those of a part of the prepared dataset.

    The true class of a film that is named is the folder it lies in, if that has the name of a class of the run.

    Raises:
        ImageError: there is no film at a path.
        WorkspaceError: there is no dataset, or it has other classes.
    """
    if split:
        return _part(workspace, predictor, split)
    labels = set(predictor.classes)
    named_films = []
    for name, film in named(find_films(films)).items():
        folder = film.absolute().parent.name
        named_films.append(GalleryFilm(name, film, film, folder if folder in labels else None, group=str(film)))
    return GalleryFilms(named_films)


def _part(workspace: Workspace, predictor: Predictor, split: str) -> GalleryFilms:
    dataset = workspace.prepared()
    record = read_record(dataset.record, DatasetRecord)
    films = [film for film in read_manifest(dataset) if film.split == split]
    paths, whole = whole_films(
        [dataset.root / film.path for film in films], [film.original for film in films], record.framing
    )
    members = {path.absolute(): film for path, film in zip(paths, films, strict=True)}
    if record.class_indices != predictor.record.class_indices:
        raise WorkspaceError(
            f"Expected films of the run's classes {predictor.record.class_indices}. "
            f"Received: {dataset.root} has {record.class_indices}.",
            hint="Name a run that was trained on it: --model RUN",
        )
    return GalleryFilms(
        [
            GalleryFilm(name, path, Path(film.original), film.label, film.group, patient_known=bool(film.patient))
            for name, path in named(members).items()
            for film in [members[path]]
        ],
        split=split,
        framed=not whole,
        foreign=record.fingerprint != predictor.record.dataset_fingerprint,
    )
