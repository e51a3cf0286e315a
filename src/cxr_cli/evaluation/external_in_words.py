"""What a test on films from elsewhere says against a run: decided and put into words here only."""

import re

from cxr_cli.doubts import Doubt, Weight, alarm, remark, warning
from cxr_cli.metrics.chance import Standing, standing
from cxr_cli.metrics.intervals import Interval

# An AUC that falls by this much, for certain, is a failed test: from 0.9 it is most of the way to what a shortcut that
# is missing elsewhere leaves. A smaller loss is usual between hospitals.
MUCH_LOWER = 0.1


def another_class(finding: str, positive: str) -> bool:
    """Whether films that are positive by `finding` are of another class than the run's positive one, by their names.

    A finding may be a path, such as ``Pneumonia/Viral/COVID-19``, which is no other class than ``covid``.
    """
    wanted, named = _letters(positive), [_letters(part) for part in finding.split("/")]
    return not any(part and (part.startswith(wanted) or wanted.startswith(part)) for part in named)


def class_doubt(finding: str, positive: str) -> Doubt:
    """What the figures mean where the positive films are of another class."""
    return alarm(
        f"The positive films of this test are {finding}; the run was trained to find {positive}. Its sensitivity is "
        f"the share of {finding} films that it calls {positive}.",
    )


def external_doubt(
    name: str,
    *,
    auc: float,
    interval: Interval | None,
    internal: float | None = None,
    gap: float | None = None,
    gap_interval: Interval | None = None,
    finding: str = "",
) -> Doubt | None:
    """What the AUC on films from elsewhere says against a run; None where it says nothing.

    Args:
        name: of the films.
        auc: on them.
        interval: of that AUC.
        internal: the AUC in the run's own test. Defaults to none, like the two that follow from it.
        gap: external - internal.
        gap_interval: of the gap.
        finding: what makes a film positive there, if that is another class than the run's. Such a test can't fail the
            run for what it was trained to find, so it is only noted.
    """
    failed = f"The external test on {name} failed:"
    if finding:
        failed = f"On {name} (positive: {finding}),"
    own = "" if internal is None else f" In the run's own test it is {internal:.3f}."
    weight = Weight.NOTE if finding else Weight.ALARM
    around = "it has no interval" if interval is None else f"its interval is {interval.low:.3f} to {interval.high:.3f}"
    stands = standing(interval)
    if stands is Standing.WORSE:
        return Doubt(
            weight,
            f"{failed} the AUC of {auc:.3f} is worse than chance; {around}, below 0.5.{own} "
            "On these films the scores point the wrong way.",
            "Check the labels, and what else differs between the classes.",
        )
    if stands is Standing.UNCERTAIN:
        reason = around if interval is None else f"{around}, which includes 0.5"
        return Doubt(
            weight,
            f"{failed} the AUC of {auc:.3f} is not shown to be better than chance; {reason}.{own}",
        )
    if internal is None or gap is None or gap_interval is None or gap_interval.high >= 0:
        return None
    lower = (
        f"the AUC of {auc:.3f} is {-gap:.3f} lower ({-gap_interval.high:.3f} to {-gap_interval.low:.3f}) than in the "
        f"run's own test, {internal:.3f}."
    )
    if finding:
        return remark(f"{failed} {lower}")
    return alarm(f"{failed} {lower}") if gap <= -MUCH_LOWER else warning(f"On {name}, {lower}")


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())
