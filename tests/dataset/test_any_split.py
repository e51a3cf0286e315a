"""For any films: no patient and no copy is in two parts, and only the films and the seed matter."""

from collections import Counter

import numpy as np
from hypothesis import assume, example, given
from hypothesis import strategies as st

from cxr_cli.dataset.drawing import split_by_group
from cxr_cli.dataset.folds import draw_folds, leave_out
from cxr_cli.dataset.manifest import Film
from cxr_cli.dataset.split import complete_split, find_leaks, group_films, parse_shares, split_held_out
from cxr_cli.errors import SplitError, UsageError
from cxr_cli.workspace.folders import PARTS

# One film: its patient (0: unknown), its content, and whether it is positive.
FILM = st.tuples(st.integers(0, 12), st.integers(0, 30), st.booleans())
FILMS = st.lists(FILM, min_size=1, max_size=60)
PAIRS = st.lists(st.tuples(st.integers(0, 59), st.integers(0, 59)), max_size=6)
POSITIVE = st.floats(min_value=0) | st.integers(min_value=1)
SHARES = st.tuples(*[st.floats(1, 100)] * 3)
SEEDS = st.integers(0, 2**32 - 1)


def grouped(films, pairs) -> list[str]:
    patients = [f"clinic:{patient}" if patient else "" for patient, _, _ in films]
    digests = [f"{content:064x}" for _, content, _ in films]
    duplicates = [pair for pair in pairs if max(pair) < len(films)]
    groups = group_films(patients, digests, duplicates)
    # What must not be apart is in one group, and nothing else is.
    links = [*duplicates]
    for key in (patients, digests):
        places = {}
        links += [(places.setdefault(value, place), place) for place, value in enumerate(key) if value]
    parent = list(range(len(films)))

    def root(place: int) -> int:
        while parent[place] != place:
            place = parent[place]
        return place

    for one, other in links:
        parent[root(one)] = root(other)
    assert [groups.index(group) for group in groups] == [
        next(first for first in range(len(films)) if root(first) == root(place)) for place in range(len(films))
    ]
    return groups


def together(groups, parts) -> bool:
    return len(set(zip(groups, parts, strict=True))) == len(set(groups))


@given(films=FILMS, pairs=PAIRS, shares=SHARES, seed=SEEDS)
def test_no_patient_and_no_copy_is_in_two_parts(films, pairs, shares, seed):
    groups, positives = grouped(films, pairs), [positive for _, _, positive in films]
    try:
        parts = split_by_group(groups, positives, shares=shares, seed=seed)
    except SplitError:
        return

    assert len(parts) == len(films)
    assert set(parts) <= set(PARTS)
    assert together(groups, parts)
    assert find_leaks(parts, groups, [f"{content:064x}" for _, content, _ in films]) == []
    for part in PARTS:
        assert {positive for positive, where in zip(positives, parts, strict=True) if where == part} == {False, True}
    # The same again, in any order of the films.
    order = np.random.default_rng(seed).permutation(len(films))
    again = split_by_group([groups[i] for i in order], [positives[i] for i in order], shares=shares, seed=seed)
    assert [again[place] for place in np.argsort(order)] == parts


@given(films=FILMS, shares=SHARES, seed=SEEDS)
def test_a_part_misses_its_share_by_a_few_groups_at_most(films, shares, seed):
    groups = [f"{patient or f'{content}-{place}'}" for place, (patient, content, _) in enumerate(films)]
    positives = [positive for _, _, positive in films]
    assume(len(set(positives)) == 2)

    parts = split_by_group(groups, positives, shares=shares, seed=seed, both_classes=False)

    sizes = Counter(groups)
    for part, share in zip(PARTS, shares, strict=True):
        got, due = parts.count(part), len(films) * share / sum(shares)
        # Each part may take a group too many of each class, and what two take too many the third lacks.
        assert abs(got - due) <= 4 * max(sizes.values()) + 2


@given(films=FILMS, given=st.lists(st.sampled_from(["", "train", "val", "test"]), min_size=60, max_size=60), seed=SEEDS)
def test_a_given_part_is_kept_and_what_is_cut_from_train_shares_nothing_with_it(films, given, seed):
    groups, positives = grouped(films, []), [positive for _, _, positive in films]
    given = given[: len(films)]
    kept = [part for part in PARTS if part in given]
    try:
        parts = complete_split(given, groups, positives, given_parts=kept, shares=(70, 15, 15), seed=seed)
    except SplitError:
        return

    assert all(now == before for now, before in zip(parts, given, strict=True) if before in {"val", "test"})
    for part in set(PARTS[1:]) - set(kept):
        own = {group for group, where in zip(groups, parts, strict=True) if where == part}
        assert own.isdisjoint(group for group, where in zip(groups, parts, strict=True) if where != part)


@given(films=FILMS, sources=st.lists(st.sampled_from("AB"), min_size=60, max_size=60), seed=SEEDS)
def test_a_source_that_is_held_out_is_never_trained_on(films, sources, seed):
    groups, positives, sources = grouped(films, []), [positive for _, _, positive in films], sources[: len(films)]
    assume("A" in sources)

    parts = split_held_out(sources, groups, positives, hold_out=["A"], shares=(70, 15, 15), seed=seed)

    shared = {group for group, source in zip(groups, sources, strict=True) if source == "B"}
    assert together(groups, parts)
    for group, source, part in zip(groups, sources, parts, strict=True):
        assert (part in {"val", "test"}) == (source == "A" and group not in shared)


def manifest(films, groups) -> list[Film]:
    return [
        Film(
            *(f"split/{place}.png", "covid" if positive else "normal", "train", str(patient), group, "s", "PA", "", ""),
            *("", "AB"[patient % 2], f"{content:064x}", "0" * 16, ""),
        )
        for place, ((patient, content, positive), group) in enumerate(zip(films, groups, strict=True))
    ]


@given(films=FILMS, count=st.integers(2, 5), seed=SEEDS)
def test_each_film_is_tested_in_one_fold_whose_training_saw_nothing_of_its_group(films, count, seed):
    rows = manifest(films, grouped(films, []))
    groups = [film.group for film in rows]
    try:
        folds = draw_folds(rows, count, positive="covid", seed=seed)
    except SplitError:
        return

    assert [sum(fold.parts[place] == "test" for fold in folds) for place in range(len(rows))] == [1] * len(rows)
    assert all(together(groups, fold.parts) for fold in folds)


@given(films=st.lists(FILM, min_size=20, max_size=60), seed=SEEDS)
def test_leaving_out_a_place_leaves_out_all_groups_with_a_film_of_it(films, seed):
    rows = manifest(films, grouped(films, []))
    try:
        folds, _ = leave_out(rows, "location", positive="covid", seed=seed)
    except SplitError:
        return

    for fold in folds:
        used = {film.group for film, part in zip(rows, fold.parts, strict=True) if part in {"train", "val"}}
        assert used.isdisjoint(film.group for film, part in zip(rows, fold.parts, strict=True) if part == "test")


@given(text=st.text() | st.lists(POSITIVE.map(str), min_size=3, max_size=3).map("/".join))
@example(text="1e308/1e308/1e308")
@example(text="1e-320/1/1")
def test_any_shares_are_three_that_can_be_drawn_or_refused(text):
    try:
        shares = parse_shares(text)
    except UsageError:
        return
    groups, positives = [str(number) for number in range(12)], [number < 6 for number in range(12)]
    parts = split_by_group(groups, positives, shares=shares, seed=0, both_classes=False)
    assert set(parts) <= set(PARTS)
