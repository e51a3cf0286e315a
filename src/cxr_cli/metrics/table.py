"""The table of metrics: everything that the program knows of a metric is one row of `METRICS`.

A row has the metric's formula, the method of its interval, its words, and the places that show it. `evaluate`,
`compare`, `crossval`, the reports and the page take all of it from here: to add a metric, add a row.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cxr_cli.metrics.intervals import Interval, auc_of, logarithm_interval, logit_interval, proportion_interval
from cxr_cli.metrics.sample import Sample, Weighted

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


Formula = Callable[[Weighted], np.ndarray]
IntervalMethod = Callable[[Sample, float | None, np.ndarray], Interval | None]


def proportion(counted: Callable[[Sample], np.ndarray]) -> IntervalMethod:
    """Wilson's interval with the effective number of films, of the share of films that are called correctly.

    Args:
        counted: of a sample, (N,) bool: the films that the share is computed over.
    """

    def interval(sample: Sample, value: float | None, replicates: np.ndarray) -> Interval | None:
        films = counted(sample)
        assert sample.groups is not None
        return proportion_interval((sample.positives == sample.called)[films], sample.groups[films])

    return interval


def on_logit(
    patients: Callable[[Sample], int] = Sample.patients_of_smaller_class, *, low: float = 0.0, high: float = 1.0
) -> IntervalMethod:
    """An interval from the bootstrap's standard error on the logit scale; see `logit_interval`."""

    def interval(sample: Sample, value: float | None, replicates: np.ndarray) -> Interval | None:
        return logit_interval(value, replicates, patients(sample), low=low, high=high)

    return interval


def on_logarithm(sample: Sample, value: float | None, replicates: np.ndarray) -> Interval | None:
    """An interval from the bootstrap's standard error on the logarithmic scale; see `logarithm_interval`."""
    return logarithm_interval(value, replicates)


@dataclass(frozen=True)
class Metric:
    """One metric: a row of `METRICS`."""

    name: str  # its key in records, JSON and CSV files
    title: str  # its name within a sentence
    value: Formula  # (R,) float64, NaN where it is not defined
    interval: IntervalMethod
    # The value of a plain sample, where another implementation is the reference for its last digits.
    exact: Callable[[np.ndarray, np.ndarray], float] | None = None
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


def _sensitivity(films: Weighted) -> np.ndarray:
    return np.asarray(films.true_positive / (films.true_positive + films.false_negative))


def _specificity(films: Weighted) -> np.ndarray:
    return np.asarray(films.true_negative / (films.true_negative + films.false_positive))


def _matthews(films: Weighted) -> np.ndarray:
    """Matthews 1975 (Biochim Biophys Acta 405:442). Not defined where all films have one truth or one prediction."""
    right, wrong = films.true_positive * films.true_negative, films.false_positive * films.false_negative
    called_positive = films.true_positive + films.false_positive
    called_negative = films.true_negative + films.false_negative
    positives = films.true_positive + films.false_negative
    negatives = films.true_negative + films.false_positive
    return np.asarray((right - wrong) / np.sqrt(called_positive * called_negative * positives * negatives))


def _roc_auc(positives: np.ndarray, probabilities: np.ndarray) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positives, probabilities))


def _log_loss(positives: np.ndarray, probabilities: np.ndarray) -> float:
    from sklearn.metrics import log_loss

    return float(log_loss(positives, probabilities.astype(np.float64), labels=[False, True]))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            name="sensitivity",  # the recall of the positive class
            title="sensitivity",
            value=_sensitivity,
            interval=proportion(lambda sample: sample.positives),
            needs="positives",
            meaning="{true_positive} of {positives} {positive} films called {positive}",
            shown=EVERYWHERE,
            compare_interval=False,
            heading="sens.",
        ),
        Metric(
            name="specificity",  # the recall of the negative class
            title="specificity",
            value=_specificity,
            interval=proportion(lambda sample: ~sample.positives),
            needs="negatives",
            meaning="{true_negative} of {negatives} {negative} films called {negative}",
            shown=EVERYWHERE,
            compare_interval=False,
            heading="spec.",
        ),
        Metric(
            name="precision",
            title="positive predictive value",
            value=lambda films: films.true_positive / (films.true_positive + films.false_positive),
            interval=proportion(lambda sample: sample.called),
            meaning="{true_positive} of {called_positive} films called {positive} are {positive}",
            shown=frozenset({"evaluate"}),
            row_title="PPV",
        ),
        Metric(
            name="negative_predictive_value",
            title="negative predictive value",
            value=lambda films: films.true_negative / (films.true_negative + films.false_negative),
            interval=proportion(lambda sample: ~sample.called),
            meaning="{true_negative} of {called_negative} films called {negative} are {negative}",
            shown=frozenset({"evaluate"}),
            row_title="NPV",
        ),
        Metric(
            name="balanced_accuracy",
            title="balanced accuracy",
            value=lambda films: (_sensitivity(films) + _specificity(films)) / 2,
            interval=on_logit(),
            meaning="mean of sensitivity and specificity",
            shown=USUAL_PLACES - {"folds"} | {"training"},
            compare_interval=False,
            heading="bal.\nacc.",
        ),
        Metric(
            name="accuracy",
            title="accuracy",
            value=lambda films: (films.true_positive + films.true_negative) / films.weights.sum(axis=1),
            interval=proportion(lambda sample: np.ones(len(sample.positives), bool)),
            shown=frozenset({"evaluate", "compare"}),
            compare_interval=False,
            heading="acc.",
        ),
        Metric(
            name="f1",
            title="F1",
            value=lambda films: (
                2 * films.true_positive / (2 * films.true_positive + films.false_positive + films.false_negative)
            ),
            interval=on_logit(Sample.patients),
            shown=frozenset({"evaluate"}),
        ),
        Metric(
            name="mcc",
            title="MCC",
            value=_matthews,
            interval=on_logit(low=-1.0, high=1.0),
            limits=(-1.0, 1.0),
            meaning="Matthews' correlation of truth and prediction, 0 is chance",
        ),
        Metric(
            name="roc_auc",
            title="ROC AUC",
            value=lambda films: auc_of(films.sample.positives, films.sample.probabilities, films.weights),
            interval=on_logit(),
            exact=_roc_auc,
            meaning="0.5 is chance",
            shown=EVERYWHERE,
            heading="AUC",
        ),
        Metric(
            name="brier",  # the mean squared error of the probability
            title="Brier score",
            value=lambda films: films.squared_error,
            interval=on_logit(Sample.patients),
            exact=lambda positives, probabilities: float(np.mean((probabilities.astype(np.float64) - positives) ** 2)),
            shown=frozenset({"headline", "crossval", "card"}),
        ),
        Metric(
            name="log_loss",  # the mean cross-entropy, in nats
            title="log loss",
            value=lambda films: films.cross_entropy,
            interval=on_logarithm,
            limits=(0.0, np.inf),
            exact=_log_loss,
            shown=frozenset({"crossval"}),
        ),
    )
}
RANKED_BY = "roc_auc"  # what tables of several runs or folds are ranked by


def metrics_in(place: Place, *, ranked: bool = False) -> list[Metric]:
    """The metrics that a place shows, in the table's order; with `ranked`, the one that rows are ranked by is first."""
    shown = [metric for metric in METRICS.values() if place in metric.shown]
    return sorted(shown, key=lambda metric: metric.name != RANKED_BY) if ranked else shown


def meaning_of(metric: Metric, cells: dict[str, int], *, positive: str, negative: str) -> str:
    """What a metric's figure counts, in words.

    Args:
        metric: the row of the table.
        cells: films by the names of `Confusion`.
        positive: the positive class.
        negative: the other one.
    """
    return metric.meaning.format(
        **cells,
        positives=cells["true_positive"] + cells["false_negative"],
        negatives=cells["true_negative"] + cells["false_positive"],
        called_positive=cells["true_positive"] + cells["false_positive"],
        called_negative=cells["true_negative"] + cells["false_negative"],
        positive=positive,
        negative=negative,
    )
