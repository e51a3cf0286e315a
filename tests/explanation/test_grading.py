"""Grades of heat maps with known results."""

import numpy as np
import pytest

from cxr_cli.explanation.grades import average
from cxr_cli.explanation.grading import (
    STEPS,
    grade_lesions,
    grade_lungs,
    others_energy,
    perturb,
    reaches_all_edges,
    reduced,
)
from cxr_cli.explanation.record import GradedFilm

MASK = np.zeros((70, 70), dtype=bool)
MASK[0:20, 0:20] = True  # the upper left 49 places


def peak(row, column):
    cam = np.full((7, 7), -1.0, dtype=np.float32)
    cam[row, column] = 2.0
    return cam


def test_uniform_heat_is_in_the_lungs_by_chance():
    grade = grade_lungs(np.ones((7, 7), dtype=np.float32), MASK)

    assert grade.share == pytest.approx(400 / 4900)
    assert grade.energy == pytest.approx(grade.share)
    assert grade.ratio == pytest.approx(1)


def test_grades_of_heat_inside_and_outside_the_lungs():
    inside, outside = grade_lungs(peak(0, 0), MASK), grade_lungs(peak(6, 6), MASK)

    assert inside.energy > 0.95
    assert inside.hit
    assert outside.energy == 0
    assert not outside.hit


def test_a_blank_map_has_no_energy_and_no_maximum():
    blank = np.full((7, 7), -1.0, dtype=np.float32)

    assert grade_lungs(blank, MASK).energy is None
    assert grade_lungs(blank, MASK).ratio is None
    assert not grade_lungs(blank, MASK).hit
    assert not grade_lesions(blank, MASK).hit_near


@pytest.mark.parametrize(
    ("place", "hit", "near"), [((1, 1), True, True), ((2, 1), False, False), ((5, 5), False, False)]
)
def test_the_pointing_game(place, hit, near):
    # The center of the third place is 5.5 pixels off the mask, and 15 of 224 are 4.7 of 70.
    grade = grade_lesions(peak(*place), MASK)

    assert (grade.hit, grade.hit_near) == (hit, near)


def test_the_tolerance_of_the_pointing_game_is_15_of_224_pixels():
    mask = np.zeros((224, 224), dtype=bool)
    mask[:, :96] = True
    # The hottest pixel is at 111, 16 from the last one of the mask; a mask larger by one pixel is near enough.
    assert not grade_lesions(peak(3, 3), mask).hit_near
    mask[:, 96] = True
    near = grade_lesions(peak(3, 3), mask)
    assert near.hit_near
    assert not near.hit
    assert near.share == 97 / 224
    assert near.share_near == 112 / 224


def test_maps_that_follow_the_lungs_are_separated_from_constant_maps():
    left, right = np.zeros((70, 70), dtype=bool), np.zeros((70, 70), dtype=bool)
    left[:, :30], right[:, 40:] = True, True
    lungs = [reduced(left), reduced(right), None]

    own = others_energy([peak(3, 1), peak(3, 5), peak(3, 3)], lungs, ["a", "b", "c"])
    habit = others_energy([peak(3, 1)] * 3, lungs, ["a", "b", "c"])

    # Of the maps of the two other films, one is outside and one in the middle, at most partly inside.
    assert own[0] == own[1] < 0.2
    assert habit == [pytest.approx(grade_lungs(peak(3, 1), left).energy, abs=0.01), 0, None]
    assert others_energy([peak(3, 1)] * 2, lungs[:2], ["a", "a"]) == [None, None]


def test_masks_that_touch_all_edges_are_detected():
    assert not reaches_all_edges(MASK)
    assert reaches_all_edges(np.eye(9, dtype=bool))


@pytest.fixture
def film():
    return np.random.default_rng(0).integers(0, 256, (56, 56), dtype=np.uint8)


def test_deletion_and_insertion_detect_a_model_that_uses_one_region(film):
    place = (slice(16, 24), slice(24, 32))  # row 2, column 3 of 7

    def probability(films):
        """Return the share of pixels in the place that are unchanged."""
        return (films[:, *place] == film[place]).mean(axis=(1, 2))

    right = perturb(film, peak(2, 3), probability, seed=0)
    wrong = perturb(film, -peak(2, 3), probability, seed=0)

    assert right.deletion[0] == 1
    assert right.deletion[1] < 0.1  # drops with the first regions
    assert right.insertion[1] == 1
    assert right.areas["deletion"] < 0.15
    assert right.areas["insertion"] > 0.9
    assert right.areas["deletion_gain"] > 0
    assert right.areas["insertion_gain"] > 0
    assert wrong.areas["deletion_gain"] < 0
    assert len(right.deletion) == len(right.random_insertion) == STEPS + 1


def test_deletion_and_insertion_are_at_chance_for_a_pixel_count(film):
    def probability(films):
        return (films == film).mean(axis=(1, 2))

    areas = perturb(film, peak(2, 3), probability, seed=0).areas

    assert areas["deletion"] == pytest.approx(0.5, abs=0.03)
    assert areas["deletion_gain"] == pytest.approx(0, abs=0.02)
    assert areas["insertion_gain"] == pytest.approx(0, abs=0.02)


def test_random_orders_depend_on_the_seed(film):
    def probability(films):
        return films[:, :28].mean(axis=(1, 2)) / 255

    first, again, other = (perturb(film, peak(2, 3), probability, seed=seed) for seed in (0, 0, 1))

    np.testing.assert_array_equal(first.random_deletion, again.random_deletion)
    assert not np.array_equal(first.random_deletion, other.random_deletion)
    np.testing.assert_array_equal(first.deletion, other.deletion)


def row(**figures):
    return GradedFilm(
        image="a.png",
        picture="films/a.png",
        map=None,
        truth=None,
        answer="covid",
        correct=None,
        confidence=0.9,
        target="covid",
        blank=False,
        **figures,
    )


def test_averages_leave_out_films_without_a_value():
    films = [
        row(group="a", lesion_hit=True, lesion_area=0.2, lung_energy=0.5, lung_area=0.3),
        row(group="a", lesion_hit=False, lesion_area=0.4),
        row(group="b", lesion_hit=True, lesion_area=0.3),
        row(group="c"),
    ]
    grades = average(films)

    assert list(grades) == ["lung_energy", "pointing_game"]
    assert grades["pointing_game"].value == pytest.approx(2 / 3)
    assert grades["pointing_game"].chance == pytest.approx(0.3)
    assert (grades["pointing_game"].films, grades["pointing_game"].groups) == (3, 2)
    assert grades["lung_energy"].interval is None
