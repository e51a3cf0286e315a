from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.ndimage import affine_transform

from cxr_cli.recipe.options import TRAINING_OPTIONS, Augmentation
from cxr_cli.training.augment_preview import preview_variants
from cxr_cli.training.engine import tf
from cxr_cli.training.input_pipeline import augment, to_rgb, training_batches

STILL = Augmentation(**{item.name: item.type(0) for item in fields(Augmentation)})


def seeded(number=0):
    return tf.constant([number, number], tf.int64)


def moved(films, **ranges):
    return augment(tf.constant(films), replace(STILL, **ranges), seed=seeded(1)).numpy()


def test_without_augmentation_a_film_is_unchanged(films):
    np.testing.assert_array_equal(moved(films), to_rgb(films))


@pytest.mark.parametrize("name", [item.name for item in fields(Augmentation)])
def test_every_augmentation_option_alone_changes_films(films, name):
    largest = TRAINING_OPTIONS[name].text.high

    assert not np.array_equal(
        moved(np.concatenate([films] * 4), **{name: largest or True}), to_rgb(np.concatenate([films] * 4))
    )


def test_flip_mirrors_some_films_horizontally(films):
    out = moved(np.concatenate([films] * 4), flip=True)[..., 0]
    original = np.concatenate([films] * 4)
    as_is = (out == original).all(axis=(1, 2))
    mirrored = (out == original[:, :, ::-1]).all(axis=(1, 2))

    assert (as_is | mirrored).all()
    assert 4 < mirrored.sum() < 20


def test_brightness_multiplies_by_a_factor_in_its_range(films):
    gray = np.full((64, 32, 32), 100, np.uint8)
    values = moved(gray, brightness=0.2)[:, 0, 0, 0]

    assert values.min() >= 80
    assert values.max() <= 120
    assert len(set(values.tolist())) > 15


@pytest.mark.parametrize(("name", "extent"), [("rotation", 20.0), ("shift", 0.2), ("zoom", 0.3)])
def test_each_range_moves_a_centered_square_as_documented(name, extent):
    film = np.zeros((40, 65, 65), np.uint8)
    film[:, 16:49, 16:49] = 255
    out = moved(film, **{name: extent})[..., 0].astype(float) / 255
    area = out.sum(axis=(1, 2))
    rows, columns = np.mgrid[:65, :65]
    center = np.stack([(out * axis).sum(axis=(1, 2)) / area for axis in (rows, columns)])
    side = np.sqrt(area)

    if name == "shift":
        assert np.abs(center - 32).max() <= 0.2 * 65 + 0.5
        assert np.abs(center - 32).max() > 0.12 * 65
    else:
        np.testing.assert_allclose(center, 32, atol=0.3)
    if name == "zoom":
        assert 33 * 0.7 - 1 <= side.min() < 33 * 0.85
        assert 33 * 1.15 < side.max() <= 33 * 1.3 + 1
    else:
        np.testing.assert_allclose(side, 33, atol=0.6)
    if name == "rotation":
        assert out[:, 15, 15].max() == 0  # a corner moves inwards
        assert out[:, 13, :].max() > 0  # and an edge outwards


@pytest.mark.parametrize(
    "ranges", [{"shear": 40.0}, {"shear": 20.0, "rotation": 30.0, "zoom": 0.3}, {"rotation": 30.0}], ids=str
)
def test_geometric_augmentation_matches_keras_image_data_generator(films, ranges):
    out = moved(films, **ranges)[..., 0]
    draw = tf.random.stateless_uniform((7, len(films)), seeded(1), -1.0, 1.0).numpy()

    for i, film in enumerate(films):
        turn = np.radians(draw[0, i] * ranges.get("rotation", 0))
        slant = np.radians(draw[6, i] * ranges.get("shear", 0))
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        shear = np.array([[1, -np.sin(slant)], [0, np.cos(slant)]])
        matrix = rotation @ shear / (1 + draw[3, i] * ranges.get("zoom", 0))  # of x and y
        matrix = matrix[::-1, ::-1]  # of rows and columns
        center = np.array([31.5, 31.5])
        expected = affine_transform(film.astype(float), matrix, center - matrix @ center, order=1, mode="nearest")
        np.testing.assert_allclose(out[i], expected, atol=1)
        assert (out[i] != film).mean() > 0.05


def test_shear_slants_vertical_lines_only_and_within_its_range():
    upright, level = np.zeros((30, 65, 65), np.uint8), np.zeros((30, 65, 65), np.uint8)
    upright[:, :, 32], level[:, 32, :] = 255, 255
    slants = moved(upright, shear=20.0)[..., 0]
    shifts = slants[:, 48, :].argmax(axis=1) - slants[:, 16, :].argmax(axis=1)  # over 32 rows

    assert (moved(level, shear=20.0)[..., 0].argmax(axis=1) == 32).all()
    assert np.abs(shifts).max() <= np.ceil(32 * np.sin(np.radians(20)))
    assert shifts.min() < -6
    assert shifts.max() > 6


def test_without_shear_the_other_draws_are_unchanged(films):
    draw = tf.random.stateless_uniform((6, 6), seeded(1), -1.0, 1.0)

    np.testing.assert_array_equal(draw, tf.random.stateless_uniform((7, 6), seeded(1), -1.0, 1.0)[:6])


def test_the_preview_shows_the_variants_of_training(films):
    augmentation = Augmentation(shear=10.0)
    expected = augment(tf.constant(np.stack([films[2]] * 12)), augmentation, seed=tf.constant([7, 0], tf.int64))
    variants = preview_variants(films[2], augmentation, seed=7)

    np.testing.assert_array_equal(variants, expected.numpy()[..., 0])
    assert len(np.unique(variants, axis=0)) == 12
    np.testing.assert_array_equal(preview_variants(films[2], STILL, seed=7), np.stack([films[2]] * 12))


def test_batches_depend_on_the_seed_and_the_epoch(films):
    positives = np.array([0, 1, 0, 1, 0, 1], np.float32)

    def epochs(seed):
        batches = training_batches(films, positives, augmentation=Augmentation(), batch_size=4, seed=seed)
        return [[(x.numpy(), y.numpy()) for x, y in batches] for _ in range(2)]

    first, again, other = epochs(1), epochs(1), epochs(2)

    for one, two in zip(first, again, strict=True):
        for (x, y), (x2, y2) in zip(one, two, strict=True):
            np.testing.assert_array_equal(x, x2)
            np.testing.assert_array_equal(y, y2)
    assert not np.array_equal(first[0][0][0], first[1][0][0])
    assert not np.array_equal(first[0][0][0], other[0][0][0])


def test_an_epoch_has_each_film_once_with_its_label(films):
    positives = np.array([0, 1, 0, 1, 0, 1], np.float32)
    batches = list(training_batches(films, positives, augmentation=STILL, batch_size=4, seed=0))
    pixels = np.concatenate([x.numpy() for x, _ in batches])[..., 0]
    labels = np.concatenate([y.numpy() for _, y in batches])[:, 0]

    assert [len(x) for x, _ in batches] == [4, 2]
    order = [int(np.flatnonzero((films == film).all(axis=(1, 2)))[0]) for film in pixels]
    assert sorted(order) == list(range(6))
    np.testing.assert_array_equal(labels, positives[order])
