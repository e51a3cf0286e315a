"""How well a run's probabilities are calibrated on its test films, in words."""

from collections.abc import Iterator

from cxr_cli.evaluation.record import EvaluationRecord
from cxr_cli.metrics.calibration import log_loss_of_share

CALIBRATION_KEY = (
    "Slope below 1: the probabilities are too extreme. Calibration-in-the-large above 0: they are too low. E50 and E90 "
    "are the median and the 90th percentile of their distance from a smooth curve of the share of positives. These two "
    "and the calibration error are above 0 by chance alone, and so have no interval: with perfect probabilities, they "
    'are below the value "by chance up to" in 95 of 100 such sets of films.'
)


def calibration_caveats(evaluation: EvaluationRecord) -> Iterator[str]:
    """Where the probabilities are of no use on these films: sentences."""
    if not evaluation.positives or not evaluation.negatives:
        return
    after, before = evaluation.calibration.calibrated["log_loss"], evaluation.calibration.raw["log_loss"]
    share = evaluation.positives / evaluation.films
    constant = log_loss_of_share(share)
    if after is not None and after > constant:
        yield (
            f"The probabilities are worse than the share of {evaluation.truth.positive} alone: their log loss on these "
            f"films is {after:.3f}; with {share:.0%} for every film, it would be {constant:.3f}."
        )
    if after is not None and before is not None and after > before:
        yield f"Calibration made the log loss on these films worse: {before:.3f} before, {after:.3f} after."


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
