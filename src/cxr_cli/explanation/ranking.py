"""The order of films from the most confidently wrong to the most confidently right."""


def margin(probability: float, threshold: float) -> float:
    """How far P(positive) is from the threshold, as a share of how far it can be on its side of it: in [0, 1]."""
    room = 1 - threshold if probability >= threshold else threshold
    return abs(probability - threshold) / room if room else 0.0


def wrong_first(correct: bool | None, margin: float) -> tuple[bool, float]:
    """The sorting key of a film: wrong ones by falling margin, then right ones by rising margin, then the unknown.

    Args:
        correct: whether the prediction is right. None where the truth is not known.
        margin: of the prediction; see `margin`.
    """
    return correct is None, -margin if correct is False else margin
