"""What the folds of a cross-validation say about a recipe: the mean of each metric, and its interval."""

from collections.abc import Sequence

import numpy as np

from cxr_cli.metrics.intervals import Interval, wilson
from cxr_cli.workspace.records import RecordPart

_FEWEST = 1.5  # folds, as many as those of equal weight would be; with fewer their spread is not known
# With one degree of freedom, t is 12.7, and nothing holds an end of the interval of a figure without an upper limit.
_FEWEST_WITHOUT_LIMIT = 2.5
RECIPE_METHOD = (
    "95%, from the spread of the folds: t with one degree of freedom fewer than folds in one repeat, and the variance "
    "corrected for the training films that folds share (Nadeau & Bengio 2003), on the logit scale (MCC: Fisher's z; "
    "log loss and likelihood ratios: the logarithm, and none over fewer than three folds); where all folds have the "
    "same value, Wilson's interval with the number of patients"
)


class AcrossFolds(RecordPart, frozen=True, kw_only=True):
    """One metric over the folds in which it is defined."""

    folds: int
    mean: float | None  # None where it is defined in no fold
    sd: float | None  # of the folds' values (n - 1); None for one fold
    interval: Interval | None  # of the recipe; None for one fold


def over_folds(
    values: Sequence[float | None],
    *,
    folds: int,
    limits: tuple[float, float] = (0.0, 1.0),
    weights: Sequence[float] | None = None,
    patients: int | None = None,
) -> AcrossFolds:
    """Average a metric over folds, with an interval of what the recipe reaches, whichever films it is trained on.

    The models of two folds are similar, because they share training films, so the folds' variance divided by their
    number is too small for the mean. Nadeau & Bengio 2003 (Machine Learning 52:239) add the ratio of tested to training
    films, 1 / (folds - 1); Bouckaert & Frank 2004 (PAKDD) use it for repeated folds. Repeats are of the same films, so
    they add no degrees of freedom: with those of all folds, the interval holds too rarely. With uneven weights, the
    variance is the jackknife's over folds, and the number of folds that of equally weighted ones (Kish 1965). How often
    the interval holds: docs/explanation/statistics.md.

    Args:
        values: of each fold, those of all repeats; None where it is not defined.
        folds: in one repeat, at least 2.
        limits: of the metric's values; infinite where there is none. Defaults to 0 and 1.
        weights: of each fold, 0 or more. Defaults to equal ones.
        patients: that were tested, for the interval where all folds have the same value. Defaults to none there.
    """
    given = [1.0] * len(values) if weights is None else weights
    pairs = [(value, weight) for value, weight in zip(values, given, strict=True) if value is not None and weight > 0]
    if not pairs:
        return AcrossFolds(folds=0, mean=None, sd=None, interval=None)
    array, shares = np.array(pairs).T
    shares = shares / shares.sum()
    mean = float(array[0]) if np.ptp(array) == 0 else float(shares @ array)
    return AcrossFolds(
        folds=len(pairs),
        mean=mean,
        sd=float(array.std(ddof=1)) if len(pairs) > 1 else None,
        interval=_interval(array, shares, mean, len(values) // folds, folds, limits, patients),
    )


def times_as_wide(folds: int, *, than: int) -> float:
    """How many times as wide an interval over `folds` is as over `than` folds of the same spread; both at least 2."""
    from scipy.special import stdtrit

    def half_width(number: int) -> float:
        return float(stdtrit(number - 1, 0.975) * np.sqrt(1 / number + 1 / (number - 1)))

    return half_width(folds) / half_width(than)


def _interval(
    values: np.ndarray,
    shares: np.ndarray,
    mean: float,
    repeats: int,
    folds: int,
    limits: tuple[float, float],
    patients: int | None,
) -> Interval | None:
    from scipy.special import stdtrit

    count = 1 / float(np.sum(shares**2))
    if count / repeats < _FEWEST:
        return None
    low, high = limits
    if count / repeats < _FEWEST_WITHOUT_LIMIT and np.isfinite(low) and not np.isfinite(high):
        return None
    if np.ptp(values) == 0:
        if not patients or not np.isfinite(high - low):
            return None
        around = wilson((mean - low) / (high - low) * patients, patients)
        return Interval(low=low + (high - low) * around.low, high=low + (high - low) * around.high)
    left_out = shares * (values - mean) / (1 - shares)  # by how much the mean changes without each fold
    variance = (len(values) - 1) / len(values) * float(np.sum(left_out**2))
    variance *= 1 + count / (folds - 1)
    half = float(stdtrit(count / repeats - 1, 0.975)) * float(np.sqrt(variance))
    with np.errstate(over="ignore"):  # far out, the ends are the limits
        if np.isfinite(high - low):
            share = (mean - low) / (high - low)
            odds, factor = share / (1 - share), np.exp(half / (high - low) / (share * (1 - share)))
            ends = [low + (high - low) * odds / (odds + factor), low + (high - low) * odds / (odds + 1 / factor)]
        elif np.isfinite(low):
            factor = np.exp(half / (mean - low))
            ends = [low + (mean - low) / factor, low + (mean - low) * factor]
        else:
            ends = [mean - half, mean + half]
    return Interval(low=float(ends[0]), high=float(ends[1])) if np.isfinite(ends).all() else None
