"""The results of an audit in words: what was found, why it matters and what to do."""

from collections.abc import Sequence

import numpy as np

from cxr_cli.auditing.areas import BORDER, CORNERS, DETAIL, WITHOUT_LUNGS
from cxr_cli.auditing.checks import FILES, FORMAT, FROZEN, FROZEN_WITHOUT, SIZE, ShortcutChecks, lone_sources
from cxr_cli.auditing.files import MEASURES
from cxr_cli.auditing.in_words import warnings_in_words
from cxr_cli.auditing.record import AuditFinding, AuditValue, ShortcutCheck
from cxr_cli.metrics.subgroups import ENOUGH

_MODEL_LEARNS = "A model can learn to recognize {0} from a film instead of the disease"
_CROP = (
    "Crop the films to the lungs: `cxr prepare --crop lungs`; and check where a model looks: `cxr gradcam --lungs DIR`"
)
_ONE_SOURCE = "Use one source with both classes, and test on another: `cxr evaluate --external --metadata FILE`"
_LOOK = (
    "Look at the mean films and examples in audit/audit.html; then ask what a model trained on these films reads: "
    "`cxr audit RUN`"
)
_NO_LUNGS = (
    "The lungs were filled with what surrounds them. A disease may change the outline of heart and diaphragm, and "
    "patients who are more ill are imaged in another position, so this is a warning, not proof."
)
# As the film is seen.
_CORNERS = ("upper left corner", "upper right corner", "lower left corner", "lower right corner")
_SIDES = ("upper side", "lower side", "left side", "right side")
_EXTREMES = 2  # values of a column that are named from either end
# By check: what was found, why it matters, what to do.
_WORDS = {
    "source": (
        "The source reveals the class.",
        _MODEL_LEARNS.format("the source") + ". It then looks excellent here and fails at another hospital.",
        _ONE_SOURCE,
    ),
    "location": (
        "The hospital reveals the class.",
        _MODEL_LEARNS.format("the hospital") + ".",
        "Test it on hospitals it has not seen: `cxr crossval --leave-out location`",
    ),
    "view": (
        "The view reveals the class.",
        "The view is visible in a film and depends on how ill the patient was: bedridden patients are imaged AP or "
        "supine.",
        "Keep one view: `cxr prepare --views PA`; or read the metrics by view in `cxr evaluate`",
    ),
    "sex": (
        "The sex reveals the class.",
        _MODEL_LEARNS.format("the sex") + ".",
        "Choose films so that both classes have the same share of women; or read the metrics by sex in `cxr evaluate`",
    ),
    "age": (
        "The age reveals the class.",
        _MODEL_LEARNS.format("age") + ", especially whether it shows a child or an adult.",
        "Choose films so that both classes have similar ages; or read the metrics by age in `cxr evaluate`",
    ),
    FORMAT: (
        "The file format reveals the class.",
        "The compression of a format leaves traces in the pixels, and formats often differ between sources.",
        _ONE_SOURCE,
    ),
    SIZE: (
        "The image size reveals the class.",
        "Films are resized to one size, which leaves traces, and sizes often differ between sources.",
        _ONE_SOURCE,
    ),
    FILES: (
        "File properties alone reveal the class.",
        "A classifier that saw no pixel did this. Whatever makes the files differ (machine, crop, compression) is "
        "visible in the pixels too.",
        _ONE_SOURCE,
    ),
    BORDER.name: (
        "The outer border alone reveals the class.",
        "A classifier that saw no lung did this, from margins, markers, collimation or the position of the patient.",
        _CROP,
    ),
    CORNERS.name: (
        "The corners alone reveal the class.",
        "A classifier that saw no lung did this. Side markers and burned-in text are the usual reason.",
        _CROP,
    ),
    DETAIL.name: (
        "Fine detail alone reveals the class.",
        "A classifier that saw only edges, letters, noise and sharpness did this. Text inside the film, tubes, or "
        "another machine or compression are the usual reasons; fine lines can be disease, too.",
        _LOOK,
    ),
    WITHOUT_LUNGS.name: (
        "The film without its lungs reveals the class to a forest of trees.",
        _NO_LUNGS,
        _LOOK,
    ),
    FROZEN_WITHOUT: (
        "The film without its lungs reveals the class to a network.",
        f"{_NO_LUNGS} A network sees shapes that a forest of trees, which looks at gray levels of blocks, can miss.",
        _LOOK,
    ),
    FROZEN: (
        "The classes are easier to separate than a disease usually is.",
        "A network that was never trained on radiographs did this. The films show the disease, but probably something "
        "easier, too.",
        _ONE_SOURCE,
    ),
}


def findings_of(checks: ShortcutChecks, *, positive: str, negative: str) -> list[AuditFinding]:
    """The alarms and warnings, in words."""
    total = max(check.films for check in checks.checks)
    return [
        _finding(check, checks.importances.get(check.name), positive, negative, total=total)
        for check in checks.checks
        if check.level in ("alarm", "warning")
    ]


def verdict(findings: Sequence[AuditFinding], checks: Sequence[ShortcutCheck]) -> str:
    """The audit in a sentence."""
    alarms = [finding for finding in findings if finding.level == "alarm"]
    if alarms:
        leaks = any(finding.about == "parts" for finding in alarms)
        names = {check.name for check in checks}
        shortcut = any(finding.about in names for finding in alarms)
        parts = [
            *(["something other than the disease separates the classes"] if shortcut else []),
            *(["the parts of the split leak"] if leaks else []),
            *(["labels contradict each other"] if any(finding.about == "labels" for finding in alarms) else []),
        ]
        said = " and ".join(parts)
        return f"{said[0].upper()}{said[1:]}."
    if findings:
        return warnings_in_words(findings)
    measured = sum(check.auc is not None for check in checks)
    return (
        f"Clean: none of {measured} checks that could be made separates the classes well, and no patient or film is in "
        "two parts."
    )


def _finding(
    check: ShortcutCheck, importances: np.ndarray | None, positive: str, negative: str, *, total: int
) -> AuditFinding:
    found, why, to_do = _WORDS.get(check.name) or _of_missing(check.name)
    numbers = f"AUC {check.auc:.3f}" + (
        f" ({check.interval.low:.3f} to {check.interval.high:.3f})" if check.interval else ""
    )
    if check.films < total:
        which = "that have a value" if check.values else "in which the lungs were looked for and found"
        numbers += f" in the {check.films} of {total} films {which}"
    reason = _by_what(check, importances, positive, negative)
    return AuditFinding(
        level=check.level, about=check.name, found=found, numbers=f"{numbers}{reason}.", why=why, next=to_do
    )


def _of_missing(name: str) -> tuple[str, str, str]:
    what = name.removesuffix(" missing")
    return (
        f"A missing {what} reveals the class.",
        "What is recorded depends on who collected the films: those without it probably come from elsewhere.",
        "Look in dataset/manifest.csv for the films that lack it, and find out where they came from",
    )


def _by_what(check: ShortcutCheck, importances: np.ndarray | None, positive: str, negative: str) -> str:
    """What separated the classes: the values of a column, or the features that a classifier used most."""
    if check.kind == "missing":
        counts = {value.value: value for value in check.values}
        missing = counts["missing"]
        negatives = sum(value.negatives for value in check.values)
        positives = sum(value.positives for value in check.values)
        return (
            f": missing in {missing.negatives} of {negatives} {negative} and {missing.positives} of {positives} "
            f"{positive} films"
        )
    if check.name == "source" and (lone := lone_sources(check.values)):
        sources = [
            f"all {value.negatives + value.positives} films of {value.value} are "
            f"{positive if value.positives else negative}"
            for value in lone[:3]
        ]
        return f": {', '.join(sources)}"
    if check.kind == "column":
        return _extremes(check.values, positive)
    if importances is None or check.name in (DETAIL.name, WITHOUT_LUNGS.name):  # the page draws where
        return ""
    if check.name == FILES:
        first = np.argsort(-importances)[:3]
        return f", mostly by {', '.join(MEASURES[place] for place in first)}"
    place, words = (BORDER, _SIDES) if check.name == BORDER.name else (CORNERS, _CORNERS)
    shares = [place.map(importances)[region].sum() for region in place.regions]
    return f", mostly by the {words[int(np.argmax(shares))]}"


def _extremes(values: Sequence[AuditValue], positive: str) -> str:
    """The values with the fewest and the most positives for their number of films, beside those of all films."""
    films = {value: value.negatives + value.positives for value in values}
    overall = sum(value.positives for value in values) / max(sum(films.values()), 1)
    # In standard errors: 79 of 81 films say more than 10 of 10.
    excess = {
        value: (value.positives / count - overall) * count**0.5 for value, count in films.items() if count >= ENOUGH
    }
    ranked = sorted(excess, key=lambda value: excess[value])
    shown = [value for value in ranked[:_EXTREMES] if excess[value] < 0]
    shown += [value for value in reversed(ranked[-_EXTREMES:]) if excess[value] > 0]
    if not shown:
        return ""
    counts = ", ".join(f"{value.value} ({value.positives} of {films[value]})" for value in shown)
    return f"; {positive} films, {overall:.0%} overall: {counts}"
