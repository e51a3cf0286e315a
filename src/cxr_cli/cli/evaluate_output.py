"""What `cxr evaluate` prints: how many films, the caveats, and each metric with its interval."""

from typing import TYPE_CHECKING

from cxr_cli.cli import console
from cxr_cli.disclaimer import DISCLAIMER

if TYPE_CHECKING:
    from cxr_cli.evaluation.evaluate import Evaluated
    from cxr_cli.evaluation.record import EvaluationRecord, Gap
    from cxr_cli.metrics.intervals import Interval
    from cxr_cli.metrics.subgroups import SubgroupRow


def show(evaluated: "Evaluated", *, as_json: bool) -> None:
    """Print an evaluation, for people or for programs."""
    warnings = _warnings(evaluated)
    report = evaluated.record
    if as_json:
        import msgspec

        for warning in warnings:
            console.note(warning)
        console.result_json(msgspec.to_builtins(report))
        return
    _head(report, warnings)
    if report.external and report.external.gaps:
        _side_by_side(report)
    _metrics(report)
    _calibration(report)
    _cells(report)
    _subgroups(report)
    console.result("Intervals are 95 % and count patients, not films; the JSON record says how they are made.")
    console.result(f"Files: {evaluated.folder.root}")
    console.result(DISCLAIMER)


def _warnings(evaluated: "Evaluated") -> list[str]:
    from cxr_cli.evaluation.caveats import caveats

    report = evaluated.record
    leaks = [
        f"Warning: the given split leaks. {leak.films} {leak.later} films share {leak.patients} patients with "
        f"{leak.earlier}: figures on {report.split} may be too good."
        for leak in evaluated.leaks
        if not (report.seen and report.seen.dropped)
    ]
    return leaks + caveats(report)


def _head(report: "EvaluationRecord", warnings: list[str]) -> None:
    from cxr_cli.evaluation.caveats import seen_in_words

    place = f"{report.split}, films from elsewhere" if report.external else report.split
    console.result(
        f"{report.run} on {place}: {report.films:,} films of {report.patients:,} patients, "
        f"{report.positives:,} {report.positive} and {report.negatives:,} {report.negative}"
    )
    if report.seen and report.seen.dropped:
        left_out = seen_in_words(report.seen)
        console.result(f"Left out, because the run has seen them or their patients in training: {left_out or 'none'}")
    for warning in warnings:
        console.result(warning)
    point = report.operating_point
    chosen = f" ({point.rule}, on {point.positives + point.negatives} validation films)" if point else ""
    console.result(f"Operating point: {report.positive} from a probability of {report.threshold:.3g}{chosen}")
    console.result()


def _metrics(report: "EvaluationRecord") -> None:
    from cxr_cli.metrics.table import meaning_of, metrics_in

    shown = metrics_in("evaluate")
    if not report.positives or not report.negatives:  # the rest would only give the one class's share of the films
        shown = [metric for metric in shown if metric.needs != "both" and report.metrics[metric.name] is not None]
    console.result(f"{'':<18} {'':<5}  95 % interval")
    for metric in shown:
        meaning = meaning_of(metric, report.confusion_matrix, positive=report.positive, negative=report.negative)
        _line(metric.label, report.metrics[metric.name], report.intervals[metric.name], meaning)
    worth = report.predictive_values
    if worth and report.positives and report.negatives:
        console.result(f"At a prevalence of {worth.prevalence:.3%}:".replace(".000%", "%"))
        _line("PPV", worth.positive, worth.positive_interval, f"of films called {report.positive}, those that are")
        _line("NPV", worth.negative, worth.negative_interval, f"of films called {report.negative}, those that are")
    elif worth:
        console.result("PPV and NPV at a prevalence need films of both classes.")
    elif report.positives and report.negatives:
        share = f"{report.positives / report.films:.0%}"
        console.result(f"PPV and NPV are of a set with {share} {report.positive}; of another: --prevalence SHARE")
    console.result()


def _line(name: str, value: float | None, interval: "Interval | None", meaning: str) -> None:
    if value is None:
        console.result(f"{name:<18} not defined")
        return
    around = f"{interval.low:.3f} to {interval.high:.3f}" if interval else "not known"
    console.result(f"{name:<18} {value:.3f}  {around:<14}  {meaning}".rstrip())


def _calibration(report: "EvaluationRecord") -> None:
    from cxr_cli.metrics.calibration import calibration_titles

    calibration = report.calibration
    if not report.positives or not report.negatives:
        return
    titles = ["raw", f"temperature {calibration.temperature:.2f}"] if calibration.temperature else ["not calibrated"]
    sets = [calibration.raw, calibration.calibrated] if calibration.temperature else [calibration.calibrated]
    rows = [(title, *(f"{one[name]:.3f}" for one in sets)) for name, title in calibration_titles().items()]
    console.table([("Probabilities", *titles), *rows], indent=0)
    console.result()


def _cells(report: "EvaluationRecord") -> None:
    cells = report.confusion_matrix
    console.table(
        [
            ("Truth", f"called {report.negative}", f"called {report.positive}"),
            (report.negative, cells["true_negative"], cells["false_positive"]),
            (report.positive, cells["false_negative"], cells["true_positive"]),
        ],
        indent=0,
    )
    console.result()


def _subgroups(report: "EvaluationRecord") -> None:
    """A column with one value is the whole set again, and is left out."""
    from cxr_cli.metrics.table import metrics_in

    by_column: dict[str, list[SubgroupRow]] = {}
    for row in report.subgroups:
        by_column.setdefault(row.column, []).append(row)
    shown = [row for rows in by_column.values() if len(rows) > 1 for row in rows]
    measured = [row for row in shown if any(value is not None for value in row.metrics.values())]
    if measured:
        header = ["Subgroup", "films", report.positive, *(metric.title for metric in metrics_in("subgroups"))]
        console.table([header, *(_subgroup(row) for row in measured)], indent=0)
    few = [f"{row.column} {row.value} ({row.films})" for row in shown if row not in measured]
    if few:
        console.result(f"Too few films of either class, below ten: {', '.join(few)}")
    if measured or few:
        console.result()


def _subgroup(row: "SubgroupRow") -> list[str]:
    from cxr_cli.metrics.table import metrics_in

    films = {"positives": row.positives, "negatives": row.negatives, "both": min(row.positives, row.negatives)}
    # A cell is blank where the subgroup has no film of a class that the metric needs.
    figures = [
        _short(row.metrics[metric.name], row.intervals[metric.name]) or ("too few" if films[metric.needs] else "")
        for metric in metrics_in("subgroups")
    ]
    return [f"{row.column} {row.value}", f"{row.films:,}", f"{row.positives:,}", *figures]


def _side_by_side(report: "EvaluationRecord") -> None:
    from cxr_cli.metrics.table import METRICS

    gaps = report.external.gaps if report.external else {}
    rows = [(METRICS[name].label, *_compared(gap)) for name, gap in gaps.items()]
    console.table([("", "internal", "external", "gap"), *rows], indent=0)
    console.result()


def _compared(gap: "Gap") -> tuple[str, str, str]:
    inside = _short(gap.internal, gap.internal_interval) or "not defined"
    outside = _short(gap.external, gap.external_interval) or "not defined"
    if gap.gap is None:
        return inside, outside, ""
    around = f" ({gap.interval.low:+.2f} to {gap.interval.high:+.2f})" if gap.interval else ""
    return inside, outside, f"{gap.gap:+.2f}{around}"


def _short(value: float | None, interval: "Interval | None") -> str:
    if value is None:
        return ""
    return f"{value:.2f} ({interval.low:.2f}–{interval.high:.2f})" if interval else f"{value:.2f}"
