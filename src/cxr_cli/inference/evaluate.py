"""A run's answers on one part of the prepared dataset, and what they are worth."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from cxr_cli.dataset.manifest import Film, read_manifest
from cxr_cli.errors import CxrError, WorkspaceError
from cxr_cli.evaluation.metrics import answers, classification_report, count_confusion, measure
from cxr_cli.evaluation.plots import draw_confusion, draw_roc
from cxr_cli.inference.predictor import Predictor, open_predictor
from cxr_cli.progress import Track, untracked
from cxr_cli.workspace.files import lock, staged_folder, write_table
from cxr_cli.workspace.layout import PARTS, EvaluationFolder, Workspace
from cxr_cli.workspace.records import DatasetRecord, Leak, read_record, stamp, write_record
from cxr_cli.workspace.reports import ReportRecord


@dataclass(frozen=True)
class Evaluated:
    """What `evaluate` made."""

    folder: EvaluationFolder
    report: ReportRecord
    leaks: list[Leak]  # of a split that was given: what these films have in common with another part


def evaluate(
    workspace: Workspace, *, run: str | None = None, split: str = "test", track: Track = untracked
) -> Evaluated:
    """Test a run on one part of the dataset.

    Args:
        workspace: where the dataset and the run are, and where the report goes.
        run: its name. Defaults to the latest.
        split: train, val or test; only test is a test.
        track: is told of each film.

    Raises:
        CxrError: `split` is no part of a dataset.
        WorkspaceError: no dataset, no run, or one of other classes.
    """
    if split not in PARTS:
        raise CxrError(f"Expected a split: {', '.join(PARTS)}. Received: {split!r}.", hint="For example: --split test")
    predictor = open_predictor(workspace.run(run))
    dataset = workspace.prepared()
    made = read_record(dataset.record, DatasetRecord)
    if made.class_indices != predictor.record.class_indices:
        raise WorkspaceError(
            f"Expected films of the run's classes {predictor.record.class_indices}. "
            f"Received: {dataset.root} has {made.class_indices}.",
            hint="Prepare the dataset with the run's --positive, or train again",
        )
    if made.segment and made.segment != predictor.record.segment:
        raise WorkspaceError(
            f"Expected films as the run {predictor.run.name} was trained on: "
            f"{predictor.record.segment or 'whole'}. Received: {dataset.root} shows the lungs alone ({made.segment}).",
            hint="Prepare the dataset as it was for that run, or train again",
        )
    films = [film for film in read_manifest(dataset) if film.split == split]
    answered = predictor.answer_all([dataset.root / film.path for film in films], segmented=bool(made.segment))
    probabilities = np.empty(len(films))
    for place, (_, answer) in enumerate(track(answered, f"Answering {split} films", total=len(films))):
        if isinstance(answer, CxrError):
            raise answer
        probabilities[place] = answer.probabilities[predictor.positive]
    positives = np.array([film.label == predictor.positive for film in films])
    same_dataset = made.fingerprint == predictor.record.dataset_fingerprint
    report = _report(predictor, films, positives, probabilities, split=split, same_dataset=same_dataset)
    target = workspace.evaluation(predictor.run.name, split)
    with lock(workspace.root), staged_folder(target.root) as stage:
        _write(EvaluationFolder(stage), report, films, positives, probabilities)
    leaks = [leak for leak in made.leaks if split in (leak.earlier, leak.later)]
    return Evaluated(folder=target, report=report, leaks=leaks)


def _report(
    predictor: Predictor,
    films: Sequence[Film],
    positives: np.ndarray,
    probabilities: np.ndarray,
    *,
    split: str,
    same_dataset: bool,
) -> ReportRecord:
    threshold = predictor.record.threshold
    called_positive = answers(probabilities, threshold=threshold)
    return ReportRecord(
        schema_version=ReportRecord.VERSION,
        **stamp(),
        run=predictor.run.name,
        arch=predictor.record.arch,
        split=split,
        positive=predictor.positive,
        negative=predictor.negative,
        threshold=threshold,
        films=len(films),
        patients=len({film.group for film in films}),
        metrics=measure(positives, probabilities, threshold=threshold),
        confusion_matrix=asdict(count_confusion(positives, called_positive)),
        classification_report=classification_report(
            positives, called_positive, negative=predictor.negative, positive=predictor.positive
        ),
        same_dataset=same_dataset,
    )


def _write(
    folder: EvaluationFolder,
    report: ReportRecord,
    films: Sequence[Film],
    positives: np.ndarray,
    probabilities: np.ndarray,
) -> None:
    called = answers(probabilities, threshold=report.threshold)
    names = np.array([report.negative, report.positive])
    write_table(
        folder.predictions,
        ["image", "original", "patient", "truth", "class", "correct", "probability"],
        (
            {
                "image": film.path,
                "original": film.original,
                "patient": film.patient,
                "truth": film.label,
                "class": names[int(answer)],
                "correct": bool(answer == truth),
                "probability": f"{probability:.6f}",
            }
            for film, truth, answer, probability in zip(films, positives, called, probabilities, strict=True)
        ),
    )
    title = f"{report.run} on {report.split}: {report.films} films of {report.patients} patients"
    confusion = count_confusion(positives, called)
    draw_confusion(folder.confusion_picture, confusion, negative=report.negative, positive=report.positive, title=title)
    draw_roc(
        folder.roc_picture, positives, probabilities, threshold=report.threshold, positive=report.positive, title=title
    )
    write_record(folder.record, report)
