"""Divide a prepared dataset into folds: each film is tested once, by a model that saw no film of its group."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cxr_cli.dataset.drawing import DEFAULT_SHARES, deal_by_group
from cxr_cli.dataset.manifest import Film
from cxr_cli.errors import SplitError
from cxr_cli.workspace.folders import PARTS

FEWEST_FILMS = 10  # a value with fewer films is no fold of its own
OTHERS = "(others)"  # values with fewer films, and films without a value
_TRAIN, _VAL, _TEST = PARTS


@dataclass(frozen=True)
class Fold:
    """One training run and its test."""

    name: str  # its number, from 1, or the value that is left out
    number: int  # in its repeat, from 1
    repeat: int  # from 1
    parts: list[str]  # one per film: train, val, test, or empty for a film that this fold does not use


@dataclass(frozen=True)
class Skipped:
    """A fold that can't be made."""

    name: str
    films: int
    reason: str


def draw_folds(films: Sequence[Film], count: int, *, positive: str, seed: int, repeats: int = 1) -> list[Fold]:
    """Divide films into folds of similar size and class balance. No group is in two folds of one repeat.

    The films that a fold does not test are split by group into train and val, in the ratio of `prepare`. The result
    does not depend on the order of the films, or on the names of patients and files.

    Args:
        films: all of the dataset, whatever their parts.
        count: number of folds, at least 2.
        positive: the positive class.
        seed: random seed of the folds and of their validation films; that of each further repeat is one more.
        repeats: how many times all films are divided into folds. Defaults to 1.

    Returns:
        The folds of the first repeat, then those of the second one …

    Raises:
        SplitError: a class has too few groups.
    """
    groups, positives = _content(films), [film.label == positive for film in films]
    for label, is_positive in (("negative", False), ("positive", True)):
        holding = {group for group, truth in zip(groups, positives, strict=True) if truth == is_positive}
        if len(holding) < count:
            raise SplitError(
                f"Expected {count} or more patients with a {label} film, one for each fold. Received: {len(holding)}.",
                hint=f"Fewer folds: --folds {len(holding)}" if len(holding) > 1 else "Add films of more patients",
            )
    try:
        return [
            fold
            for repeat in range(1, repeats + 1)
            for fold in _draw(groups, positives, count, repeat=repeat, seed=seed + repeat - 1)
        ]
    except SplitError as problem:
        raise SplitError(
            f"Expected {count} folds with both classes in each one's train, val and test. {problem.message}",
            hint="Fewer folds, or films of more patients" if count > 2 else "Add films of more patients",
        ) from problem


def leave_out(films: Sequence[Film], column: str, *, positive: str, seed: int) -> tuple[list[Fold], list[Skipped]]:
    """Make one fold per value of a column: films with the value are tested, and the model is trained without them.

    Values with fewer than ten films, and films without a value, form one fold together. A group with a film in the test
    is not used for training, whatever the values of its other films. Each of these is tested in the fold of its own
    value.

    Args:
        films: all of the dataset, whatever their parts.
        column: source, view or location.
        positive: the positive class.
        seed: random seed of the validation films.

    Returns:
        The folds, and those that can't be made.

    Raises:
        SplitError: there are fewer than two values of enough films, or none that can be left out.
    """
    groups, positives = _content(films), [film.label == positive for film in films]
    own = [getattr(film, column).strip() for film in films]
    counts = Counter(own)
    named = sorted(value for value, count in counts.items() if value and count >= FEWEST_FILMS)
    values = [value if value in named else OTHERS for value in own]
    if len(set(values)) < 2:
        raise SplitError(
            f"Expected two or more values of {column}, one of them of {FEWEST_FILMS} films or more. "
            f"Received: {', '.join(sorted(filter(None, counts))[:5]) or 'none'}.",
            hint="Leave out another column, or draw folds: --folds 5",
        )
    folds: list[Fold] = []
    skipped = []
    for value in [*named, *([OTHERS] if OTHERS in values else [])]:
        is_test = [own_value == value for own_value in values]
        if sum(is_test) < FEWEST_FILMS:
            skipped.append(Skipped(value, sum(is_test), f"fewer than {FEWEST_FILMS} films"))
            continue
        try:
            parts = _parts(is_test, groups, positives, seed)
            folds.append(Fold(name=value, number=len(folds) + 1, repeat=1, parts=parts))
        except SplitError:
            skipped.append(Skipped(value, sum(is_test), "what is left has too few patients of a class to train on"))
    if not folds:
        raise SplitError(
            f"Expected films of both classes beside those of a value of {column} that is left out. Received: "
            f"{', '.join(f'{lost.name}: {lost.reason}' for lost in skipped)}.",
            hint="Leave out another column, or draw folds: --folds 5",
        )
    return folds, skipped


def _draw(groups: Sequence[str], positives: Sequence[bool], count: int, *, repeat: int, seed: int) -> Iterator[Fold]:
    names = [str(number + 1) for number in range(count)]
    own = deal_by_group(groups, positives, shares=[1.0] * count, seed=seed, parts=names)
    for name in names:
        parts = _parts([fold == name for fold in own], groups, positives, seed)
        yield Fold(name=name, number=int(name), repeat=repeat, parts=parts)


def _content(films: Sequence[Film]) -> list[str]:
    """A name for the group of each film, made from the content of its films."""
    least: dict[str, str] = {}
    for film in films:
        least[film.group] = min(film.sha256, least.get(film.group, film.sha256))
    return [least[film.group] for film in films]


def _parts(is_test: Sequence[bool], groups: Sequence[str], positives: Sequence[bool], seed: int) -> list[str]:
    """The parts of a fold: films outside the test and its groups are split into train and val."""
    tested = {group for group, out in zip(groups, is_test, strict=True) if out}
    rest = [place for place, group in enumerate(groups) if group not in tested]
    drawn = deal_by_group(
        [groups[place] for place in rest],
        [positives[place] for place in rest],
        shares=DEFAULT_SHARES[:2],
        seed=seed,
        parts=(_TRAIN, _VAL),
    )
    parts = [_TEST if out else "" for out in is_test]
    for place, part in zip(rest, drawn, strict=True):
        parts[place] = part
    return parts
