"""How well a run's probabilities are calibrated on its test films, in words."""

from collections.abc import Iterator

from cxr_cli.doubts import Doubt, warning
from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.metrics.calibration import log_loss_of_share
from cxr_cli.recipe.validation_doubts import made_worse

CALIBRATION_KEY = (
    "Slope below 1: the probabilities are too extreme. Calibration-in-the-large above 0: they are too low. E50 and E90 "
    "are the median and the 90th percentile of their distance from a smooth curve of the share of positives. These two "
    "and the calibration error are above 0 by chance alone, and so have no interval: with perfect probabilities, they "
    'are below the value "by chance up to" in 95 of 100 such sets of films.'
)


def calibration_caveats(evaluation: EvaluationRecord) -> Iterator[Doubt]:
    """Where the probabilities are of no use on these films, or calibration made them worse."""
    if not evaluation.positives or not evaluation.negatives:
        return
    after = evaluation.calibration.calibrated["log_loss"]
    share = evaluation.positives / evaluation.films
    constant = log_loss_of_share(share)
    if after is not None and after > constant:
        yield warning(
            f"The probabilities are worse than the share of {evaluation.truth.positive} alone: their log loss on these "
            f"films is {after:.3f}; with {share:.0%} for every film, it would be {constant:.3f}."
        )
    worse = made_worse(evaluation.calibration.raw, evaluation.calibration.calibrated, "these films")
    if worse:
        yield worse


def at_prevalence(evaluation: EvaluationRecord) -> str:
    """What was measured at a prevalence, in a sentence; empty where nothing was."""
    shifted = evaluation.calibration.at_prevalence
    if not shifted:
        return ""
    return (
        f"At a prevalence of {shifted.prevalence:g}, the probabilities are shifted to it, and the films weighted as if "
        f"that share of them were {evaluation.truth.positive}. With {shifted.prevalence:g} for every film, the log "
        f'loss would be {log_loss_of_share(shifted.prevalence):.3f}. "By chance up to" is for those before the '
        "shift."
    )
