"""Draw groups of films at random: into parts of given shares, or into folds. Each part gets both classes."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from cxr_cli.errors import SplitError
from cxr_cli.workspace.folders import PARTS

DEFAULT_SHARES = (70.0, 15.0, 15.0)
_DRAWS = 100  # where groups with films of both classes leave a part without one, it is drawn again


def split_by_group(
    groups: Sequence[str],
    positives: Sequence[bool],
    *,
    shares: Sequence[float] = DEFAULT_SHARES,
    seed: int,
    parts: Sequence[str] = PARTS,
    both_classes: bool = True,
) -> list[str]:
    """Draw the part of each film, so that every group has the chance of each part that is the part's share.

    The groups are ordered by their classes and size, in an order that `seed` draws among equals, and each part takes
    groups at even steps from a random start: systematic sampling (Madow 1949, Ann Math Stat 20:333), which gives each
    part its share of the groups, of each class and of each size. A group that would dominate a part goes to the largest
    part: one with more than half of the films that the part should have of a class, and more than twice as many as the
    average group. The result does not depend on the order of the films.

    Args:
        groups: one name per film; films of one group stay together.
        positives: one per film.
        shares: of the parts, in any unit.
        seed: random seed of the draw.
        parts: their names. Defaults to train, val and test.
        both_classes: whether each part needs films of both classes. Defaults to True.

    Returns:
        One part per film.

    Raises:
        SplitError: a class that is needed is missing from the films, or from a part.
    """
    members = _count_members(groups, positives)
    films = np.sum(list(members.values()), axis=0) if members else np.zeros(2)  # (negatives, positives)
    if both_classes:
        _check_classes(films, members, parts)
    generator = np.random.default_rng(seed)
    # Groups of negatives, then of both classes, then of positives: those with films of a class are neighbors.
    names = sorted(
        _shuffled(members, generator),
        key=lambda name: (members[name][1] > 0, members[name][0] == 0, -members[name].sum()),
    )
    counts = np.array([members[name] for name in names]).reshape(-1, 2)
    for draws in range(_DRAWS):
        # Better that one group dominates a part than no split at all.
        places = _draw(counts, shares, generator, spare=draws < _DRAWS / 2)
        part_of = {name: parts[place] for name, place in zip(names, places, strict=True)}
        drawn = [part_of[group] for group in groups]
        if not both_classes or not _lacking(drawn, positives, parts):
            return drawn
    raise _too_uneven(drawn, positives, members, parts)


def _draw(counts: np.ndarray, shares: Sequence[float], generator: np.random.Generator, *, spare: bool) -> np.ndarray:
    """(G, 2) films by class -> (G,) the place of each group's part; with `spare`, no group dominates a small part."""
    ascending = np.argsort(shares, kind="stable")
    largest = ascending[-1]
    drawn = np.full(len(counts), largest)
    for place, part in enumerate(ascending[:-1]):
        free = drawn == largest
        if spare and shares[part] < shares[largest]:
            free &= ~_dominates(counts, shares[part] / np.sum(shares))
        share = shares[part] / sum(shares[later] for later in ascending[place:])
        drawn[np.flatnonzero(free)[_every_nth(counts[free], share, generator)]] = part
    return drawn


def _dominates(counts: np.ndarray, share: float) -> np.ndarray:
    """(G, 2) films by class -> (G,) bool: the groups that are too large for a part with this share of the films."""
    with np.errstate(invalid="ignore"):
        average = np.nan_to_num(counts.sum(axis=0) / (counts > 0).sum(axis=0))
    limits = np.maximum(share * counts.sum(axis=0) / 2, 2 * average)
    return np.asarray((counts > limits).any(axis=1))


def _every_nth(counts: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """(G, 2) films by class -> (G,) bool: the groups that a part takes, a whole number with films of each class."""
    there = counts > 0
    groups = np.maximum(there.sum(axis=0), 1)
    steps = np.where(there, np.maximum(np.round(share * groups), 1) / groups, 0).max(axis=1, initial=0)
    ends = generator.random() + np.r_[0, np.cumsum(steps)]
    return np.asarray(np.diff(np.floor(ends)) > 0)


def _count_members(groups: Sequence[str], positives: Sequence[bool]) -> dict[str, np.ndarray]:
    """By group, (2,): its negative and its positive films."""
    members: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(2))
    for group, positive in zip(groups, positives, strict=True):
        members[group][int(positive)] += 1
    return members


def _shuffled(members: Iterable[str], generator: np.random.Generator) -> list[str]:
    # By a hash of the name first, so that neither the order of the rows nor the alphabet matters.
    names = sorted(members, key=lambda name: hashlib.sha256(name.encode()).digest())
    return [names[i] for i in generator.permutation(len(names))]


def deal_by_group(
    groups: Sequence[str],
    positives: Sequence[bool],
    *,
    shares: Sequence[float] = DEFAULT_SHARES,
    seed: int,
    parts: Sequence[str] = PARTS,
    both_classes: bool = True,
) -> list[str]:
    """Assign each film to one of several equal parts, or folds.

    Groups are taken the largest first, in an order that `seed` draws among equals, and each goes to the part that then
    lacks most of the group's classes: what scikit-learn's StratifiedGroupKFold does, for parts of any size. Of uneven
    parts the largest one always gets the largest group; `split_by_group` gives every group its chance. The result does
    not depend on the order of the films.

    Args:
        groups: one name per film; films of one group stay together.
        positives: one per film.
        shares: of the parts, in any unit.
        seed: random seed of the order among groups of equal size.
        parts: their names. Defaults to train, val and test.
        both_classes: whether each part needs films of both classes. Defaults to True.

    Returns:
        One part per film.

    Raises:
        SplitError: a class that is needed is missing from the films, or from a part.
    """
    members = _count_members(groups, positives)
    films = np.sum(list(members.values()), axis=0) if members else np.zeros(2)  # (negatives, positives)
    if both_classes:
        _check_classes(films, members, parts)
    films = np.maximum(films, 1)  # a class without films needs none
    names = sorted(_shuffled(members, np.random.default_rng(seed)), key=lambda name: -members[name].sum())

    target = np.outer(np.asarray(shares) / np.sum(shares), films)  # (parts, classes)
    lacking = target.copy()
    part_of: dict[str, str] = {}
    for name in names:
        # Relative to what the part should get: otherwise the largest part would take every group first.
        need = (lacking / target) @ (members[name] / films)
        part = int(np.argmax(need))
        lacking[part] -= members[name]
        part_of[name] = parts[part]
    drawn = [part_of[group] for group in groups]
    if both_classes and _lacking(drawn, positives, parts):
        raise _too_uneven(drawn, positives, members, parts)
    return drawn


def _check_classes(films: np.ndarray, members: dict[str, np.ndarray], parts: Sequence[str]) -> None:
    if films.min() == 0:
        there, missing = ("positive", "negative") if films[0] == 0 else ("negative", "positive")
        raise SplitError(
            f"Expected films of two classes. Received: {int(films.sum())} films, all {there}, none {missing}.",
            hint="Name the finding that makes a film positive: --positive TEXT; or add films",
        )
    for index, name in enumerate(("negative", "positive")):
        patients = sum(1 for counts in members.values() if counts[index])
        if patients < len(parts):
            raise SplitError(
                f"Expected at least {len(parts)} patients of each class, one for each of {', '.join(parts)}. "
                f"Received: {patients} with a {name} film.",
                hint="Add films of more patients",
            )


def _lacking(drawn: Sequence[str], positives: Sequence[bool], parts: Sequence[str]) -> list[str]:
    """The parts without films of both classes."""
    return [part for part in parts if len(labels_of(part, drawn, positives)) < 2]


def _too_uneven(
    drawn: Sequence[str], positives: Sequence[bool], members: dict[str, np.ndarray], parts: Sequence[str]
) -> SplitError:
    return SplitError(
        f"Expected both classes in {_lacking(drawn, positives, parts)[0]}. Received: {len(members)} patients, too few "
        "or too uneven.",
        hint="Add films of more patients; or give that part more: --split 60/20/20",
    )


def labels_of(part: str, parts: Sequence[str], positives: Sequence[bool]) -> set[bool]:
    """The classes of a part's films, given the part and the class of every film."""
    return {bool(positive) for positive, where in zip(positives, parts, strict=True) if where == part}
