"""The files of a cross-validation: the predictions, the ROC curves, the page and, last, the record."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cxr_cli.evaluation.crossval.across import FoldPredictions
from cxr_cli.evaluation.crossval.in_words import recipe_doubts
from cxr_cli.evaluation.crossval.plan import fold_title
from cxr_cli.evaluation.crossval.record import CrossvalRecord
from cxr_cli.evaluation.predicted import EvaluatedFilm
from cxr_cli.metrics.fold_plots import draw_fold_rocs
from cxr_cli.metrics.subgroups import why_none
from cxr_cli.metrics.table import metrics_in
from cxr_cli.pages.render import write_page
from cxr_cli.recipe.resolved import options_in_words
from cxr_cli.workspace.layout import CrossvalFolder
from cxr_cli.workspace.records import write_record
from cxr_cli.workspace.tables import CsvTable


@dataclass(frozen=True, kw_only=True)
class CrossValidatedFilm(EvaluatedFilm):
    """A row of a cross-validation's `predictions.csv`."""

    fold: str  # its number from 1, or the value that was left out
    repeat: int  # from 1


CROSSVAL_PREDICTIONS = CsvTable(CrossValidatedFilm, made_by=CrossvalRecord.MADE_BY)


def write_crossval(folder: CrossvalFolder, record: CrossvalRecord, folds: Sequence[FoldPredictions]) -> None:
    """Write all files of a cross-validation; those of an earlier one are replaced.

    Raises:
        WorkspaceError: the place can't be written to.
    """
    CROSSVAL_PREDICTIONS.write(
        folder.predictions,
        (
            CrossValidatedFilm(fold=fold.name, repeat=fold.repeat, **asdict(film))
            for fold in folds
            for film in fold.predicted.rows(negative=record.negative, positive=record.positive)
        ),
    )
    drawn = _draw(folder, record, folds)
    write_crossval_page(folder.page, record, roc=folder.roc_picture if drawn else None)
    write_record(folder.record, record)


def write_crossval_page(path: Path, record: CrossvalRecord, *, roc: Path | None) -> None:
    """Write the page.

    Args:
        path: the HTML file.
        record: of the cross-validation.
        roc: the chart of its ROC curves; None where no fold has films of both classes.
    """
    write_page(
        path,
        "crossval.html",
        doubts=list(recipe_doubts(record)),
        record=record,
        roc=roc,
        columns=metrics_in("folds", ranked=True),
        metrics=metrics_in("crossval", ranked=True),
        why_none=why_none,
        subgroup_columns=metrics_in("subgroups", ranked=True),
        options=options_in_words(record.arch, record.options, made_with=record.versions["cxr-cli"]),
    )


def _draw(folder: CrossvalFolder, record: CrossvalRecord, folds: Sequence[FoldPredictions]) -> bool:
    """Draw the ROC curves of the folds with films of both classes; returns whether there are any."""
    curves = {
        fold_title(record.left_out, fold.name, fold.repeat if record.repeats > 1 else None): fold.predicted
        for fold in folds
        if 0 < fold.predicted.positives.mean() < 1
    }
    if not curves:
        for picture in (folder.roc_picture, folder.roc_picture.with_suffix(".svg")):
            picture.unlink(missing_ok=True)
        return False
    draw_fold_rocs(
        folder.roc_picture,
        {name: (fold.positives, fold.probabilities, fold.called) for name, fold in curves.items()},
        interval=record.across_folds["roc_auc"].interval,
        positive=record.positive,
        counted=record.counted(),
        title=f"{record.arch}: {record.counted()}, out of fold",
    )
    return True
