"""The methods section of a paper: every sentence comes from the records of a run."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from cxr_cli.dataset.describe import patients_of_both
from cxr_cli.disclaimer import DISCLAIMER
from cxr_cli.evaluation.classes_in_words import classes_in_words
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.metrics.calibration_figures import IN_THE_LARGE, SLOPE
from cxr_cli.metrics.table import METRICS
from cxr_cli.reporting.document import Block, Section, TableBlock, Text
from cxr_cli.reporting.flow import screened
from cxr_cli.reporting.gather import ReportMaterial
from cxr_cli.reporting.methods_of_model import describe_decision, describe_model, describe_training
from cxr_cli.reporting.references import Citations
from cxr_cli.workspace.folders import PARTS

_PARTS = dict(zip(PARTS, ("training", "validation", "test"), strict=True))
# Words of an evaluation's own description of its intervals, and what they are cited as.
_INTERVALS = {
    "Wilson": "wilson",
    "effective number of films": "clustered proportions",
    "effective number of patients": "effective patients",
    "bootstrap": "bootstrap",
    "Obuchowski": "obuchowski",
    "MOVER": "mover",
    "Nadeau": "nadeau",
}


@dataclass(frozen=True)
class Methods:
    """What was done, to paste into a paper."""

    paragraphs: dict[str, str]  # by what each is about
    references: list[str]  # from number 1

    def __str__(self) -> str:
        """Write it as Markdown."""
        text = [f"**{title}.** {paragraph}" for title, paragraph in self.paragraphs.items()]
        listed = [f"{number}. {reference}" for number, reference in enumerate(self.references, start=1)]
        return "\n\n".join(["# Methods", *text, "## References", "\n".join(listed), DISCLAIMER]) + "\n"


def describe_methods(material: ReportMaterial, held: Collection[str]) -> Methods:
    """Describe the data, the model, its training and its evaluation.

    Args:
        material: of the run.
        held: the results that the report holds, of `RESULTS`.
    """
    cite = Citations()
    parts = {
        "Data": _data(material, cite),
        "Model": describe_model(material.run, cite),
        "Training": describe_training(material.run, cite),
        "Threshold and calibration": describe_decision(material.run, cite),
        "Evaluation": _evaluation(material, held, cite),
        "Shortcuts": _audits(material, cite),
        "Software": _software(material),
    }
    paragraphs = {title: " ".join(sentences) for title, sentences in parts.items()}
    return Methods({title: text for title, text in paragraphs.items() if text}, cite.listed())


def methods_section(methods: Methods) -> Section:
    """The methods, as a section of a report."""
    intro = "To paste, from methods.md. All of it comes from the records of this run; add what they don't contain."
    paragraphs: list[Block] = [Text(f"{title}. {text}") for title, text in methods.paragraphs.items()]
    listed: list[list[str | int]] = [[str(number), text] for number, text in enumerate(methods.references, start=1)]
    table = TableBlock(["", "reference"], [list(row) for row in listed], left=2)
    return Section("Methods", [Text(intro, "note"), *paragraphs, table])


def _data(material: ReportMaterial, cite: Citations) -> Iterator[str]:
    made, options = material.made, material.made.options
    if not material.test.same_dataset:
        counts = "; ".join(f"{_PARTS[part]} {_counts(films)}" for part, films in material.run.films.items())
        yield (
            f"The model was trained on another dataset or split than the one described here, of which only the number "
            f"of films is recorded ({counts})."
        )
    sources = sorted({film.source for film in material.films})
    kept = f"{len(material.films):,} films were kept"
    yield f"{made.rows:,} {screened(made)} from {_listed(sources)} were screened, and {kept}."
    rules = [f"{step.rule} ({step.removed:,} left out)" for step in made.funnel if step.removed]
    if rules:
        yield f"A film was kept if it met these rules, applied in this order: {'; '.join(rules)}."
    positive = options.get("positive")
    where = (
        f"it was in the class folder {positive}"
        if options.get("folders")
        else f"its finding in the metadata names {positive}"
    )
    yield f"A film is positive ({made.classes.positive}) if {where}, and negative ({made.classes.negative}) otherwise."
    if made.duplicates:
        pairs = made.duplicates.exact + made.duplicates.near
        yield (
            f"Exact and near-duplicate films were looked for ({pairs:,} {'pair' if pairs == 1 else 'pairs'}), and "
            "patients who share a film were counted as one."
        )
    yield from _split(material)


def _split(material: ReportMaterial) -> Iterator[str]:
    made, options = material.made, material.made.options
    if made.given_parts:
        yield f"The {_listed([_PARTS[part] for part in made.given_parts])} parts came with the data."
    if held := options.get("hold_out"):
        yield f"Films of {_listed(held)} were validated and tested on, but not trained on."
    drawn = [_PARTS[part] for part in PARTS if part not in made.given_parts]
    if drawn:
        yield (
            f"The {_listed(drawn)} parts were drawn with random seed {options['seed']}, stratified by class, with "
            f"shares of {options['split']}; films that are copies of each other are in one part."
        )
    if made.patients_from:
        yield f"Patients are known from {made.patients_from}."
    if unknown := made.films_without_patient:
        yield (
            f"The patient of {unknown:,} of {len(material.films):,} films is not known: each of them was counted as a "
            "patient of its own, and films of one patient may be in several parts."
        )
    elif made.patients_apart:
        yield "All films of a patient are in one part."
    yield from patients_of_both(material.films)
    for leak in made.leaks:
        yield (
            f"{leak.films:,} {_PARTS[leak.later]} films share a patient or are copies of films of the "
            f"{_PARTS[leak.earlier]} part."
        )
    sizes = [
        f"{sum(films.values()):,} films ({_counts(films)}) of {made.patients_in(part)} patients in the {_PARTS[part]} "
        "part"
        for part, films in made.films.items()
    ]
    yield f"There are {_listed(sizes)}."
    yield "No missing value was imputed."


def _evaluation(material: ReportMaterial, held: Collection[str], cite: Citations) -> Iterator[str]:
    test = material.test
    yield (
        f"The model was tested on {test.counted()} ({classes_in_words(test, material.predictions)}); "
        "the threshold and the calibration are those above."
    )
    titles = [metric.title for name, metric in METRICS.items() if test.metrics.get(name) is not None]
    yield f"The metrics were {_listed(titles)}."
    yield f"Intervals: {test.interval_method}{_cited(test.interval_method, cite)}."
    figures = test.calibration
    if any(figures.calibrated_intervals.get(name) for name in (SLOPE, IN_THE_LARGE)):
        yield (
            f"Calibration was measured by its slope and calibration-in-the-large{cite('calibration')}, with standard "
            f"errors clustered by patient{cite('clustered regression')}."
        )
    if test.partial_auc:
        yield (
            f"The partial AUC{cite('partial auc')} is that up to a 1 - specificity of {test.partial_auc.max_fpr:g}, "
            "standardized so that 0.5 is chance."
        )
    if test.decision:
        points = test.decision.points
        whose = ", as stated, to which the probabilities were shifted" if test.decision.stated else " in these films"
        yield (
            f"Net benefit was measured against treating all and treating none{cite('decision curve')}, at threshold "
            f"probabilities from {points[0].threshold:g} to {points[-1].threshold:g} and at a prevalence of "
            f"{test.decision.prevalence:.3g}{whose}."
        )
    if test.risk_coverage:
        yield (
            "What abstaining from the films nearest to the threshold is worth was measured by the area under the "
            f"risk-coverage curve{cite('risk coverage')}."
        )
    if test.sets:
        yield (
            f"Prediction sets at an error of {test.sets.rule.alpha:g} were calibrated on the validation films by class "
            f"and patient{cite('prediction sets')}."
        )
    if test.seen and test.seen.count:
        what = "were left out" if test.seen.dropped else "are among them"
        yield f"{test.seen.count:,} films of the model's training, or copies or other films of their patients, {what}."
    if "fairness gaps" in held:
        how = f"by differences, with intervals from those of both sides{cite('mover')}"
        yield f"Sexes and age bands were compared {how}."
    if "failure analysis" in held:
        yield (
            "Whether films with some value of the metadata, or of brightness, contrast or size, are wrong more often "
            f"than others was tested by permuting patients{cite('permutation')}, with Holm's correction{cite('holm')}."
        )
    yield from _elsewhere(material.external, cite)
    for record in material.crossvals:
        folds = f"leaving out each {record.left_out}" if record.left_out else f"{record.in_repeat} folds"
        times = f", repeated {record.repeats} times" if record.repeats > 1 else ""
        yield (
            f"The recipe of {record.arch} was cross-validated ({folds}{times}) on {record.counted()}, with no group of "
            "films in two parts of a fold. Its intervals "
            f"are of {record.interval_of}: {record.interval_method}{_cited(record.interval_method, cite)}."
        )


def _cited(method: str, cite: Citations) -> str:
    """The references of an interval's method, by the words of its description."""
    keys = [key for word, key in _INTERVALS.items() if word in method]
    return cite(*keys) if keys else ""


def _elsewhere(external: list[EvaluationRecord], cite: Citations) -> Iterator[str]:
    for evaluation in external:
        yield (
            f"The model was also tested on {evaluation.counted()} from elsewhere ({evaluation.split}; "
            f"{classes_in_words(evaluation)}), at the same threshold."
        )
    if any(evaluation.external and evaluation.external.gaps for evaluation in external):
        yield f"Intervals of differences between the two tests are from those of both{cite('mover')}."


def _audits(material: ReportMaterial, cite: Citations) -> Iterator[str]:
    audit, model = material.audit, material.model_audit
    if names := [check.name for check in audit.checks if check.auc is not None]:
        yield (
            f"Whether something other than the disease separates the classes was tested for {_listed(names)}, with "
            f"Holm's correction{cite('holm')}."
        )
    if model:
        yield (
            f"The model also predicted {sum(model.films.values()):,} {model.split} films in {len(model.views)} "
            "versions, among them one without lungs."
        )
        if model.heat.energy is not None:
            heat = f"Grad-CAM{cite('gradcam')}"
            yield f"The share of the heat of {heat} in the lungs was measured on {model.heat.films:,} films."


def _software(material: ReportMaterial) -> Iterator[str]:
    trained, tested = material.run.versions, material.test.versions
    yield f"The model was trained with {_versions(trained)}."
    others = {name: number for name, number in tested.items() if trained.get(name) != number}
    yield f"It was tested with {_versions(others)}." if others else "It was tested with the same versions."


def _versions(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def _counts(films: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {label}" for label, count in films.items())


def _listed(names: Sequence[str]) -> str:
    """Names in a sentence: "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
