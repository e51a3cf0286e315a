"""The files of a cross-validation: the predictions, the ROC curves, the page and, last, the record."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from cxr_cli.evaluation.crossval.plan import fold_title
from cxr_cli.evaluation.crossval.pooling import FoldPredictions, pool
from cxr_cli.evaluation.crossval.record import CrossvalRecord
from cxr_cli.evaluation.predicted import EvaluatedFilm
from cxr_cli.metrics.fold_plots import draw_fold_rocs
from cxr_cli.metrics.table import metrics_in
from cxr_cli.pages.render import write_page
from cxr_cli.workspace.layout import CrossvalFolder
from cxr_cli.workspace.records import write_record
from cxr_cli.workspace.tables import CsvTable


@dataclass(frozen=True, kw_only=True)
class CrossValidatedFilm(EvaluatedFilm):
    """A row of a cross-validation's `predictions.csv`."""

    fold: str  # its number from 1, or the value that was left out


CROSSVAL_PREDICTIONS = CsvTable(CrossValidatedFilm, made_by=CrossvalRecord.MADE_BY)


def write_crossval(folder: CrossvalFolder, record: CrossvalRecord, folds: Sequence[FoldPredictions]) -> None:
    """Write all files of a cross-validation; those of an earlier one are replaced.

    Raises:
        WorkspaceError: the place can't be written to.
    """
    CROSSVAL_PREDICTIONS.write(
        folder.predictions,
        (
            CrossValidatedFilm(fold=fold.name, **asdict(film))
            for fold in folds
            for film in fold.predicted.rows(negative=record.negative, positive=record.positive)
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


def _draw(folder: CrossvalFolder, record: CrossvalRecord, folds: Sequence[FoldPredictions]) -> None:
    if record.metrics["roc_auc"] is None:  # the films are of one class
        folder.roc_picture.unlink(missing_ok=True)
        return
    pooled = pool(folds)
    draw_fold_rocs(
        folder.roc_picture,
        {
            fold_title(record.left_out, fold.name): (fold.predicted.positives, fold.predicted.probabilities)
            for fold in folds
        },
        positives=pooled.positives,
        probabilities=pooled.probabilities,
        called=pooled.called,
        groups=pooled.groups,
        positive=record.positive,
        title=f"{record.arch}: {record.films} films of {record.patients} patients, out of fold",
    )
