"""Split films into train, val and test: stratified by label, and no group in two parts that are cut here."""

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from cxr_cli.dataset.drawing import labels_of, split_by_group
from cxr_cli.dataset.record import Leak
from cxr_cli.errors import SplitError, UsageError
from cxr_cli.workspace.folders import PARTS

_SMALLEST = 1e-9  # share of all films; with less, and with a sum that is infinite, there is nothing to compute with


def parse_shares(text: str) -> tuple[float, float, float]:
    """Read the shares of train, val and test in ``70/15/15``, in percent or any other unit; none may be 0.

    Raises:
        UsageError: not three positive numbers.
    """
    try:
        shares = [float(share) for share in text.replace(",", "/").split("/")]
    except ValueError:
        shares = []
    if len(shares) != len(PARTS) or not all(_SMALLEST * sum(shares) < share < float("inf") for share in shares):
        raise UsageError(
            f"Expected three positive numbers, of train, val and test. Received: {text}.",
            hint="For example: --split 70/15/15",
        )
    return shares[0], shares[1], shares[2]


def group_films(
    patients: Sequence[str], digests: Sequence[str], duplicates: Iterable[tuple[int, int]] = ()
) -> list[str]:
    """Name the group of each film: patients, joined where they share a film.

    Args:
        patients: one name per film; a film with an empty name counts as its own patient.
        digests: one SHA-256 per film; films with the same one are in one group.
        duplicates: positions of films that are copies, even if their digests differ.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # By name: a group is called after its first patient, or else its first digest, whatever the order of the films.
    names = sorted({*(patient for patient in patients if patient)}) + sorted({f"sha256:{one}" for one in digests})
    number = {name: place for place, name in enumerate(names)}
    films = [number[f"sha256:{digest}"] for digest in digests]
    edges = [(film, number[patient]) for film, patient in zip(films, patients, strict=True) if patient]
    edges += [(films[one], films[other]) for one, other in duplicates]
    starts, ends = np.array(edges, dtype=np.intp).reshape(-1, 2).T
    joined = coo_array((np.ones(len(edges), bool), (starts, ends)), shape=(len(names), len(names)))
    _, components = connected_components(joined, directed=False)
    _, first = np.unique(components, return_index=True)  # of each component, the first name
    return [names[first[components[film]]] for film in films]


def complete_split(
    given: Sequence[str],
    groups: Sequence[str],
    positives: Sequence[bool],
    *,
    given_parts: Sequence[str],
    shares: Sequence[float],
    seed: int,
) -> list[str]:
    """Keep the given parts, and cut the missing ones from train in the ratio of the shares.

    Films of train whose group is also in another given part stay in train, so that a new part shares no group with any
    other.

    Args:
        given: one part per film; empty where none is given, which counts as train.
        groups: one name per film.
        positives: one per film.
        given_parts: the given parts.
        shares: of train, val and test, in any unit.
        seed: random seed of what is cut.

    Returns:
        One part per film.

    Raises:
        SplitError: a class is missing from a part.
    """
    parts = [part or PARTS[0] for part in given]
    _check_given(parts, positives, given_parts)
    cut = [part for part in PARTS if part == PARTS[0] or part not in given_parts]
    if len(cut) > 1:
        tied = {group for group, part in zip(groups, parts, strict=True) if part != PARTS[0]}
        pool = [i for i, group in enumerate(groups) if group not in tied]
        free = [sum(positives[i] == positive for i in pool) for positive in (False, True)]
        if given_parts and not all(free):
            raise SplitError(
                f"Expected train films of both classes, of patients of no other part, to cut {' and '.join(cut[1:])} "
                f"from. Received: {free[0]} negative, {free[1]} positive.",
                hint="Check --patient-pattern, and whether the given parts hold copies of one another",
            )
        wanted = [float(shares[PARTS.index(part)]) for part in cut]
        # Tied films are in train already, so that train needs less of the pool.
        tied_share = (1 - len(pool) / parts.count(PARTS[0])) * sum(wanted)
        wanted[0] = max(wanted[0] - tied_share, wanted[0] / 100)
        drawn = split_by_group(
            [groups[i] for i in pool],
            [positives[i] for i in pool],
            shares=wanted,
            seed=seed,
            parts=cut,
        )
        for i, part in zip(pool, drawn, strict=True):
            parts[i] = part
    return parts


def find_leaks(
    parts: Sequence[str], groups: Sequence[str], digests: Sequence[str], duplicates: Iterable[tuple[int, int]] = ()
) -> list[Leak]:
    """Find what given parts have in common: patients, exact copies and near-duplicates."""
    leaks = []
    pairs = [tuple(sorted(pair, key=lambda place: PARTS.index(parts[place]))) for pair in duplicates]
    for earlier, later in combinations(PARTS, 2):
        known = {group for group, part in zip(groups, parts, strict=True) if part == earlier}
        seen = {digest for digest, part in zip(digests, parts, strict=True) if part == earlier}
        shared = [i for i, part in enumerate(parts) if part == later and groups[i] in known]
        if shared:
            leaks.append(
                Leak(
                    earlier=earlier,
                    later=later,
                    films=len(shared),
                    patients=len({groups[i] for i in shared}),
                    copies=sum(digests[i] in seen for i in shared),
                    near_copies=len(
                        {two for one, two in pairs if (parts[one], parts[two]) == (earlier, later)}
                        - {i for i in shared if digests[i] in seen}
                    ),
                )
            )
    return leaks


def split_held_out(
    sources: Sequence[str],
    groups: Sequence[str],
    positives: Sequence[bool],
    *,
    hold_out: Sequence[str],
    shares: Sequence[float],
    seed: int,
) -> list[str]:
    """Put the films of sources that are not trained on into val and test; all other films get an empty part.

    A group that has a film of another source too is not held out: its films are copies of films that may be trained on.
    Each source is split for itself, so that both parts have films of it.

    Args:
        sources: one name per film.
        groups: one name per film.
        positives: one per film.
        hold_out: the sources that are not trained on.
        shares: of train, val and test; the ratio of the last two counts.
        seed: random seed of the split.

    Raises:
        UsageError: a source that no film has.
    """
    if unknown := sorted(set(hold_out) - set(sources)):
        raise UsageError(
            f"Expected sources to hold out: {', '.join(sorted(set(sources)))}. Received: {', '.join(unknown)}.",
            hint="A source is the name of the folder that its metadata file is in",
        )
    trained = {group for group, source in zip(groups, sources, strict=True) if source not in hold_out}
    source_of = {group: source for group, source in zip(groups, sources, strict=True) if group not in trained}
    parts = [""] * len(groups)
    for source in sorted(set(source_of.values())):
        films = [i for i, group in enumerate(groups) if source_of.get(group) == source]
        drawn = split_by_group(
            [groups[i] for i in films],
            [positives[i] for i in films],
            shares=shares[1:],
            seed=seed,
            parts=PARTS[1:],
            both_classes=False,
        )
        for i, part in zip(films, drawn, strict=True):
            parts[i] = part
    return parts


def _check_given(parts: Sequence[str], positives: Sequence[bool], given_parts: Sequence[str]) -> None:
    for part in given_parts:
        labels = labels_of(part, parts, positives)
        if len(labels) < 2:
            there = f"{'positive' if labels.pop() else 'negative'} films only" if labels else "none that can be read"
            raise SplitError(
                f"Expected films of both classes in the given {part}. Received: {there}.",
                hint="Add such films"
                if part == PARTS[0]
                else f"Add such films; or take {part} away, to cut one from train",
            )
