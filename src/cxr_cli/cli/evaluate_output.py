"""What `cxr evaluate` prints: how many films, the caveats, and each metric with its interval."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cxr_cli.cli import console
from cxr_cli.cli.evaluate_summary import NEEDS_BOTH, operating_point, show_summary
from cxr_cli.cli.failed_films import end_with_failed
from cxr_cli.cli.tables import TableColumn
from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.numbers import UNDEFINED, figure, percent, spread, with_spread

if TYPE_CHECKING:
    from cxr_cli.doubts import Doubt
    from cxr_cli.evaluation.evaluate import Evaluated
    from cxr_cli.evaluation.record import EvaluationRecord, Gap
    from cxr_cli.metrics.intervals import Interval
    from cxr_cli.metrics.subgroups import SubgroupRow


_Row = tuple[str, str, str, str]
_FIGURES = (TableColumn(), TableColumn(), TableColumn("95% interval"), TableColumn(words=True))


def show_evaluation(evaluated: "Evaluated", *, everything: bool = False, as_json: bool = False) -> None:
    """Print an evaluation, for people or for programs.

    Args:
        evaluated: the evaluation.
        everything: print all figures. Defaults to what fits one screen.
        as_json: print the whole record as JSON.

    Raises:
        typer.Exit: a film from elsewhere could not be read.
    """
    evaluation = evaluated.record
    if as_json:
        import msgspec

        console.show_doubts(_doubts(evaluated), aside=True)
        console.result_json(msgspec.to_builtins(evaluation))
    elif everything:
        _show(evaluated)
    else:
        show_summary(evaluated, _doubts(evaluated), _head(evaluated))
    if evaluation.external:
        end_with_failed(evaluation.external.failed, done=evaluation.films, table=evaluated.folder.excluded)


def _show(evaluated: "Evaluated") -> None:
    evaluation = evaluated.record
    for sentence in _head(evaluated):
        console.result(sentence)
    console.show_doubts(_doubts(evaluated))
    console.result(operating_point(evaluation))
    console.result()
    if evaluation.external and evaluation.external.gaps:
        _side_by_side(evaluation)
    _metrics(evaluation)
    _abstentions(evaluation)
    _calibration(evaluation)
    _cells(evaluation)
    _sets(evaluation)
    _subgroups(evaluation)
    console.result("Intervals are 95% and count patients, not films; the JSON record says how they are computed.")
    if evaluation.films_without_patient:
        console.result("In them, a film of an unknown patient counts as one patient.")
    console.result(f"Files: {evaluated.folder.root}", dim=True)
    console.result(DISCLAIMER, dim=True)


def _doubts(evaluated: "Evaluated") -> "list[Doubt]":
    from cxr_cli.doubts import alarm, loudest_first
    from cxr_cli.evaluation.caveats import caveats
    from cxr_cli.reporting.run_doubts import run_doubts
    from cxr_cli.workspace.layout import Workspace

    evaluation = evaluated.record
    leaks = [
        alarm(
            f"The given split leaks. {leak.films} {leak.later} films share {leak.patients} patients with "
            f"{leak.earlier}: figures on {evaluation.split} may be too good."
        )
        for leak in evaluated.leaks
        if not (evaluation.seen and evaluation.seen.dropped)
    ]
    workspace = Workspace(evaluated.folder.root.parents[2])
    known = run_doubts(workspace, workspace.run(evaluation.run), beside=evaluation.split)
    return loudest_first([*leaks, *caveats(evaluation), *known])


def _head(evaluated: "Evaluated") -> list[str]:
    """What was tested, in sentences."""
    from cxr_cli.evaluation.caveats import seen_in_words
    from cxr_cli.evaluation.classes_in_words import classes_of_folder

    evaluation = evaluated.record
    place = f"{evaluation.split}, films from elsewhere" if evaluation.external else evaluation.split
    sentences = [
        f"{evaluation.run} on {place}: {evaluation.counted()}, {classes_of_folder(evaluation, evaluated.folder)}"
    ]
    if evaluation.seen and evaluation.seen.dropped:
        left_out = seen_in_words(evaluation.seen) or "none"
        sentences.append(f"Left out, because the run has seen them or their patients in training: {left_out}")
    return sentences


def _metrics(evaluation: "EvaluationRecord") -> None:
    from cxr_cli.evaluation.in_words import useful_range
    from cxr_cli.metrics.table import meaning_of, metrics_in

    shown = metrics_in("evaluate")
    if (
        not evaluation.positives or not evaluation.negatives
    ):  # the other metrics would only show the share of that class
        shown = [metric for metric in shown if metric.needs != "both" and evaluation.metrics[metric.name] is not None]
    rows = [
        _row(
            metric.label,
            evaluation.metrics[metric.name],
            evaluation.intervals[metric.name],
            meaning_of(
                metric,
                evaluation.confusion_matrix,
                positive=evaluation.positive,
                negative=evaluation.negative,
                truth=evaluation.truth,
            ),
        )
        for metric in shown
    ]
    rows += _curves(evaluation)
    worth, both = evaluation.predictive_values, evaluation.positives and evaluation.negatives
    if worth and both:
        at = f"at a prevalence of {worth.prevalence:.3%}".replace(".000%", "%")
        truth = evaluation.truth
        for name, value, interval, called, true in (
            ("PPV", worth.positive, worth.positive_interval, evaluation.positive, truth.positive),
            ("NPV", worth.negative, worth.negative_interval, evaluation.negative, truth.negative),
        ):
            rows.append(_row(name, value, interval, f"{at}: share of films called {called} that are {true}"))
    console.show_table(_FIGURES, rows)
    if evaluation.decision:
        console.result(f"Net benefit: {useful_range(evaluation.decision)}")
    if worth and not both:
        console.result(NEEDS_BOTH)
    elif both and not worth:
        share = percent(evaluation.positives / evaluation.films)
        console.result(
            f"PPV and NPV hold for a set with {share} {evaluation.truth.positive}; for another: --prevalence SHARE"
        )
    if evaluation.sample_size:
        from cxr_cli.evaluation.size_in_words import size_in_words

        console.result(size_in_words(evaluation))
    console.result()


def _curves(evaluation: "EvaluationRecord") -> "Iterator[_Row]":
    partial, risk = evaluation.partial_auc, evaluation.risk_coverage
    if partial:
        meaning = f"up to a false positive rate of {partial.max_fpr:g}, standardized: 0.5 is chance"
        yield _row("Partial AUC", partial.value, partial.interval, meaning)
    if risk:
        meaning = f"mean error as the least certain films are left out; at random {risk.random:.3f}"
        yield _row("AURC", risk.area, risk.interval, meaning)


def _abstentions(evaluation: "EvaluationRecord") -> None:
    from cxr_cli.metrics.table import metrics_in

    without = evaluation.abstentions
    if not without.films:
        return
    reasons = "; ".join(f"{reason} ({count})" for reason, count in without.reasons.items())
    console.result(f"{without.films:,} of {evaluation.films:,} films would get no class from cxr predict: {reasons}.")
    values = [(metric.label, without.metrics_without.get(metric.name)) for metric in metrics_in("evaluate")]
    figures = ", ".join(f"{label} {value:.3f}" for label, value in values if value is not None)
    if figures:
        console.result(f"They are counted above. Without them: {figures}")
    console.result()


def _row(name: str, value: float | None, interval: "Interval | None", meaning: str) -> "_Row":
    if value is None:
        return name, UNDEFINED, "not defined", ""
    return name, figure(value), spread(interval) or "not known", meaning


def _calibration(evaluation: "EvaluationRecord") -> None:
    from cxr_cli.evaluation.calibration_in_words import CALIBRATION_KEY, at_prevalence
    from cxr_cli.metrics.calibration import CALIBRATION_FIGURES

    calibration = evaluation.calibration
    if not evaluation.positives or not evaluation.negatives:
        return
    sides = [("raw", calibration.raw, calibration.raw_intervals)] if calibration.slope else []
    title = "calibrated" if calibration.slope else "not calibrated"
    sides.append((title, calibration.calibrated, calibration.calibrated_intervals))
    shifted = calibration.at_prevalence
    if shifted:
        sides.append((f"at {shifted.prevalence:g}", shifted.figures, shifted.intervals))
    rows = [
        (
            title,
            *(_or_blank(figures[name], intervals.get(name)) for _, figures, intervals in sides),
            best,
            _or_blank(calibration.at_best.get(name)),
        )
        for name, (title, best) in CALIBRATION_FIGURES.items()
    ]
    columns = [TableColumn("Probabilities"), *(TableColumn(side) for side, _, _ in sides)]
    console.show_table([*columns, TableColumn("best", drop=2), TableColumn("by chance up to", drop=1)], rows)
    console.result(CALIBRATION_KEY)
    if shifted:
        console.result(at_prevalence(evaluation))
    console.result()


def _cells(evaluation: "EvaluationRecord") -> None:
    cells = evaluation.confusion_matrix
    console.show_table(
        ["Truth", f"called {evaluation.negative}", f"called {evaluation.positive}"],
        [
            (evaluation.truth.negative, cells["true_negative"], cells["false_positive"]),
            (evaluation.truth.positive, cells["false_negative"], cells["true_positive"]),
        ],
    )
    console.result()


def _sets(evaluation: "EvaluationRecord") -> None:
    from cxr_cli.evaluation.sets_in_words import NOT_MEASURED, coverages, describe_sets, patients_with_sets
    from cxr_cli.recipe.sets import level_of

    sets = evaluation.sets
    if not sets:
        console.result(f"Prediction sets: {NOT_MEASURED}")
        console.result()
        return
    rows = [
        (label, patients_with_sets(evaluation, own), _or_blank(own.share, own.interval) or "not defined")
        for label, own in coverages(evaluation, sets).items()
    ]
    columns = [TableColumn(f"Prediction sets ({level_of(sets.rule.alpha)})"), TableColumn("patients", drop=1)]
    console.show_table([*columns, TableColumn("with right class")], rows)
    for sentence in describe_sets(evaluation, sets):
        console.result(sentence)
    console.result()


def _subgroups(evaluation: "EvaluationRecord") -> None:
    """A column with one value is the whole set again, and is left out."""
    from cxr_cli.metrics.table import metrics_in

    by_column: dict[str, list[SubgroupRow]] = {}
    for row in evaluation.subgroups:
        by_column.setdefault(row.column, []).append(row)
    shown = [row for rows in by_column.values() if len(rows) > 1 for row in rows]
    measured = [row for row in shown if any(value is not None for value in row.metrics.values())]
    if measured:
        counts = [
            TableColumn("Subgroup"),
            TableColumn("films", drop=10),
            TableColumn(evaluation.truth.positive, drop=11),
        ]
        figures = [TableColumn(metric.title, drop=place) for place, metric in enumerate(metrics_in("subgroups"))]
        console.show_table([*counts, *figures], [_subgroup(row) for row in measured])
    few = [f"{row.column} {row.value} ({row.patients})" for row in shown if row not in measured]
    if few:
        console.result(f"Fewer than ten patients of either class (patients in all): {', '.join(few)}")
    if measured or few:
        console.result()


def _subgroup(row: "SubgroupRow") -> list[str]:
    from cxr_cli.metrics.table import metrics_in

    films = {"positives": row.positives, "negatives": row.negatives, "both": min(row.positives, row.negatives)}
    # A cell is blank where the subgroup has no film of a class that the metric needs.
    figures = [
        _or_blank(row.metrics[metric.name], row.intervals[metric.name]) or ("too few" if films[metric.needs] else "")
        for metric in metrics_in("subgroups")
    ]
    return [f"{row.column} {row.value}", f"{row.films:,}", f"{row.positives:,}", *figures]


def _side_by_side(evaluation: "EvaluationRecord") -> None:
    from cxr_cli.evaluation.in_words import gaps_in_words
    from cxr_cli.metrics.table import METRICS

    gaps = evaluation.external.gaps if evaluation.external else {}
    rows = [(METRICS[name].label, *_compared(gap)) for name, gap in gaps.items()]
    console.show_table(["", "internal", "external", "gap"], rows)
    if words := gaps_in_words(gaps):
        console.result(words)
    console.result()


def _compared(gap: "Gap") -> tuple[str, str, str]:
    inside = _or_blank(gap.internal, gap.internal_interval) or "not defined"
    outside = _or_blank(gap.external, gap.external_interval) or "not defined"
    if gap.gap is None:
        return inside, outside, ""
    return inside, outside, with_spread(gap.gap, gap.interval, signed=True)


def _or_blank(value: float | None, interval: "Interval | None" = None) -> str:
    return "" if value is None else with_spread(value, interval)
