"""The sections of a report on performance and its caveats."""

from collections import Counter
from collections.abc import Iterator

from cxr_cli.evaluation.calibration_in_words import CALIBRATION_KEY, at_prevalence
from cxr_cli.evaluation.caveats import caveats
from cxr_cli.evaluation.classes_in_words import classes_in_words
from cxr_cli.evaluation.crossval.in_words import recipe_doubts
from cxr_cli.evaluation.crossval.record import CrossvalRecord
from cxr_cli.evaluation.in_words import gaps_in_words
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.evaluation.size_in_words import size_in_words
from cxr_cli.metrics.calibration import AT_BOUND, CALIBRATION_FIGURES
from cxr_cli.metrics.subgroups import UNKNOWN, why_none
from cxr_cli.metrics.table import METRICS, meaning_of, metrics_in
from cxr_cli.reporting.curve_blocks import curve_blocks
from cxr_cli.reporting.document import Block, Cell, Figure, Figures, Section, TableBlock, Text, charts
from cxr_cli.reporting.doubts_section import paragraph
from cxr_cli.reporting.gather import ReportMaterial
from cxr_cli.reporting.references import cited


def performance_section(material: ReportMaterial) -> Section:
    """The figures on the test films, each with its interval."""
    test = material.test
    unknown = " A film of an unknown patient counts as one patient." if test.films_without_patient else ""
    cells = test.confusion_matrix
    rows: list[list[Cell]] = [
        [
            metric.title,
            meaning_of(metric, cells, positive=test.positive, negative=test.negative),
            Figure(test.metrics[name], test.intervals[name]),
        ]
        for name, metric in METRICS.items()
    ]
    blocks: list[Block] = [
        Figures(
            [
                (metric.title, Figure(test.metrics[metric.name], test.intervals[metric.name]), "")
                for metric in metrics_in("headline", ranked=True)
            ]
        ),
        Text(f"{test.counted('test films')}: {classes_in_words(test, material.predictions)}."),
        TableBlock(
            ["", "", "value (95% interval)"], rows, left=2, caption=f"Intervals: {test.interval_method}.{unknown}"
        ),
        TableBlock(
            ["truth", f"called {test.negative}", f"called {test.positive}"],
            [
                [test.negative, cells["true_negative"], cells["false_positive"]],
                [test.positive, cells["false_negative"], cells["true_positive"]],
            ],
        ),
    ]
    if test.sample_size:
        blocks.insert(2, Text(size_in_words(test)))
    worth = test.predictive_values
    if worth:
        values: list[list[Cell]] = [
            ["positive", Figure(worth.positive, worth.positive_interval)],
            ["negative", Figure(worth.negative, worth.negative_interval)],
        ]
        blocks.append(TableBlock(["predictive value", f"where {worth.prevalence:g} of people have it"], values))
    blocks += charts(
        (material.test_folder.roc_picture, "ROC curve on the test films, and the operating point."),
        (material.test_folder.scores_picture, "The probabilities of the test films of each class."),
        (material.test_folder.confusion_picture, "Confusion matrix at the operating point."),
    )
    blocks += curve_blocks(material)
    holds = ["performance"]
    holds += ["decision curve"] * bool(test.decision) + ["internal test"] * test.same_dataset
    return Section("Performance", blocks, tuple(holds))


def decision_section(material: ReportMaterial) -> Section:
    """How a prediction follows from the network's output."""
    test, run = material.test, material.run
    point, calibration = run.operating_point, test.calibration
    blocks: list[Block] = []
    if point:
        blocks.append(
            Text(
                f"A film is called {test.positive} from a calibrated probability of {point.threshold:.3f}. That "
                f"threshold was chosen by the rule {point.rule} on {point.positives + point.negatives} validation "
                f"films, where it gives a sensitivity of {point.sensitivity:.3f} and a specificity of "
                f"{point.specificity:.3f}; the test films were not used. {point.promise}".rstrip()
            )
        )
    if run.calibration:
        blocks.append(
            Text(
                f"{run.calibration.formula(test.positive)}, with slope and intercept fitted on the validation films "
                f"({cited('platt')})."
            )
        )
        if run.calibration.at_bound:
            blocks.append(Text(AT_BOUND, "warning"))
    shifted = calibration.at_prevalence
    rows: list[list[Cell]] = [
        [
            title,
            Figure(calibration.raw[name], calibration.raw_intervals.get(name)),
            Figure(calibration.calibrated[name], calibration.calibrated_intervals.get(name)),
            best,
            Figure(calibration.at_best[name]) if name in calibration.at_best else "",
            *([Figure(shifted.figures[name], shifted.intervals.get(name))] if shifted else []),
        ]
        for name, (title, best) in CALIBRATION_FIGURES.items()
    ]
    header = ["on the test films", "before", "after", "best", "by chance up to"]
    header += [f"at a prevalence of {shifted.prevalence:g}"] if shifted else []
    blocks.append(TableBlock(header, rows, caption=f"{CALIBRATION_KEY} {at_prevalence(test)}".rstrip()))
    text = "How often films of each probability are positive, on the test films."
    blocks += charts((material.test_folder.reliability_picture, text))
    holds = [*(["operating point"] if point else []), *(["calibration"] if run.calibration else [])]
    return Section("Operating point and calibration", blocks, tuple(holds))


def subgroups_section(material: ReportMaterial) -> Section:
    """The figures by view, sex, age, source and finding."""
    shown = metrics_in("subgroups", ranked=True)
    rows: list[list[Cell]] = [
        [
            *(row.column, row.value, row.films, row.positives, row.negatives),
            *(
                Figure(row.metrics[metric.name], row.intervals[metric.name])
                if row.metrics[metric.name] is not None
                else why_none(metric, row.positives, row.negatives)
                for metric in shown
            ),
        ]
        for row in material.test.subgroups
    ]
    header = ["by", "", "films", material.test.positive, material.test.negative, *(metric.title for metric in shown)]
    caption = (
        "A metric needs ten patients of each class that it counts; n/a: there is no film of such a class. With many "
        "subgroups, some differ by chance."
    )
    forest = charts(
        (material.test_folder.subgroups_picture, "Subgroups of the test films, compared with all test films.")
    )
    table = TableBlock(header, rows, left=2, caption=caption)
    return Section("Subgroups", [*forest, table], tuple(_compared(material)))


def _compared(material: ReportMaterial) -> Iterator[str]:
    """The results that subgroups hold: two of one column have figures to compare. Findings make the classes."""
    figures = Counter(
        row.column for row in material.test.subgroups if row.value != UNKNOWN and any(row.intervals.values())
    )
    compared = {column for column, values in figures.items() if values > 1} - {"finding"}
    if compared:
        yield "subgroups"
    if compared & {"sex", "age"}:
        yield "demographic subgroups"


def external_section(material: ReportMaterial) -> Section:
    """Films from elsewhere beside the run's own test."""
    blocks = [block for evaluation in material.external for block in _external(evaluation)]
    blocks += [
        Text(f"{split} is left out, because {reason}. Test it again: cxr evaluate --external --name {split}", "warning")
        for split, reason in material.outdated.items()
    ]
    if not blocks:
        blocks = [Text("Not tested on films from elsewhere: cxr evaluate --external", "warning")]
    return Section("Other hospitals", blocks, ("external test",) if material.external else ())


def _external(report: EvaluationRecord) -> Iterator[Block]:
    assert report.external is not None
    yield Text(f"{report.split}: {report.counted()}, {classes_in_words(report)}.")
    yield from map(paragraph, caveats(report))
    if report.external.gaps:
        yield TableBlock(
            ["", "internal", "external", "gap"],
            [
                [
                    METRICS[name].title,
                    Figure(gap.internal, gap.internal_interval),
                    Figure(gap.external, gap.external_interval),
                    Figure(gap.gap, gap.interval),
                ]
                for name, gap in report.external.gaps.items()
            ],
        )
        if words := gaps_in_words(report.external.gaps):
            yield Text(words)


def crossval_section(material: ReportMaterial) -> Section:
    """Cross-validation of the recipe, where it was done on this dataset."""
    if not material.crossvals:
        text = "Not cross-validated on this dataset, so all figures are from one split: cxr crossval --folds 5"
        return Section("Cross-validation", [Text(text, "warning")])
    shown = metrics_in("folds", ranked=True)
    rows: list[list[Cell]] = []
    for record in material.crossvals:
        across = [record.across_folds[metric.name] for metric in shown]
        means: list[Cell] = [Figure(one.mean, one.interval) for one in across]
        rows.append([record.arch, _folds_in_words(record), record.films, *means, Figure(across[0].sd)])
    header = ["architecture", "", "films", *(f"{metric.title}, mean" for metric in shown), f"SD of {shown[0].title}"]
    known = "" if all(record.films_without_patient == 0 for record in material.crossvals) else " (as far as known)"
    blocks: list[Block] = [
        *(paragraph(doubt) for record in material.crossvals for doubt in recipe_doubts(record)),
        Text(
            "Figures of the recipe, not of this model: each film is predicted by a model that saw no film of its "
            f"patient{known}, and each figure is the mean of the folds."
        ),
        TableBlock(header, rows, left=2),
    ]
    for of_what in dict.fromkeys(record.interval_of for record in material.crossvals):
        blocks.append(Text(f"The intervals are of {of_what}.", "note"))
    blocks.append(Text(f"Intervals: {material.crossvals[0].interval_method}.", "note"))
    notes = dict.fromkeys(note for record in material.crossvals for note in record.notes)
    blocks += [Text(note, "note") for note in notes]
    of_clusters = {"source", "location"}
    holds = {
        "left-out sources" if record.left_out in of_clusters else "cross-validation" for record in material.crossvals
    }
    return Section("Cross-validation", blocks, tuple(sorted(holds)))


def _folds_in_words(record: CrossvalRecord) -> str:
    if record.left_out:
        return f"each {record.left_out} left out"
    return f"{record.in_repeat} folds" + (f", {record.repeats} times" if record.repeats > 1 else "")
