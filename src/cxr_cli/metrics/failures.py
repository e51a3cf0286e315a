"""Which films are wrong most: the shares of false negatives and of false positives by value, tested over patients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cxr_cli.metrics.holm import corrected
from cxr_cli.metrics.intervals import Interval, proportion_interval
from cxr_cli.metrics.subgroups import ENOUGH

PERMUTATIONS = 9999
STANDS_OUT = 0.05  # p values below this one, after correction for the number of values
_AT_ONCE = 4_000_000  # permuted shares in memory at a time
_ROUNDING = 1e-9  # a permutation that differs from the data by less than this counts as one that is as extreme


@dataclass(frozen=True)
class FailureRate:
    """How often the films with one value are wrong, among the films of one class."""

    positives: bool  # the class: its errors are false negatives, those of the other class false positives
    column: str
    value: str
    films: int
    patients: int
    wrong: int  # films
    interval: Interval | None  # of `rate`, over patients
    overall: float  # the rate of all films of the class
    p: float  # one-sided, of being wrong as often as the others of the class; corrected for the number of values

    @property
    def rate(self) -> float:
        """The share of the films that are wrong."""
        return self.wrong / self.films

    @property
    def stands_out(self) -> bool:
        """Whether these films are wrong more often than the others by more than chance explains."""
        return self.p < STANDS_OUT


def failure_rates(
    columns: Mapping[str, Sequence[str]],
    positives: np.ndarray,
    called: np.ndarray,
    groups: np.ndarray,
    *,
    seed: int = 0,
) -> list[FailureRate]:
    """Ask of each value whether its films are wrong more often than the other films of their class.

    Each patient counts once: their share of wrong films is set against their share of films with the value. The p value
    is that of the studentized correlation of the two under permutations of the patients (DiCiccio & Romano 2017, doi
    10.1080/01621459.2016.1202117), which is exact where errors are independent of values. All of them together are
    corrected by Holm's method.

    Args:
        columns: by name, one value per film; a film with an empty one has none of the column's values.
        positives: (N,) bool, the truth.
        called: (N,) bool, predicted positive.
        groups: (N,), the patient of each film.
        seed: of the permutations. Defaults to 0.

    Returns:
        In each class the values that at least ten patients have, and at least ten don't have in all of their films; the
        smallest p value first. None of a class whose films are all right or all wrong.
    """
    groups = np.asarray(groups)
    rates: list[FailureRate] = []
    for side in (True, False):
        there = positives == side
        wrong = (called != positives)[there]
        if wrong.any() and not wrong.all():
            own = {name: np.array(values, dtype=object)[there] for name, values in columns.items()}
            rates += _of_class(own, wrong, groups[there], positives=side, seed=seed)
    chances = corrected([rate.p for rate in rates])
    rates = [replace(rate, p=p) for rate, p in zip(rates, chances, strict=True) if p is not None]
    return sorted(rates, key=lambda rate: rate.p)


def _of_class(
    columns: Mapping[str, np.ndarray], wrong: np.ndarray, groups: np.ndarray, *, positives: bool, seed: int
) -> list[FailureRate]:
    """The rates of one class, with p values that are not corrected yet."""
    _, members = np.unique(groups, return_inverse=True)
    films = np.bincount(members)
    rates, shares = [], []
    for column, values in columns.items():
        for value in sorted(set(values) - {""}):
            there = values == value
            share = np.bincount(members, weights=there) / films
            if min(np.sum(share > 0), np.sum(share < 1)) >= ENOUGH:
                shares.append(share)
                rates.append(
                    FailureRate(
                        positives=positives,
                        column=column,
                        value=value,
                        films=int(there.sum()),
                        patients=int(np.sum(share > 0)),
                        wrong=int(wrong[there].sum()),
                        interval=proportion_interval(wrong[there], groups[there]),
                        overall=float(wrong.mean()),
                        p=1.0,
                    )
                )
    if not rates:
        return []
    chances = _chances(np.stack(shares, axis=1), np.bincount(members, weights=wrong) / films, seed=seed)
    return [replace(rate, p=float(p)) for rate, p in zip(rates, chances, strict=True)]


def _chances(shares: np.ndarray, errors: np.ndarray, *, seed: int) -> np.ndarray:
    """The p value of each value: (G, V) shares of films with it, (G,) shares of wrong films -> (V,)."""
    shares, errors = shares - shares.mean(axis=0), errors - errors.mean()

    def correlate(permuted: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.nan_to_num(permuted @ shares / np.sqrt(permuted**2 @ shares**2)))

    least = correlate(errors[None]) - _ROUNDING
    generator, extreme = np.random.default_rng(seed), np.ones(shares.shape[1])
    at_once = max(1, _AT_ONCE // len(errors))
    for start in range(0, PERMUTATIONS, at_once):
        some = np.broadcast_to(errors, (min(at_once, PERMUTATIONS - start), len(errors)))
        extreme += np.sum(correlate(generator.permuted(some, axis=1)) >= least, axis=0)
    return np.asarray(extreme / (PERMUTATIONS + 1))
