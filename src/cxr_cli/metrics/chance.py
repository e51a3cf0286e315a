"""How an AUC stands to chance: decided and put into words here only."""

from enum import StrEnum

from cxr_cli.metrics.intervals import Interval

CHANCE = 0.5  # the AUC of scores without information


class Standing(StrEnum):
    """What the 95% interval of an AUC says about chance."""

    BETTER = "better"
    UNCERTAIN = "uncertain"  # the interval includes 0.5, or there is none
    WORSE = "worse"


def standing(interval: Interval | None) -> Standing:
    """Compare an AUC's interval with 0.5."""
    if interval is not None and interval.low > CHANCE:
        return Standing.BETTER
    if interval is not None and interval.high < CHANCE:
        return Standing.WORSE
    return Standing.UNCERTAIN


def run_standing_in_words(run: str, films: str, interval: Interval | None) -> str:
    """How a run's AUC stands to chance, in sentences that can stand alone.

    Args:
        run: its name.
        films: on which films, in a word: `test`, `validation`.
        interval: of the AUC.
    """
    words = standing_in_words(interval)
    return f"On its {films} films, {run} is {words[0].lower()}{words[1:]}"


def standing_in_words(interval: Interval | None) -> str:
    """How an AUC stands to chance, in a sentence or two that end with a period."""
    if interval is None:
        return "Not shown to be better than chance: the AUC has no interval."
    ends = f"the AUC's interval, {interval.low:.3f} to {interval.high:.3f},"
    return {
        Standing.BETTER: f"Better than chance: {ends} is above 0.5.",
        Standing.UNCERTAIN: f"Not shown to be better than chance: {ends} includes 0.5.",
        Standing.WORSE: f"Worse than chance: {ends} is below 0.5. On these films the scores point the wrong way: "
        "check the labels, and what else differs between the classes.",
    }[standing(interval)]
