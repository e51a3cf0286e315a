"""The audit of a model: what its predictions on the test films depend on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxr_cli.auditing.model_films import (
    AskedFilm,
    LungMasks,
    ask_about_films,
    read_for_audit,
    show_views,
)
from cxr_cli.auditing.model_findings import model_findings, model_verdict
from cxr_cli.auditing.model_page import EXAMPLES, ExampleFilm, write_model_page
from cxr_cli.auditing.model_record import ModelAuditRecord
from cxr_cli.auditing.model_scores import measure_heat, measure_views
from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import CxrError, UsageError, WorkspaceError
from cxr_cli.explanation.gallery_films import GalleryFilms, find_gallery_films
from cxr_cli.films.in_words import narrow_in_words
from cxr_cli.lungs.methods import DEFAULT_METHOD, SEGMENTATION_METHODS
from cxr_cli.lungs.segment import check_reference
from cxr_cli.prediction.files import open_seen_by
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.workspace.folders import AuditFolder
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record, stamp, write_record
from cxr_cli.workspace.staging import staged_folder

_SPLIT = "test"
FEWEST = 2  # patients of either class: with fewer there is no interval


@dataclass(frozen=True)
class ModelAudited:
    """An audit of a model, and where it was written."""

    folder: AuditFolder
    record: ModelAuditRecord


def audit_model(
    workspace: Workspace, run: str | None, *, masks: Path | None = None, method: str | None = None, seed: int = 0
) -> ModelAudited:
    """Audit a run on the test films of the prepared dataset, and write the record and the page.

    Args:
        workspace: with a prepared dataset.
        run: its name. None for the latest.
        masks: a folder of lung masks, named as for `segment`. Defaults to none: the lungs are found.
        method: how to find the lungs, a name of `SEGMENTATION_METHODS`. Defaults to `DEFAULT_METHOD`.
        seed: of the choice of examples.

    Raises:
        CxrError: `masks` has none of these films, or too few films are left.
        ImageError: a film or mask can't be read.
        UsageError: there is no such method, or it is given with `masks`.
        WorkspaceError: there is no run or no dataset, or their classes differ, or the files can't be written.
    """
    where = _masks(masks, method)
    predictor = open_predictor(workspace.run(run))
    folder = workspace.model_audit(predictor.run.name)
    with workspace.reading_dataset(), workspace.lock_result(folder.root):
        films = find_gallery_films(workspace, predictor, (), split=_SPLIT)
        _check_films(films, where)
        asked, without_mask = ask_about_films(predictor, films, where)
        _check_patients(predictor, asked, where)
        record = _record(workspace, predictor, films, asked, where, seed=seed, without_mask=without_mask)
        with staged_folder(folder.root) as stage:
            write_model_page(AuditFolder(stage).page, record, _examples(predictor, asked, where, seed=seed))
            write_record(AuditFolder(stage).record, record)
    return ModelAudited(folder=folder, record=record)


def _masks(folder: Path | None, method: str | None) -> LungMasks:
    if folder and method:
        raise UsageError(
            f"Expected masks or a method to find lungs. Received: both, {folder} and {method}.",
            hint="Leave out --method",
        )
    method = method or DEFAULT_METHOD
    if method not in SEGMENTATION_METHODS:
        raise UsageError(
            f"Expected a method: {', '.join(SEGMENTATION_METHODS)}. Received: {method!r}.",
            hint=f"For example: --method {DEFAULT_METHOD}",
        )
    return LungMasks(method, folder)


def _check_films(films: GalleryFilms, masks: LungMasks) -> None:
    if masks.folder:
        check_reference(masks.folder, (film.original for film in films.films), option="--masks")
    if films.framed:
        raise WorkspaceError(
            "Expected the whole films that the dataset was prepared from. Received: some are no longer there, for "
            f"example {next(film.original for film in films.films if not film.original.is_file())}.",
            hint=f"Put them back, or prepare again: {DatasetRecord.MADE_BY}",
        )


def _check_patients(predictor: Predictor, asked: Sequence[AskedFilm], masks: LungMasks) -> None:
    for label in predictor.classes:
        patients = {one.film.group for one in asked if one.film.truth == label}
        if len(patients) < FEWEST:
            raise CxrError(
                f"Expected test films of at least {FEWEST} {label} patients whose lungs are known. "
                f"Received: {len(patients)}, with lungs by {masks.name}.",
                hint="Prepare more films, or give lung masks: --masks DIR",
            )


def _record(
    workspace: Workspace,
    predictor: Predictor,
    films: GalleryFilms,
    asked: Sequence[AskedFilm],
    masks: LungMasks,
    *,
    seed: int,
    without_mask: int,
) -> ModelAuditRecord:
    made = read_record(workspace.prepared().record, DatasetRecord)
    positives = np.array([one.film.truth == predictor.positive for one in asked])
    groups = np.array([one.film.group for one in asked])
    views = measure_views(np.stack([one.raw for one in asked]), positives, groups)
    heat = measure_heat(asked)
    findings = model_findings(views, heat)
    seen = _seen(workspace, predictor, films)
    return ModelAuditRecord(
        schema_version=ModelAuditRecord.VERSION,
        **stamp(),
        run=predictor.run.name,
        run_created=predictor.record.created,
        weights_sha256=predictor.record.weights_sha256,
        dataset_fingerprint=made.fingerprint,
        same_dataset=not films.foreign,
        split=_SPLIT,
        masks=masks.name,
        seed=seed,
        positive=predictor.positive,
        negative=predictor.negative,
        films={label: sum(one.film.truth == label for one in asked) for label in predictor.classes},
        patients=len(np.unique(groups)),
        films_without_patient=(unnamed := sum(not one.film.patient_known for one in asked)),
        without_mask=without_mask,
        seen=seen,
        level=findings[0].level if findings else "ok",
        verdict=model_verdict(findings, views),
        alarms=sum(finding.level == "alarm" for finding in findings),
        warnings=sum(finding.level == "warning" for finding in findings),
        findings=findings,
        views=views,
        heat=heat,
        notes=[
            *_notes(predictor, masks, without_mask=without_mask, seen=seen, films=len(films.films)),
            *filter(None, [narrow_in_words(len(asked), unnamed)]),
        ],
    )


def _seen(workspace: Workspace, predictor: Predictor, films: GalleryFilms) -> int | None:
    """How many of the films the run was trained or validated on; None where it is not known."""
    if not films.foreign:
        return 0  # `prepare` has made sure of it
    index = open_seen_by(predictor, workspace.dataset)
    if index is None:
        return None
    from cxr_cli.films.reader import read_film

    return sum(bool(index.match_file(film.film, read_film(film.film))) for film in films.films)


def _notes(predictor: Predictor, masks: LungMasks, *, without_mask: int, seen: int | None, films: int) -> list[str]:
    name, notes = predictor.run.name, []
    if without_mask:
        notes.append(
            f"{without_mask} of {films} test films are left out, because their lungs are not known "
            f"({'no mask in the folder' if masks.folder else 'the mask failed a check'})."
        )
    if seen:
        notes.append(f"{name} was trained or validated on {seen} of the {films} films, so the AUCs are too high.")
    elif seen is None:
        notes.append(f"It is not known whether {name} was trained on some of these films.")
    return notes


def _examples(predictor: Predictor, asked: Sequence[AskedFilm], masks: LungMasks, *, seed: int) -> list[ExampleFilm]:
    """A few films of each class, drawn at random."""
    random = np.random.default_rng(seed)
    examples = []
    for label in reversed(list(predictor.classes)):
        members = [one for one in asked if one.film.truth == label]
        for place in sorted(random.choice(len(members), size=min(EXAMPLES, len(members)), replace=False)):
            one = members[place]
            film = read_for_audit(predictor, one.film, masks)
            assert film is not None
            examples.append(ExampleFilm(one, show_views(predictor, film)))
    return examples
