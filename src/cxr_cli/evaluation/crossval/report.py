"""A cross-validation on disk: the answers, the ROC curves, the page, and the record last."""

from collections.abc import Sequence

from cxr_cli.evaluation.crossval.plan import title
from cxr_cli.evaluation.crossval.pooling import FoldAnswers, pool
from cxr_cli.evaluation.crossval.record import CrossvalRecord
from cxr_cli.metrics.fold_plots import draw_fold_rocs
from cxr_cli.metrics.table import metrics_in
from cxr_cli.pages.render import write_page
from cxr_cli.workspace.files import write_table
from cxr_cli.workspace.layout import CrossvalFolder
from cxr_cli.workspace.records import write_record

_COLUMNS = ["image", "original", "patient", "group", "fold", "truth", "class", "correct", "probability", "threshold"]


def write_report(folder: CrossvalFolder, record: CrossvalRecord, folds: Sequence[FoldAnswers]) -> None:
    """Write all files of a cross-validation; an earlier one's are replaced.

    Raises:
        WorkspaceError: the place can't be written to.
    """
    names = {False: record.negative, True: record.positive}
    write_table(
        folder.predictions,
        _COLUMNS,
        (
            {
                "image": film.path,
                "original": film.original,
                "patient": film.patient,
                "group": film.group,
                "fold": fold.name,
                "truth": film.label,
                "class": names[bool(called)],
                "correct": names[bool(called)] == film.label,
                "probability": f"{probability:.9g}",
                "threshold": f"{fold.run.threshold:.9g}",
            }
            for fold in folds
            for film, probability, called in zip(
                fold.films, fold.answers.probabilities, fold.answers.called, strict=True
            )
        ),
    )
    _draw(folder, record, folds)
    write_page(
        folder.page,
        "crossval.html",
        record=record,
        roc=folder.roc_picture if record.metrics["roc_auc"] is not None else None,
        columns=metrics_in("folds", ranked=True),
        metrics=metrics_in("crossval", ranked=True),
        subgroup_columns=metrics_in("subgroups", ranked=True),
    )
    write_record(folder.record, record)


def _draw(folder: CrossvalFolder, record: CrossvalRecord, folds: Sequence[FoldAnswers]) -> None:
    if record.metrics["roc_auc"] is None:  # films of one class
        folder.roc_picture.unlink(missing_ok=True)
        return
    _, answers = pool(folds)
    draw_fold_rocs(
        folder.roc_picture,
        {title(record.left_out, fold.name): (fold.answers.positives, fold.answers.probabilities) for fold in folds},
        positives=answers.positives,
        probabilities=answers.probabilities,
        called=answers.called,
        groups=answers.groups,
        positive=record.positive,
        title=f"{record.arch}: {record.films} films of {record.patients} patients, out of fold",
    )
