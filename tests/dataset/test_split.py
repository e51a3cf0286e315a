"""The split: groups stay in one part, each part has both classes, and only films and seed matter."""

from collections import Counter

import numpy as np
import pytest

from cxr_cli.dataset.drawing import deal_by_group, split_by_group
from cxr_cli.dataset.record import Leak
from cxr_cli.dataset.split import (
    complete_split,
    find_leaks,
    group_films,
    parse_shares,
    split_held_out,
)
from cxr_cli.errors import SplitError, UsageError


def drawn_films(seed: int, patients: int = 60) -> tuple[list[str], list[bool]]:
    """Draw groups and labels of patients with one to six films; one in ten has films of both classes."""
    rng = np.random.default_rng(seed)
    groups, positives = [], []
    for patient in range(patients):
        positive = bool(patient % 4)
        for _ in range(rng.integers(1, 7)):
            groups.append(f"clinic:{patient}")
            positives.append(bool(rng.integers(2)) if patient % 10 == 9 else positive)
    return groups, positives


def counts(parts: list[str], positives: list[bool]) -> dict[str, Counter[bool]]:
    return {
        part: Counter(p for p, where in zip(positives, parts, strict=True) if where == part)
        for part in ("train", "val", "test")
    }


@pytest.mark.parametrize("seed", range(20))
def test_groups_stay_in_one_part_and_each_part_has_both_classes(seed):
    groups, positives = drawn_films(seed)

    parts = split_by_group(groups, positives, seed=seed)

    assert len(parts) == len(groups)
    assert len(set(zip(groups, parts, strict=True))) == 60
    for classes in counts(parts, positives).values():
        assert min(classes[True], classes[False]) >= 1


@pytest.mark.parametrize("shares", [(70, 15, 15), (0.6, 0.2, 0.2), (1, 1, 1), (80, 10, 10)])
def test_each_part_gets_its_share_of_each_class(shares):
    for seed in range(8):
        groups, positives = drawn_films(seed, patients=200)
        total = Counter(positives)

        found = counts(split_by_group(groups, positives, shares=shares, seed=seed), positives)

        for part, share in zip(("train", "val", "test"), shares, strict=True):
            for label in (True, False):
                # Groups are not split: a part can miss its share by about a group, here of up to six films.
                assert abs(found[part][label] - total[label] * share / sum(shares)) <= 8


def many_sizes(seed: int) -> tuple[list[str], list[bool]]:
    """Patients of one class each, most with one film and a few with up to 40."""
    rng = np.random.default_rng(seed)
    sizes = np.minimum((rng.pareto(1.2, 250) + 1).astype(int), 40)
    positive = rng.random(250) < 0.7
    groups = np.repeat([f"clinic:{patient}" for patient in range(250)], sizes)
    return groups.tolist(), np.repeat(positive, sizes).tolist()


@pytest.mark.parametrize("films", [drawn_films(0, patients=200), many_sizes(0)], ids=["1 to 6 films", "1 to 40"])
def test_the_largest_patients_are_tested_on_as_often_as_others_and_parts_keep_their_shares(films):
    groups, positives = films
    largest, films_of_it = Counter(groups).most_common(1)[0]
    where: Counter[str] = Counter()
    for seed in range(200):
        parts = split_by_group(groups, positives, seed=seed)
        part_of = dict(zip(groups, parts, strict=True))
        where[part_of[largest]] += 1
        for part, share in zip(("train", "val", "test"), (0.7, 0.15, 0.15), strict=True):
            assert list(part_of.values()).count(part) / len(part_of) == pytest.approx(share, abs=0.02)
            assert parts.count(part) / len(parts) == pytest.approx(share, abs=0.1)

    # 30 of 200 each: within three standard errors.
    assert where["val"] == pytest.approx(30, abs=15)
    assert where["test"] == pytest.approx(30, abs=15)
    assert films_of_it < len(groups) * 0.15


def test_two_huge_patients_are_trained_on_and_the_other_patients_keep_their_chances():
    groups = [name for number in range(200) for name in [f"clinic:{number}"] * (60 if number < 2 else 1)]
    positives = [int(group.removeprefix("clinic:")) % 2 == 0 for group in groups]

    for seed in range(30):
        part_of = dict(zip(groups, split_by_group(groups, positives, seed=seed), strict=True))

        assert part_of["clinic:0"] == part_of["clinic:1"] == "train"
        assert list(part_of.values()).count("test") == pytest.approx(30, abs=1)
        assert list(part_of.values()).count("val") == pytest.approx(30, abs=1)


def test_groups_of_one_film_give_exact_shares():
    groups = [str(number) for number in range(200)]
    positives = [number < 40 for number in range(200)]

    assert counts(split_by_group(groups, positives, seed=1), positives) == {
        "train": {True: 28, False: 112},
        "val": {True: 6, False: 24},
        "test": {True: 6, False: 24},
    }


def test_the_split_depends_only_on_the_seed():
    groups, positives = drawn_films(3)
    np.random.seed(1)  # noqa: NPY002

    first, again, other = (split_by_group(groups, positives, seed=seed) for seed in (5, 5, 6))

    assert first == again
    assert first != other


def test_the_split_does_not_depend_on_the_order_of_the_films():
    groups, positives = drawn_films(3)
    expected = dict(zip(groups, split_by_group(groups, positives, seed=5), strict=True))
    rng = np.random.default_rng(0)
    for _ in range(10):
        order = rng.permutation(len(groups))
        shuffled = [groups[i] for i in order]
        parts = split_by_group(shuffled, [positives[i] for i in order], seed=5)

        assert dict(zip(shuffled, parts, strict=True)) == expected


def test_shares_are_relative():
    groups, positives = drawn_films(4)

    assert split_by_group(groups, positives, shares=(70, 15, 15), seed=0) == split_by_group(
        groups, positives, shares=(1.4, 0.3, 0.3), seed=0
    )


def test_three_patients_of_each_class_are_enough():
    for seed in range(20):
        groups = ["a", "b", "c", "d", "e", "f", "f", "f"]
        positives = [True, True, True, False, False, False, False, False]
        parts = split_by_group(groups, positives, seed=seed)

        assert sorted(parts[:3]) == ["test", "train", "val"]
        assert sorted(parts[3:6]) == ["test", "train", "val"]


@pytest.mark.parametrize(
    ("positives", "found"),
    [([True] * 9, "9 films, all positive, none negative"), ([False], "1 films, all negative, none positive")],
)
def test_films_of_one_class_are_refused(positives, found):
    with pytest.raises(SplitError) as caught:
        split_by_group([str(i) for i in range(len(positives))], positives, seed=0)

    assert caught.value.message == f"Expected films of two classes. Received: {found}."
    assert caught.value.hint == ("Name the finding that makes a film positive: --positive TEXT; or add films")


def test_no_films_are_refused():
    with pytest.raises(SplitError, match=r"^Expected films of two classes\. Received: 0 films"):
        split_by_group([], [], seed=0)


@pytest.mark.parametrize(("few", "name"), [(True, "positive"), (False, "negative")])
def test_two_patients_of_a_class_are_refused_with_any_number_of_films(few, name):
    groups = ["a"] * 5 + ["b"] * 5 + [str(number) for number in range(10)]

    with pytest.raises(SplitError) as caught:
        split_by_group(groups, [few] * 10 + [not few] * 10, seed=0)

    assert caught.value.message == (
        f"Expected at least 3 patients of each class, one for each of train, val, test. Received: 2 with a {name} film."
    )
    assert caught.value.hint == "Add films of more patients"


def test_too_unequal_patients_are_refused_with_the_part():
    groups = ["a"] * 10 + ["b"] * 9 + ["c"] * 6 + ["d"] * 3
    positives = [True] + [False] * 9 + [True] * 9 + [True] + [False] * 5 + [True] + [False] * 2

    with pytest.raises(SplitError) as caught:
        deal_by_group(groups, positives, shares=(70, 15, 15), seed=0)

    assert caught.value.message == "Expected both classes in val. Received: 4 patients, too few or too uneven."
    assert caught.value.hint == "Add films of more patients; or give that part more: --split 60/20/20"
    split_by_group(groups, positives, seed=0)  # drawn again until it fits


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("70/15/15", (70, 15, 15)),
        ("0.7/0.15/0.15", (0.7, 0.15, 0.15)),
        (" 8 / 1 / 1 ", (8, 1, 1)),
        ("70,15,15", (70, 15, 15)),
    ],
)
def test_shares_are_separated_by_slashes_or_commas(text, shares):
    assert parse_shares(text) == shares


@pytest.mark.parametrize(
    "text", ["", "70", "70/30", "70/15/15/0", "70/30/0", "80/-10/30", "a/b/c", "nan/1/1", "inf/1/1", "70//30"]
)
def test_shares_that_are_not_three_positive_numbers_are_refused(text):
    with pytest.raises(UsageError) as caught:
        parse_shares(text)

    assert caught.value.message == (f"Expected three positive numbers, of train, val and test. Received: {text}.")
    assert caught.value.hint == "For example: --split 70/15/15"


def test_copies_join_patients_and_films_without_patient_are_separate():
    groups = group_films(["b", "b", "a", "", "", "c", ""], ["1", "2", "2", "3", "4", "5", "5"])

    assert groups == ["a", "a", "a", "sha256:3", "sha256:4", "c", "c"]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_long_chain_of_copies_joins_all_its_patients(backwards):
    """Patient n has a copy of a film of patient n + 1: union-find must keep its paths short."""
    pairs = [(f"p{number + step:05d}", f"copy{number}") for number in range(20_000) for step in (0, 1)]
    patients, digests = zip(*(pairs[::-1] if backwards else pairs), strict=True)

    assert set(group_films(patients, digests)) == {"p00000"}


def test_without_given_parts_the_split_is_by_group():
    groups, positives = drawn_films(3)
    shares = (70, 15, 15)

    assert complete_split(
        [""] * len(groups), groups, positives, given_parts=[], shares=shares, seed=5
    ) == split_by_group(groups, positives, shares=shares, seed=5)


def test_a_given_split_is_kept_even_with_leaks():
    given = ["train", "train", "val", "val", "test", "test"]
    groups, positives = ["a", "b", "a", "b", "a", "b"], [True, False] * 3
    parts = ["train", "val", "test"]

    assert complete_split(given, groups, positives, given_parts=parts, shares=(1, 1, 1), seed=0) == given


@pytest.mark.parametrize("missing", ["val", "test"])
@pytest.mark.parametrize("seed", range(4))
def test_a_missing_part_is_drawn_from_train_without_shared_groups(missing, seed):
    there = "test" if missing == "val" else "val"
    groups, positives = drawn_films(seed, patients=300)
    rng = np.random.default_rng(seed)
    given = rng.choice(["train", "train", "train", there], len(groups)).tolist()  # many patients are in both

    parts = complete_split(given, groups, positives, given_parts=["train", there], shares=(70, 15, 15), seed=seed)

    assert all(after == before for before, after in zip(given, parts, strict=True) if before == there)
    cut = {group for group, part in zip(groups, parts, strict=True) if part == missing}
    assert cut.isdisjoint(group for group, part in zip(groups, parts, strict=True) if part != missing)
    found, train = counts(parts, positives), Counter(given)["train"]
    # Few patients in the pool have only one film, so the number of films per class is not exact.
    assert found[missing].total() == pytest.approx(train * 15 / 85, abs=8)
    assert min(found[missing].values()) >= 1


def test_a_given_part_without_a_class_is_refused():
    options = {"groups": list("abcd"), "shares": (70, 15, 15), "seed": 0}
    with pytest.raises(SplitError) as caught:
        complete_split(
            ["train", "train", "val", "val"],
            positives=[True, False, False, False],
            given_parts=["train", "val"],
            **options,
        )
    assert caught.value.message == "Expected films of both classes in the given val. Received: negative films only."
    assert caught.value.hint == "Add such films; or take val away, to cut one from train"

    with pytest.raises(SplitError, match=r"in the given test\. Received: none that can be read\."):
        complete_split(["train"] * 4, positives=[True, False] * 2, given_parts=["train", "test"], **options)


def test_a_train_part_whose_patients_are_all_in_val_is_refused():
    with pytest.raises(SplitError) as caught:
        complete_split(
            ["train", "train", "val", "val"],
            list("abab"),
            [True, False] * 2,
            given_parts=["train", "val"],
            shares=(70, 15, 15),
            seed=0,
        )

    assert caught.value.message == (
        "Expected train films of both classes, of patients of no other part, to cut test from. "
        "Received: 0 negative, 0 positive."
    )


def test_leaks_are_counted_for_each_pair_of_parts():
    parts = ["train", "train", "val", "val", "val", "test"]
    groups = ["a", "b", "a", "b", "c", "a"]
    digests = ["1", "2", "3", "2", "4", "3"]

    assert find_leaks(parts, groups, digests) == [
        Leak(earlier="train", later="val", films=2, patients=2, copies=1),
        Leak(earlier="train", later="test", films=1, patients=1, copies=0),
        Leak(earlier="val", later="test", films=1, patients=1, copies=1),
    ]
    assert find_leaks(["train", "val", "test"], ["a", "b", "c"], ["1", "2", "3"]) == []


def test_near_duplicates_join_groups_and_are_counted_as_leaks():
    patients, digests = ["a", "b", "", "c"], ["1", "2", "3", "4"]
    groups = group_films(patients, digests, [(0, 2), (2, 3)])

    assert groups == ["a", "b", "a", "a"]
    assert find_leaks(["train", "train", "val", "test"], groups, digests, [(2, 0), (2, 3)]) == [
        Leak(earlier="train", later="val", films=1, patients=1, copies=0, near_copies=1),
        Leak(earlier="train", later="test", films=1, patients=1, copies=0, near_copies=0),
        Leak(earlier="val", later="test", films=1, patients=1, copies=0, near_copies=1),
    ]


def test_a_source_that_is_held_out_is_validated_and_tested_on_but_not_trained_on():
    groups, positives = drawn_films(0)
    sources = ["near" if int(group.split(":")[1]) < 30 else "far" for group in groups]

    parts = split_held_out(sources, groups, positives, hold_out=["far"], shares=(70, 15, 15), seed=0)

    assert {part for part, source in zip(parts, sources, strict=True) if source == "near"} == {""}
    far = [part for part, source in zip(parts, sources, strict=True) if source == "far"]
    assert set(far) == {"val", "test"}
    assert abs(far.count("val") - far.count("test")) <= 6
    assert not {g for g, p in zip(groups, parts, strict=True) if p == "val"} & {
        g for g, p in zip(groups, parts, strict=True) if p == "test"
    }


def test_a_source_with_one_class_can_be_held_out_but_no_copy_of_a_film_to_train_on():
    groups, positives = ["a", "a", "b", "c", "d", "e"], [False] * 6
    sources = ["near", "far", "far", "far", "far", "near"]

    parts = split_held_out(sources, groups, positives, hold_out=["far"], shares=(70, 15, 15), seed=0)

    assert parts[0] == parts[1] == parts[5] == ""
    assert set(parts) == {"", "val", "test"}


def test_an_unknown_source_is_refused_with_those_there_are():
    with pytest.raises(UsageError, match=r"hold out: near\. Received: far"):
        split_held_out(["near"], ["a"], [True], hold_out=["far"], shares=(70, 15, 15), seed=0)
