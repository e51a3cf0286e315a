"""A trained run tested on films from elsewhere, beside its own test."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cxr_cli.dataset.folders import select_from_folders
from cxr_cli.dataset.metadata import DEFAULT_VIEWS, check_positive, findings_in_words, select_films
from cxr_cli.dataset.selection import Selection
from cxr_cli.dataset.sources import read_source
from cxr_cli.errors import UsageError, WorkspaceError
from cxr_cli.evaluation.evaluate import Evaluated, FilmSet, current_test, predict_set, save
from cxr_cli.evaluation.record import EvaluationRecord, External, Gap
from cxr_cli.evaluation.scoring import score
from cxr_cli.metrics.conformal import DEFAULT_ALPHA
from cxr_cli.metrics.intervals import gap_interval
from cxr_cli.metrics.table import metrics_in
from cxr_cli.prediction.predictor import Predictor, open_predictor
from cxr_cli.progress import note
from cxr_cli.workspace.files import free_names
from cxr_cli.workspace.folders import PARTS
from cxr_cli.workspace.layout import Workspace, can_name_folder
from cxr_cli.workspace.records import read_record


@dataclass(frozen=True)
class Elsewhere:
    """Where the films from elsewhere are: metadata or class folders, as for `prepare`."""

    metadata: Sequence[Path] = ()
    folders: Path | None = None
    images: Path | None = None  # with metadata: the folder of the image files. Defaults to that of the metadata
    views: Sequence[str] = DEFAULT_VIEWS  # with metadata
    patient_pattern: str | None = None  # with folders: a regular expression that finds the patient in file names
    positive: str | None = None  # the finding or class folder that is positive. Defaults to the run's positive class


def evaluate_external(
    workspace: Workspace,
    where: Elsewhere,
    *,
    run: str | None = None,
    name: str | None = None,
    replace: bool = False,
    drop_seen: bool = False,
    prevalence: float | None = None,
    alpha: float = DEFAULT_ALPHA,
    max_fpr: float | None = None,
) -> Evaluated:
    """Test a run on films from elsewhere, at its own threshold and calibration, beside its own test.

    Args:
        workspace: where the run is, and where the evaluation goes. With a prepared dataset, the run is tested there
            too, unless that evaluation is current.
        where: the films. One class is enough, for sensitivity or specificity only.
        run: its name. Defaults to the latest.
        name: of the evaluation. Defaults to the name of the films' folder; where that is the name of a test on other
            films, with the next free number.
        replace: overwrite a test on other films that is called `name`. Defaults to False.
        drop_seen: leave out films that the run was trained or validated on, copies of them, and other films of their
            patients.
        prevalence: in (0, 1), for predictive values, and to shift probabilities to. Defaults to none.
        alpha: in (0, 1), of the prediction sets. Defaults to 0.1.
        max_fpr: in (0, 1), the largest 1 - specificity of a partial AUC. Defaults to none.

    Raises:
        CxrError: `name` can't be the name of a folder, or no film is left.
        FolderError: the class folders can't be understood.
        MetadataError: the metadata can't be read, or no film is left.
        WorkspaceError: there is no run, or it can't be read; or `name` is that of a test on other films.
    """
    predictor = open_predictor(workspace.run(run))
    name = _free_name(workspace, predictor, _name(name, where), where, asked=name is not None, replace=replace)
    with workspace.reading_dataset(), workspace.lock_result(workspace.evaluation(predictor.run.name, name).root):
        selection = _select(predictor, where)
        for sentence in selection.notes:
            note(sentence)
        if where.metadata and not any(film.label == selection.positive for film in selection.kept):
            if where.positive:
                check_positive(selection, where.positive)
            note(
                f"No finding names {predictor.positive}: all films count as {predictor.negative}. There are "
                f"{findings_in_words(selection, predictor.positive)}. Name another finding: --positive TEXT"
            )
        chosen = _read(predictor, selection, name)
        internal = _internal(workspace, predictor)
        predicted, seen = predict_set(workspace, predictor, chosen, drop_seen=drop_seen)
        record = score(
            predictor,
            predicted,
            split=name,
            same_dataset=False,
            dataset_fingerprint=None,
            seen=seen,
            prevalence=prevalence,
            alpha=alpha,
            max_fpr=max_fpr,
        )
        external = External(
            metadata=[str(path) for path in where.metadata],
            folders=str(where.folders) if where.folders else None,
            positive=where.positive or selection.positive,
            funnel=selection.funnel,
            internal=internal.created if internal else None,
            gaps={metric.name: _gap(metric.name, internal, record) for metric in metrics_in("external")}
            if internal
            else {},
            failed=selection.failed,
        )
        record = msgspec.structs.replace(record, external=external)
        folder = save(workspace, record, predicted, excluded=selection.excluded)
        return Evaluated(folder=folder, record=record, leaks=[])


def _name(asked: str | None, where: Elsewhere) -> str:
    """The name of the evaluation; it can't be that of a part of the dataset."""
    folder = where.folders or where.metadata[0].parent
    name = asked or re.sub(r"[^A-Za-z0-9._+-]+", "-", Path(os.path.realpath(folder)).name).lstrip("._+-") or "external"
    if not asked and name in PARTS:
        name = f"external-{name}"
    if not can_name_folder(name) or name in PARTS:
        raise UsageError(
            f"Expected a name of letters, digits, '.', '_', '+' and '-', other than {', '.join(PARTS)}. "
            f"Received: {name!r}.",
            hint="For example: --name other-hospital",
        )
    return name


def _free_name(
    workspace: Workspace, predictor: Predictor, name: str, where: Elsewhere, *, asked: bool, replace: bool
) -> str:
    """The name that was chosen, or with a number where it is that of a test on other films."""
    for free in free_names(name):
        there = workspace.evaluation(predictor.run.name, free).record
        if replace or not there.exists() or _is_of(there, where):
            if free != name:
                note(f"Named {free}, because {name} is a test on other films, which stays as it is.")
            return free
        if asked:
            raise WorkspaceError(
                f"Expected a name for this test that is not taken. Received: {name}, which is that of a test on other "
                f"films, in {there.parent}.",
                hint="To overwrite it: --replace. To keep it: --name NAME",
            )
    raise AssertionError("there is always another number")


def _is_of(record: Path, where: Elsewhere) -> bool:
    """Whether an evaluation is of the same films from elsewhere, as far as their places tell."""
    try:
        external = read_record(record, EvaluationRecord).external
    except WorkspaceError:
        return False
    if external is None:
        return False
    before = [*external.metadata, *([external.folders] if external.folders else [])]
    now = [*where.metadata, *([where.folders] if where.folders else [])]
    return [os.path.realpath(path) for path in before] == [os.path.realpath(path) for path in now]


def _select(predictor: Predictor, where: Elsewhere) -> Selection:
    if where.folders:
        return select_from_folders(
            where.folders,
            positive=where.positive,
            patient_pattern=where.patient_pattern,
            known=(predictor.negative, predictor.positive),
        )
    positive = where.positive or predictor.positive
    return select_films(where.metadata, images=where.images, views=where.views, positive=positive)


def _read(predictor: Predictor, selection: Selection, name: str) -> FilmSet:
    """The films that can be read, under the run's names of the classes."""
    source = read_source(selection)
    names = {selection.positive: predictor.positive, selection.negative: predictor.negative}
    paths = [film.image for film in source.candidates]
    films = source.films(
        paths=[str(path) for path in paths],
        labels=[names[film.label] for film in source.candidates],
        splits=[name] * len(paths),
    )
    return FilmSet(name=name, films=films, paths=paths, small=source.small)


def _internal(workspace: Workspace, predictor: Predictor) -> EvaluationRecord | None:
    """The run's evaluation on its own test films, where its dataset is still there."""
    if predictor.run.version:
        note(f"How {predictor.run.title} did on its own test films: {predictor.run.model_card}")
        return None
    try:
        evaluation = current_test(workspace, predictor)
    except WorkspaceError as problem:
        note(f"No internal test to compare with. {problem.message}")
        return None
    if evaluation.same_dataset:
        return evaluation
    note(
        f"No internal test to compare with: {predictor.run.name} was trained on another dataset or split than the "
        "prepared one."
    )
    return None


def _gap(name: str, internal: EvaluationRecord, external: EvaluationRecord) -> Gap:
    inside, outside = internal.metrics[name], external.metrics[name]
    around_inside, around_outside = internal.intervals[name], external.intervals[name]
    both = inside is not None and outside is not None
    return Gap(
        internal=inside,
        internal_interval=around_inside,
        external=outside,
        external_interval=around_outside,
        gap=outside - inside if both else None,  # type: ignore[operator]
        interval=gap_interval(outside, around_outside, inside, around_inside)  # type: ignore[arg-type]
        if both and around_inside and around_outside
        else None,
    )
