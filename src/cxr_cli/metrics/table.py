"""The table of metrics: everything that the program knows of a metric is one row of `METRICS`.

A row has the metric's formula, the method of its interval, its words, and the places that show it. `evaluate`,
`compare`, `crossval`, the reports and the page take all of it from here: to add a metric, add a row.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from cxr_cli.metrics import formulas
from cxr_cli.metrics.formulas import (
    Formula,
    IntervalMethod,
    predictive_value,
    predictive_value_interval,
    share_right,
    share_right_interval,
)

Place = Literal[
    "evaluate",  # its rows in the terminal
    "compare",  # its columns
    "external",  # beside the same metric of the run's own test
    "folds",  # the columns of cross-validation: each fold, and their mean
    "crossval",  # the rows of a cross-validation's page: the mean of the folds
    "subgroups",  # the columns
    "headline",  # large, on top of a report's performance
    "card",  # the model card
    "page",  # of `cxr serve`
    "training",  # the last lines of `cxr train`
]
# Where a metric is shown unless its row says otherwise; a full report and the JSON files have all of them.
USUAL_PLACES: frozenset[Place] = frozenset({"evaluate", "compare", "external", "folds", "crossval", "card", "page"})
EVERYWHERE: frozenset[Place] = USUAL_PLACES | {"headline", "subgroups", "training"}


@dataclass(frozen=True)
class Metric:
    """One metric: a row of `METRICS`."""

    name: str  # its key in records, JSON and CSV files
    title: str  # its name within a sentence
    value: Formula
    interval: IntervalMethod
    needs: Literal["positives", "negatives", "both"] = "both"  # the classes without whose films it says nothing
    # Beside the figure, with the names of `meaning_of` in braces.
    meaning: str = ""
    shown: frozenset[Place] = USUAL_PLACES
    limits: tuple[float, float] = (0.0, 1.0)  # of its values; infinite where there is none
    compare_interval: bool = True  # `cxr compare` has its interval too
    row_title: str = ""  # in the rows of `cxr evaluate`. Defaults to the title, capitalized
    heading: str = ""  # of a narrow column. Defaults to the title

    @property
    def label(self) -> str:
        """Its name at the start of a row."""
        return self.row_title or self.title[:1].upper() + self.title[1:]

    @property
    def column(self) -> str:
        """Its name above a narrow column."""
        return self.heading or self.title


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            name="sensitivity",  # the recall of the positive class
            title="sensitivity",
            value=share_right(formulas.positives),
            interval=share_right_interval(formulas.positives),
            needs="positives",
            meaning="{true_positive} of {positives} {films_positive} films called {positive}",
            shown=EVERYWHERE,
            compare_interval=False,
            heading="sens.",
        ),
        Metric(
            name="specificity",  # the recall of the negative class
            title="specificity",
            value=share_right(formulas.negatives),
            interval=share_right_interval(formulas.negatives),
            needs="negatives",
            meaning="{true_negative} of {negatives} {films_negative} films called {negative}",
            shown=EVERYWHERE,
            compare_interval=False,
            heading="spec.",
        ),
        Metric(
            name="precision",
            title="positive predictive value",
            value=predictive_value(formulas.called_positive),
            interval=predictive_value_interval(formulas.called_positive),
            meaning="{true_positive} of {called_positive} films called {positive} are {films_positive}",
            shown=frozenset({"evaluate"}),
            row_title="PPV",
        ),
        Metric(
            name="negative_predictive_value",
            title="negative predictive value",
            value=predictive_value(formulas.called_negative),
            interval=predictive_value_interval(formulas.called_negative),
            meaning="{true_negative} of {called_negative} films called {negative} are {films_negative}",
            shown=frozenset({"evaluate"}),
            row_title="NPV",
        ),
        Metric(
            name="balanced_accuracy",
            title="balanced accuracy",
            value=formulas.balanced_accuracy,
            interval=formulas.balanced_accuracy_interval,
            meaning="mean of sensitivity and specificity",
            shown=USUAL_PLACES - {"folds"} | {"training"},
            compare_interval=False,
            heading="bal.\nacc.",
        ),
        Metric(
            name="accuracy",
            title="accuracy",
            value=share_right(formulas.all_films),
            interval=share_right_interval(formulas.all_films),
            shown=frozenset({"evaluate", "compare"}),
            compare_interval=False,
            heading="acc.",
        ),
        Metric(
            name="f1",
            title="F1",
            value=formulas.f1,
            interval=formulas.f1_interval,
            shown=frozenset({"evaluate"}),
        ),
        Metric(
            name="mcc",
            title="MCC",
            value=formulas.mcc,
            interval=formulas.mcc_interval,
            limits=(-1.0, 1.0),
            meaning="Matthews' correlation of truth and prediction, 0 is chance",
        ),
        Metric(
            name="roc_auc",
            title="ROC AUC",
            value=formulas.area_under_roc,
            interval=formulas.area_interval,
            meaning="0.5 is chance",
            shown=EVERYWHERE,
            heading="AUC",
        ),
        Metric(
            name="average_precision",  # the area under the precision-recall curve
            title="average precision",
            value=formulas.average_precision,
            interval=formulas.precision_interval,
            meaning="{prevalence:.3f} is chance: the share of {films_positive} films",
            shown=frozenset({"evaluate"}),
        ),
        Metric(
            name="positive_likelihood_ratio",
            title="positive likelihood ratio",
            value=formulas.positive_likelihood_ratio,
            interval=formulas.positive_likelihood_ratio_interval,
            limits=(0.0, math.inf),
            meaning="a film called {positive} multiplies the odds of {films_positive} by this",
            shown=frozenset(),
        ),
        Metric(
            name="negative_likelihood_ratio",
            title="negative likelihood ratio",
            value=formulas.negative_likelihood_ratio,
            interval=formulas.negative_likelihood_ratio_interval,
            limits=(0.0, math.inf),
            meaning="a film called {negative} multiplies the odds of {films_positive} by this",
            shown=frozenset(),
        ),
        Metric(
            name="brier",  # the mean squared error of the probability
            title="Brier score",
            value=formulas.brier,
            interval=formulas.brier_interval,
            shown=frozenset({"headline", "crossval", "card"}),
        ),
        Metric(
            name="log_loss",  # the mean cross-entropy, in nats
            title="log loss",
            value=formulas.log_loss,
            interval=formulas.log_loss_interval,
            limits=(0.0, math.inf),
            shown=frozenset({"crossval"}),
        ),
    )
}
RANKED_BY = "roc_auc"  # what tables of several runs or folds are ranked by


def metrics_in(place: Place, *, ranked: bool = False) -> list[Metric]:
    """The metrics that a place shows, in the table's order; with `ranked`, the one that rows are ranked by is first."""
    shown = [metric for metric in METRICS.values() if place in metric.shown]
    return sorted(shown, key=lambda metric: metric.name != RANKED_BY) if ranked else shown


def with_all_metrics(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a record of an earlier version, with None for metrics that were added since."""
    held = {name: fields[name] for name in ("metrics", "intervals") if isinstance(fields.get(name), dict)}
    return fields | {name: dict.fromkeys(METRICS) | figures for name, figures in held.items()}


def meaning_of(
    metric: Metric, cells: dict[str, int], *, positive: str, negative: str, truth: Iterable[str] | None = None
) -> str:
    """What a metric's figure counts, in words.

    Args:
        metric: the row of the table.
        cells: films by the names of `Confusion`.
        positive: the positive class.
        negative: the other one.
        truth: what the films of the negative and of the positive class are, where that has other names than the run's
            classes, as on films from elsewhere. Defaults to the same names.
    """
    films_negative, films_positive = truth or (negative, positive)
    positives = cells["true_positive"] + cells["false_negative"]
    return metric.meaning.format(
        **cells,
        positives=positives,
        prevalence=positives / sum(cells.values()),
        negatives=cells["true_negative"] + cells["false_positive"],
        called_positive=cells["true_positive"] + cells["false_positive"],
        called_negative=cells["true_negative"] + cells["false_negative"],
        positive=positive,
        negative=negative,
        films_positive=films_positive,
        films_negative=films_negative,
    )
