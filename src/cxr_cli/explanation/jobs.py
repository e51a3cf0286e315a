"""Which heat maps are asked for, of which films, and what is known of these."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr_cli.dataset.manifest import read_manifest
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import CxrError, WorkspaceError
from cxr_cli.films.find import find_films
from cxr_cli.lungs.segment import named
from cxr_cli.prediction.predictor import Predictor
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record


@dataclass(frozen=True)
class Job:
    """A film whose heat map is asked for."""

    name: str  # of its pictures, no other's
    film: Path
    original: Path  # whose file name its masks have
    truth: str | None
    group: str  # its patient, or the film itself


@dataclass(frozen=True)
class Options:
    """How the heat maps are made, and what is measured of them."""

    method: str
    target: str | None
    alpha: float
    raw: bool
    lungs: Path | None
    lesions: Path | None
    curves: bool  # deletion and insertion
    seed: int = 0


@dataclass(frozen=True)
class Jobs:
    """Films whose heat maps are asked for together."""

    films: Sequence[Job]
    split: str | None = None  # the part of the prepared dataset that they are
    segmented: bool = False  # they show the lungs alone already
    foreign: bool = False  # the dataset, or its split, is not that of the run


def find_jobs(workspace: Workspace, predictor: Predictor, films: Sequence[Path], *, split: str | None) -> Jobs:
    """The films named, or those of a part of the prepared dataset.

    The truth of a film that is named is the folder it lies in, where that is called as a class of the run.

    Raises:
        CxrError: films are named, and a part too.
        ImageError: a place holds no film.
        WorkspaceError: no dataset, or one of other classes.
    """
    if films and split:
        raise CxrError(
            "Expected films, or a part of the prepared dataset. Received: both.",
            hint="For example: cxr gradcam --split test",
        )
    if split:
        return _part(workspace, predictor, split)
    labels = set(predictor.classes)
    jobs = []
    for name, film in named(find_films(films)).items():
        folder = film.absolute().parent.name
        jobs.append(Job(name, film, film, folder if folder in labels else None, group=str(film)))
    return Jobs(jobs)


def _part(workspace: Workspace, predictor: Predictor, split: str) -> Jobs:
    dataset = workspace.prepared()
    made = read_record(dataset.record, DatasetRecord)
    members = {(dataset.root / film.path).absolute(): film for film in read_manifest(dataset) if film.split == split}
    if made.classes != predictor.classes:
        raise WorkspaceError(
            f"Expected films of the run's classes {predictor.record.class_indices}. "
            f"Received: {dataset.root} has {made.class_indices}.",
            hint="Name a run that was trained on it: --model RUN",
        )
    return Jobs(
        [
            Job(name, path, Path(members[path].original), members[path].label, members[path].group)
            for name, path in named(members).items()
        ],
        split=split,
        segmented=bool(made.segment),
        foreign=made.fingerprint != predictor.record.dataset_fingerprint,
    )
