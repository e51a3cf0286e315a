"""The sections of a report on shortcuts, and on where the model looks."""

from cxr_cli.auditing.in_words import BY_P
from cxr_cli.auditing.model_views import VIEWS
from cxr_cli.explanation.record import GradesRecord
from cxr_cli.numbers import p_value
from cxr_cli.reporting.document import Block, Cell, Figure, Section, TableBlock, Text
from cxr_cli.reporting.gather import ReportMaterial

_GRADES = {
    "lung_energy": "share of the heat inside the lungs",
    "lung_ratio": "that share relative to the lungs' area",
    "pointing_game": "hottest point in an opacity",
    "pointing_game_near": "hottest point in or near an opacity",
    "deletion_gain": "deletion: gain over random",
    "insertion_gain": "insertion: gain over random",
}


def audit_section(material: ReportMaterial) -> Section:
    """What separates the classes without the disease."""
    audit = material.audit
    blocks: list[Block] = [Text(audit.verdict, audit.level)]
    blocks += [Text(f"{finding.found} {finding.numbers} {finding.why}", finding.level) for finding in audit.findings]
    rows: list[list[Cell]] = [
        [check.title, check.kind, check.level, check.films, Figure(check.auc, check.interval), p_value(check.p)]
        for check in audit.checks
    ]
    header = ["what", "kind", "", "films", "AUC for the label", "p (adjusted)"]
    blocks.append(TableBlock(header, rows, left=3, caption="How well each one separates the classes; 0.5 is chance."))
    blocks.append(Text(BY_P, "note"))
    return Section("Shortcuts", [*blocks, *(Text(note, "note") for note in audit.notes)], ("shortcuts",))


def model_audit_section(material: ReportMaterial, *, findings: bool = True) -> Section:
    """What the model's predictions depend on.

    Args:
        material: of the run.
        findings: with what was found in full, not only the verdict. Defaults to true.
    """
    title, audit = "Shortcuts of the model", material.model_audit
    if audit is None:
        text = f"The model was not audited: cxr audit {material.predictor.run.name}"
        return Section(title, [Text(text, "warning")])
    blocks: list[Block] = [Text(audit.verdict, audit.level)]
    if findings:
        blocks += [Text(f"{one.found} {one.numbers} {one.why}", one.level) for one in audit.findings]
    rows: list[list[Cell]] = [
        [
            VIEWS[one.view].title,
            Figure(one.auc, one.interval),
            Figure(one.difference, one.difference_interval) if one.difference_interval else None,
        ]
        for one in audit.views
    ]
    caption = f"AUC on {audit.counted(f'{audit.split} films')}, as they are and changed; 0.5 is chance."
    blocks.append(TableBlock(["films", "AUC", "difference"], rows, caption=caption))
    heat = audit.heat
    if heat.energy is not None:
        spread = Figure(heat.energy), Figure(heat.area), Figure(heat.gain, heat.gain_interval)
        blocks.append(TableBlock(["heat of Grad-CAM in the lungs", "by chance", "difference"], [list(spread)], left=0))
    return Section(title, [*blocks, *(Text(note, "note") for note in audit.notes)], ("changed films",))


def grades_section(material: ReportMaterial) -> Section:
    """The grades of the heat maps, where they were graded."""
    graded = [record for record in material.grades if record.grades or record.randomization]
    if not graded:
        text = "The heat maps were not graded, so they prove nothing: cxr gradcam DIR --lungs DIR --lesions DIR"
        return Section("Heat maps", [Text(text, "warning")])
    blocks = [block for record in graded for block in _graded(record)]
    return Section("Heat maps", blocks, ("graded heat maps",))


def _graded(record: GradesRecord) -> list[Block]:
    films = f"the {record.split} films" if record.split else "films given by name"
    blocks: list[Block] = [Text(f"{record.method} of {record.explained} on {films}, {len(record.films)} of them.")]
    rows: list[list[Cell]] = [
        [_GRADES[name], grade.films, Figure(grade.value, grade.interval), Figure(grade.chance)]
        for name, grade in record.grades.items()
        if name in _GRADES
    ]
    if rows:
        blocks.append(TableBlock(["", "films", "mean", "by chance"], rows))
    if record.randomization:
        blocks += [
            Text(verdict, "" if record.randomization.passed[method] else "alarm")
            for method, verdict in record.randomization.verdicts.items()
        ]
    return [*blocks, *(Text(note, "note") for note in record.notes)]
