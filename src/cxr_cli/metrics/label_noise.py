"""What sensitivity, specificity and AUC would be if some of the labels were wrong."""

from dataclasses import dataclass


@dataclass(frozen=True)
class LabelNoise:
    """The figures against the truth, where a share of the labels is wrong; None where that can't be.

    It can't be where there are fewer films of a class than wrong labels, or where a figure would be above 1.
    """

    share: float  # of all labels
    sensitivity: float | None
    specificity: float | None
    auc: float | None


def random_noise(
    share: float, *, sensitivity: float, specificity: float, auc: float | None, prevalence: float
) -> LabelNoise:
    """The figures against the truth, if each label is wrong with the same probability, whatever the film shows.

    Such errors pull the figures towards chance. Of sensitivity and specificity: Staquet et al. 1981 (J Chronic Dis
    34:599), with a reference of equal sensitivity and specificity; of the AUC: Menon et al. 2015 (PMLR 37:125).

    Args:
        share: the probability, below 0.5.
        sensitivity: measured with the labels, like all below.
        specificity: of the same films.
        auc: None where it is not defined.
        prevalence: the share of the labels that is positive.
    """
    right = 1 - share
    truly_positive = (prevalence - share) / (1 - 2 * share)
    if not 0 < truly_positive < 1:
        return LabelNoise(share, None, None, None)
    both = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)  # called positive, by label
    neither = (1 - sensitivity) * prevalence, specificity * (1 - prevalence)
    found = (right * both[0] - share * both[1]) / (1 - 2 * share)
    cleared = (right * neither[1] - share * neither[0]) / (1 - 2 * share)
    # The share of each label whose films are of the other class.
    of_positives, of_negatives = (
        share * (1 - truly_positive) / prevalence,
        share * truly_positive / (1 - prevalence),
    )
    area = None if auc is None else 0.5 + (auc - 0.5) / (1 - of_positives - of_negatives)
    return LabelNoise(
        share, _possible(found / truly_positive), _possible(cleared / (1 - truly_positive)), _possible(area)
    )


def flattering_noise(share: float, *, cells: dict[str, int]) -> tuple[float, float]:
    """The lowest sensitivity, and the lowest specificity, if labels are wrong where the model agrees with them.

    Args:
        share: of all labels.
        cells: films by the names of `Confusion`.

    Returns:
        Each is the lowest on its own: they need not be so low together.
    """
    wrong = share * sum(cells.values())

    def lowest(right: int, missed: int, others_right: int) -> float:
        # Films that were found are of the other class, or films that were rightly passed over were missed.
        of_found = {min(max(wrong - others_right, 0), right), min(wrong, right)}
        return min((right - one) / max(right + missed + wrong - 2 * one, 1e-9) for one in of_found)

    return (
        lowest(cells["true_positive"], cells["false_negative"], cells["true_negative"]),
        lowest(cells["true_negative"], cells["false_positive"], cells["true_positive"]),
    )


def _possible(figure: float | None) -> float | None:
    return figure if figure is not None and 0 <= figure <= 1 else None
