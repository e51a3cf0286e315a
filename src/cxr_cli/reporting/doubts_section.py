"""What speaks against a run, and how its report and its model card begin: both from the same findings."""

from collections.abc import Sequence

from cxr_cli.auditing.in_words import views_in_words, warnings_in_words
from cxr_cli.auditing.model_record import ModelAuditRecord
from cxr_cli.auditing.model_views import WHOLE
from cxr_cli.auditing.record import AuditRecord
from cxr_cli.doubts import Doubt, Weight, alarm, loudest_first, warning
from cxr_cli.evaluation.calibration_in_words import calibration_caveats
from cxr_cli.evaluation.caveats import caveats, external_failure
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.evaluation.sets_in_words import missed_promises
from cxr_cli.metrics.chance import Standing, standing
from cxr_cli.numbers import figure, spread
from cxr_cli.reporting.document import Section, Text, headline
from cxr_cli.reporting.gather import ReportMaterial
from cxr_cli.reporting.run_doubts import audit_alarm, in_short

_FEW = 50  # films of a class; with fewer, an interval is wider than most differences that matter
_NOT_ELSEWHERE = warning("The run was not tested on films from elsewhere.", "Test it on some: cxr evaluate --external")


def report_doubts(material: ReportMaterial) -> list[Doubt]:
    """Collect what a reader should know before looking at any figure, the loudest first."""
    test, run = material.test, material.run
    doubts = caveats(test)
    doubts += [failure for external in material.external if (failure := external_failure(external))]
    doubts += _of_audits(material)
    few = min(test.positives, test.negatives)
    if few < _FEW:
        doubts.append(
            warning(f"Only {few} test films of one class: the intervals are wide, and figures depend on the split.")
        )
    if not material.external:
        doubts.append(_NOT_ELSEWHERE)
    if run.operating_point is None:
        doubts.append(
            warning("The threshold is 0.5, not chosen on validation, and the probabilities are not calibrated.")
        )
    return loudest_first(doubts)


def lead(name: str, arch: str, test: EvaluationRecord) -> str:
    """What a run is and how it does on its test films: no more than the doubts about it allow."""
    area = test.intervals["roc_auc"]
    kind = "" if name == arch else f" ({arch})"
    stands = {
        Standing.BETTER: "it is better than chance",
        Standing.UNCERTAIN: "it is not shown to be better than chance",
        Standing.WORSE: "it is worse than chance",
    }[standing(area)]
    figures = (
        f"sensitivity {figure(test.metrics['sensitivity'])} and specificity {figure(test.metrics['specificity'])} at "
        "the operating point."
    )
    where = f"{name}{kind} was trained to separate {test.positive} from {test.negative} on chest radiographs. On "
    where += test.counted(f"{test.split} films")
    if test.metrics["roc_auc"] is None:
        return f"{where}, all of one class, its AUC can't be measured: {figures}"
    interval = f" (95% interval {spread(area)})" if area else ""
    return f"{where} {stands}: ROC AUC {figure(test.metrics['roc_auc'])}{interval}, {figures}"


def caveats_section(doubts: Sequence[Doubt]) -> Section:
    """The doubts, but for the one that stands above everything else; and what is always true.

    Args:
        doubts: the loudest first.
    """
    always = (
        "No figure here shows whether the findings in the metadata are right, whether these films represent the "
        "patients in question, or whether the model looks at the disease or at something that comes with it."
    )
    return Section("Caveats", [*map(paragraph, doubts[1:] if headline(doubts) else doubts), Text(always)], ("caveats",))


def evidence(material: ReportMaterial, doubts: Sequence[Doubt]) -> dict[str, str]:
    """Find the section that shows each doubt's evidence.

    Args:
        material: of the run.
        doubts: from `report_doubts`.

    Returns:
        The text of a doubt's paragraph -> the section's title; without the doubts that name it themselves.
    """
    test, elsewhere = material.test, [external_failure(external) for external in material.external]
    titles = {doubt.sentence: "Other hospitals" for doubt in [*elsewhere, _NOT_ELSEWHERE] if doubt}
    titles |= {doubt.sentence: "Operating point and calibration" for doubt in calibration_caveats(test)}
    titles |= dict.fromkeys(missed_promises(test), "Prediction sets")
    plain = [doubt for doubt in doubts if "“" not in doubt.hint]
    return {paragraph(doubt).text: titles.get(doubt.sentence, "Performance") for doubt in plain}


def paragraph(doubt: Doubt) -> Text:
    """A doubt as a paragraph in the color of its weight."""
    return Text(f"{doubt.sentence} {doubt.hint}".rstrip(), doubt.weight.value)


def _of_audits(material: ReportMaterial) -> list[Doubt]:
    test, name, doubts = material.test, material.predictor.run.name, list[Doubt]()
    films = f"the films that {name} was trained on" if test.same_dataset else "the prepared films"
    auc = test.metrics["roc_auc"]
    beside = "" if auc is None else f" {name} itself has an AUC of {auc:.3f} on its test films."
    audits: list[tuple[str, AuditRecord | ModelAuditRecord, str, str]]
    audits = [(f"The audit of {films}", material.audit, beside, "See “Shortcuts”.")]
    if material.model_audit:
        audits.append((f"The audit of the model {name}", material.model_audit, "", "See “Shortcuts of the model”."))
    for subject, audit, also, where in audits:
        alarms = [finding for finding in audit.findings if finding.level == Weight.ALARM]
        if alarms:
            first = in_short(alarms[0].found, alarms[0].numbers)
            doubts.append(alarm(audit_alarm(subject, first, beside=also, more=len(alarms) - 1), where))
        elif audit.level != "ok":
            doubts.append(Doubt(Weight(audit.level), _warned(subject, audit), where))
    return doubts


def _warned(subject: str, audit: AuditRecord | ModelAuditRecord) -> str:
    """Say what an audit without an alarm warned of; of a model, with the AUCs that it rests on."""
    said = warnings_in_words(audit.findings)
    sentence = f"{subject} gave {said[0].lower()}{said[1:]}"
    if not isinstance(audit, ModelAuditRecord):
        return sentence
    if audit.findings[0].about == WHOLE:
        sentence = f"{subject} gave no verdict: {said.split(': ', 1)[1]}"
    return f"{sentence} {views_in_words(audit)}"
