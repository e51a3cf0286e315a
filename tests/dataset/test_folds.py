import random
from collections import Counter
from dataclasses import replace

import pytest

from cxr_cli.dataset.folds import OTHERS, draw_folds, leave_out
from cxr_cli.dataset.manifest import Film
from cxr_cli.errors import SplitError


def film(number, *, label="covid", group=None, **known):
    return Film(
        **{
            "path": f"split/train/{label}/{number}.png",
            "label": label,
            "split": "train",
            "patient": "",
            "group": group or f"patient {number}",
            "source": "here",
            "view": "PA",
            "sex": "",
            "age": "",
            "finding": "",
            "location": "",
            "sha256": f"{number * 7919 % 100003:064x}",
            "phash": "",
            "original": "",
        }
        | known
    )


@pytest.fixture
def films():
    """120 films of 60 patients, a quarter of them negative; every fifth patient has films of both classes."""
    rows = []
    for number in range(120):
        patient = number // 2
        negative = patient % 4 == 0 or (patient % 5 == 0 and number % 2)
        rows.append(film(number, label="non_covid" if negative else "covid", group=f"patient {patient}"))
    return rows


def by_path(films, folds):
    return {film.path: [fold.parts[i] for fold in folds] for i, film in enumerate(films)}


def groups_by_part(films, fold):
    found = {}
    for film, part in zip(films, fold.parts, strict=True):
        found.setdefault(film.group, set()).add(part)
    return found


def test_each_film_is_tested_once_and_groups_stay_in_one_part(films):
    folds = draw_folds(films, 5, positive="covid", seed=0)

    assert [fold.name for fold in folds] == ["1", "2", "3", "4", "5"]
    assert all(parts.count("test") == 1 for parts in by_path(films, folds).values())
    for fold in folds:
        assert all(len(parts) == 1 for parts in groups_by_part(films, fold).values())
        counts = Counter((part, film.label) for film, part in zip(films, fold.parts, strict=True))
        assert counts["test", "covid"] in range(15, 19)  # a fifth of 82
        assert counts["test", "non_covid"] in range(6, 10)  # a fifth of 38
        assert counts["val", "covid"] > 0
        assert counts["val", "non_covid"] > 0
        assert 0.12 < (counts["val", "covid"] + counts["val", "non_covid"]) / (120 * 0.8) < 0.24  # 15 of 85


def test_folds_depend_on_the_seed_but_not_on_order_or_names(films):
    shuffled = films.copy()
    random.Random(3).shuffle(shuffled)
    renamed = [replace(film, group=f"{len(film.group)} {film.group[::-1]}", path=film.path) for film in shuffled]

    drawn = by_path(films, draw_folds(films, 4, positive="covid", seed=1))

    assert by_path(renamed, draw_folds(renamed, 4, positive="covid", seed=1)) == drawn
    assert by_path(films, draw_folds(films, 4, positive="covid", seed=2)) != drawn


def test_a_class_with_fewer_groups_than_folds_is_refused(films):
    few = [film for film in films if film.label == "covid"] + [
        film(200 + number, label="non_covid", group=f"negative {number % 3}") for number in range(30)
    ]

    with pytest.raises(SplitError) as refused:
        draw_folds(few, 5, positive="covid", seed=0)

    assert refused.value.message == (
        "Expected 5 or more patients with a negative film, one for each fold. Received: 3."
    )
    assert refused.value.hint == "Fewer folds: --folds 3"


def test_too_few_patients_for_a_validation_part_are_refused(films):
    few = [film for film in films if film.label == "covid"] + [
        film(200 + number, label="non_covid", group=f"negative {number % 2}") for number in range(30)
    ]

    with pytest.raises(SplitError, match="Expected 2 folds with both classes in each one's train, val and test"):
        draw_folds(few, 2, positive="covid", seed=0)


def test_a_left_out_value_and_its_patients_are_not_used_in_training(films):
    # Every third patient has films of both views, so a PA film would give information about an AP film.
    viewed = [
        replace(film, view="AP" if i % 3 == 0 and i % 2 else ["PA", "AP Supine"][i // 2 % 2])
        for i, film in enumerate(films)
    ]

    folds, skipped = leave_out(viewed, "view", positive="covid", seed=0)

    assert ([fold.name for fold in folds], skipped) == (["AP", "AP Supine", "PA"], [])
    assert all(parts.count("test") == 1 for parts in by_path(viewed, folds).values())
    for fold in folds:
        tested = {film.group for film in viewed if film.view == fold.name}
        for film, part in zip(viewed, fold.parts, strict=True):
            if film.view == fold.name:
                assert part == "test"
            else:
                assert part == "" if film.group in tested else part in {"train", "val"}
    assert "" in folds[0].parts


def test_small_and_unknown_values_share_one_fold(films):
    places = ["Milan"] * 40 + ["Hanover"] * 40 + ["Wuhan"] * 5 + [" Milan "] * 5 + [""] * 20 + ["Turin"] * 10
    placed = [replace(film, location=place) for film, place in zip(films, places, strict=True)]

    folds, skipped = leave_out(placed, "location", positive="covid", seed=0)

    assert {fold.name: fold.parts.count("test") for fold in folds} == {
        "Hanover": 40,
        "Milan": 45,
        "Turin": 10,
        OTHERS: 25,
    }
    assert skipped == []


def test_a_value_that_training_needs_is_skipped_and_named(films):
    # All negatives are from one hospital: without it, only one class is left.
    mixed = [replace(film, source="ours") for film in films]
    mixed += [film(300 + number, label="non_covid", source="theirs") for number in range(50)]

    folds, skipped = leave_out(mixed, "source", positive="covid", seed=0)

    assert [fold.name for fold in folds] == ["theirs"]
    assert [(lost.name, lost.films) for lost in skipped] == [("ours", 120)]
    assert skipped[0].reason == "what is left has too few patients of a class to train on"


def test_a_column_with_one_value_is_refused(films):
    with pytest.raises(SplitError, match=r"two or more values of source.* Received: here\."):
        leave_out(films, "source", positive="covid", seed=0)
