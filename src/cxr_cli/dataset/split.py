"""Films into train, val and test: stratified by label, never one group in two parts."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from cxr_cli.errors import SplitError
from cxr_cli.workspace.layout import PARTS

DEFAULT_SHARES = (70.0, 15.0, 15.0)


def parse_shares(text: str) -> tuple[float, float, float]:
    """The shares of train, val and test in ``70/15/15``, in percent or any other unit; none may be 0.

    Raises:
        SplitError: not three positive numbers.
    """
    try:
        shares = [float(share) for share in text.replace(",", "/").split("/")]
    except ValueError:
        shares = []
    if len(shares) != len(PARTS) or not all(0 < share < float("inf") for share in shares):
        raise SplitError(
            f"Expected three positive numbers, of train, val and test. Received: --split {text}.",
            hint="For example: --split 70/15/15",
        )
    return shares[0], shares[1], shares[2]


def split_by_group(
    groups: Sequence[str], positives: Sequence[bool], *, shares: Sequence[float] = DEFAULT_SHARES, seed: int
) -> list[str]:
    """Say for each film whether it is for train, val or test.

    Groups are taken the largest first, in an order that `seed` draws among equals, and each goes to the part that then
    lacks most of the group's classes: what scikit-learn's StratifiedGroupKFold does, for parts of any size. The result
    does not depend on the order of the films.

    Args:
        groups: a name a film; films of one group stay together.
        positives: a label a film.
        shares: of train, val and test, in any unit.
        seed: draws the order among groups of equal size.

    Returns:
        A part a film: "train", "val" or "test".

    Raises:
        SplitError: a class is missing from the films, or from a part.
    """
    members: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(2))
    for group, positive in zip(groups, positives, strict=True):
        members[group][int(positive)] += 1
    films = np.sum(list(members.values()), axis=0) if members else np.zeros(2)  # (negatives, positives)
    _check_classes(films, members)

    # By a hash of the name first: neither the rows' order nor the names' alphabet has a say.
    names = sorted(members, key=lambda name: hashlib.sha256(name.encode()).digest())
    names = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    names.sort(key=lambda name: -members[name].sum())

    target = np.outer(np.asarray(shares) / np.sum(shares), films)  # (parts, classes)
    lacking = target.copy()
    part_of: dict[str, str] = {}
    for name in names:
        # In shares of what the part should get: else the largest part would take every group first.
        need = (lacking / target) @ (members[name] / films)
        part = int(np.argmax(need))
        lacking[part] -= members[name]
        part_of[name] = PARTS[part]
    parts = [part_of[group] for group in groups]
    _check_parts(parts, positives, members)
    return parts


def _check_classes(films: np.ndarray, members: dict[str, np.ndarray]) -> None:
    if films.min() == 0:
        there, missing = ("positive", "negative") if films[0] == 0 else ("negative", "positive")
        raise SplitError(
            f"Expected films of two classes. Received: {int(films.sum())} films, all {there}, none {missing}.",
            hint="Name the finding that makes a film positive: --positive TEXT; or add films: --metadata FILE",
        )
    for index, name in enumerate(("negative", "positive")):
        patients = sum(1 for counts in members.values() if counts[index])
        if patients < len(PARTS):
            raise SplitError(
                f"Expected at least {len(PARTS)} patients of each class, one for each of {', '.join(PARTS)}. "
                f"Received: {patients} with a {name} film.",
                hint="Add films of more patients: --metadata FILE",
            )


def _check_parts(parts: list[str], positives: Sequence[bool], members: dict[str, np.ndarray]) -> None:
    for part in PARTS:
        labels = {bool(positive) for positive, where in zip(positives, parts, strict=True) if where == part}
        if len(labels) < 2:
            raise SplitError(
                f"Expected both classes in {part}. Received: {len(members)} patients, too few or too uneven.",
                hint="Add films of more patients: --metadata FILE; or give that part more: --split 60/20/20",
            )
