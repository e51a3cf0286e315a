"""The results of a model's audit in words, and the rules that make an alarm or a warning of them."""

from collections.abc import Iterator, Mapping, Sequence

from cxr_cli.auditing.in_words import warnings_in_words
from cxr_cli.auditing.model_record import LungHeat, ViewResult
from cxr_cli.auditing.model_views import VIEWS, WHOLE, Asks
from cxr_cli.auditing.record import AuditFinding
from cxr_cli.metrics.chance import Standing, standing, standing_in_words
from cxr_cli.metrics.intervals import Interval

# Of what the AUC on films as they are has above 0.5. docs/explanation/audit.md says what models of known faults keep.
ALARM_KEPT = 0.5  # without the lungs and their outline
WARNING_KEPT = 0.8  # without the lungs, with their outline
LUNGS_KEPT = 0.5  # with the lungs alone
FRAGILE = 0.05  # loss of AUC by a change that leaves the diagnosis as it is
_UNCERTAIN = "It is not certain that the model separates the classes of these films."
_WRONG_WAY = "The model is worse than chance on these films; its scores point the wrong way."
_ELSEWHERE = "Test it on films of another hospital: `cxr evaluate --external --metadata FILE`"
# What to do about a model that a change disturbs, by view.
_STEADIER = {
    "mirrored": "Mirror films in training: `cxr train --flip`",
    "shifted": "Shift films in training: `cxr train --shift 0.1`",
    "blurred": "Look for letters, noise and compression that differ between the classes: `cxr audit`",
}
_CROP = (
    "Train on films of one source with both classes, cropped to the lungs; and see what else separates the classes of "
    "its films: `cxr audit`"
)


def model_findings(views: Sequence[ViewResult], heat: LungHeat) -> list[AuditFinding]:
    """What the audit of a model found, alarms first."""
    results = {one.view: one for one in views}
    whole = results[WHOLE]
    if not _above_chance(whole):
        wrong_way = standing(whole.interval) is Standing.WORSE
        return [
            AuditFinding(
                level="warning",
                about=WHOLE,
                found=_WRONG_WAY if wrong_way else _UNCERTAIN,
                numbers=f"AUC {whole.auc:.3f}. {standing_in_words(whole.interval)}",
                why="What a model reads can only be measured where its AUC is above chance.",
                next="Look at the films that it got wrong: `cxr report`"
                if wrong_way
                else "Audit it on more films of both classes, from a larger dataset: `cxr prepare`",
            )
        ]
    findings = [*_outside(results), *_around(results), *_lungs(results), *_fragile(results), *_heat(heat)]
    return sorted(findings, key=lambda finding: finding.level != "alarm")


def model_verdict(findings: Sequence[AuditFinding], views: Sequence[ViewResult]) -> str:
    """The audit in a sentence."""
    if any(finding.level == "alarm" for finding in findings):
        return "The model still works where no lung is left on the film: it reads something else."
    whole = next((finding.found for finding in findings if finding.about == WHOLE), "")
    if whole:
        return f"No verdict: {whole[0].lower()}{whole[1:]}"
    without = [one.auc for one in views if VIEWS[one.view].asks is Asks.OUTSIDE]
    lungs = f"ithout the lungs its AUC falls to {max(without):.2f} or less"
    if findings:
        return f"{warnings_in_words(findings)} W{lungs}."
    return f"Clean: w{lungs}, and no other check raised a warning."


def _outside(results: Mapping[str, ViewResult]) -> Iterator[AuditFinding]:
    for name, one in _asking(results, Asks.OUTSIDE):
        if _above_chance(one) and (one.kept or 0) >= ALARM_KEPT:
            what = "the whole chest is gray" if name == "box_gray" else "only the border is left"
            yield AuditFinding(
                level="alarm",
                about=name,
                found=f"The model still works when {what}.",
                numbers=f"{_compared(one, results)}.",
                why="Nothing of the disease is on these films. What is left shows where a film came from: margins, "
                "markers, collimation, position, exposure. At another hospital this will not help.",
                next=_CROP,
            )


def _around(results: Mapping[str, ViewResult]) -> Iterator[AuditFinding]:
    """One finding for all such views: the hard outline of black lungs must not raise it by itself."""
    without = [one for _, one in _asking(results, Asks.AROUND)]
    if all(_above_chance(one) and (one.kept or 0) >= WARNING_KEPT for one in without):
        least = min(without, key=lambda one: one.auc)
        yield AuditFinding(
            level="warning",
            about=least.view,
            found="The model works almost as well when the lungs are taken out along their outline.",
            numbers=f"{_compared(least, results)}, the lower of the AUCs with black and with filled lungs; with flat "
            f"lungs on black, so by their shape alone, {results['outline_only'].auc:.3f}.",
            why="The outline of the lungs, the heart, the diaphragm and what lies outside tell it enough. Dense "
            "opacities can change that outline, so this is not an alarm by itself.",
            next=_ELSEWHERE,
        )


def _lungs(results: Mapping[str, ViewResult]) -> Iterator[AuditFinding]:
    for name, one in _asking(results, Asks.LUNGS):
        if _lower(one) and (one.kept or 0) < LUNGS_KEPT:
            yield AuditFinding(
                level="warning",
                about=name,
                found="The model needs more than the lungs.",
                numbers=f"{_compared(one, results)}.",
                why="Black around the lungs is new to a model of whole films and costs some AUC; but if most of it is "
                "lost, the model relied on what is now black.",
                next=_CROP,
            )


def _fragile(results: Mapping[str, ViewResult]) -> Iterator[AuditFinding]:
    for name, one in _asking(results, Asks.HARMLESS):
        if _lower(one) and one.difference < -FRAGILE:
            yield AuditFinding(
                level="warning",
                about=name,
                found=f"The model is fragile: it does worse on films that are {VIEWS[name].title}.",
                numbers=f"{_compared(one, results)}.",
                why="The lungs show the same as before. A change of this size is usual between hospitals.",
                next=_STEADIER[name],
            )


def _heat(heat: LungHeat) -> Iterator[AuditFinding]:
    around = heat.gain_interval
    if heat.energy is not None and heat.area is not None and around and around.high < 0:
        yield AuditFinding(
            level="warning",
            about="heat",
            found="The heat maps avoid the lungs.",
            numbers=f"{heat.energy:.0%} of the heat of Grad-CAM is in the lungs, which cover {heat.area:.0%} of what "
            f"the model is shown ({100 * around.low:+.0f} to {100 * around.high:+.0f} percentage points).",
            why="Evenly spread heat would have more of it there.",
            next="Look at the maps: `cxr gradcam --split test`",
        )


def _asking(results: Mapping[str, ViewResult], what: Asks) -> Iterator[tuple[str, ViewResult]]:
    return ((name, one) for name, one in results.items() if VIEWS[name].asks is what)


def _above_chance(one: ViewResult) -> bool:
    return standing(one.interval) is Standing.BETTER


def _lower(one: ViewResult) -> bool:
    """Whether it is certain that the AUC is lower than on films as they are."""
    return one.difference_interval is not None and one.difference_interval.high < 0


def _numbers(one: ViewResult) -> str:
    return f"AUC {one.auc:.3f}{_spread(one.interval)}"


def _compared(one: ViewResult, results: Mapping[str, ViewResult]) -> str:
    return f"{_numbers(one)}; on the films as they are {results[WHOLE].auc:.3f}"


def _spread(interval: Interval | None) -> str:
    return f" ({interval.low:.3f} to {interval.high:.3f})" if interval else ""
