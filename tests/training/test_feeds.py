"""Training on cached outputs of the frozen layers equals training on films: same features, predictions and steps."""

from contextlib import contextmanager
from dataclasses import fields, replace

import numpy as np
import pytest

from cxr_cli.recipe.architectures import ARCHITECTURES, CLASSIFIERS
from cxr_cli.recipe.options import Augmentation
from cxr_cli.training import feeds
from cxr_cli.training.array_cache import ArrayCache
from cxr_cli.training.classifier import build_classifier
from cxr_cli.training.engine import keras
from cxr_cli.training.feeds import FilmFeed, FrozenFeed, PartFilms, make_feed
from cxr_cli.training.frozen import split_at_frozen
from cxr_cli.training.input_pipeline import to_rgb

STILL = Augmentation(**{item.name: item.type(0) for item in fields(Augmentation)})
FILMS = np.kron(np.random.default_rng(0).integers(0, 256, (49, 8, 8)), np.ones((8, 8))).astype(np.uint8)
PRETRAINED = [name for name, row in CLASSIFIERS.items() if row.imagenet]


@pytest.fixture(scope="module")
def build(let_see):
    """Build a small network whose BatchNorm keeps its statistics, as with pretrained weights."""

    def make(frozen=2 / 3):
        keras.utils.set_random_seed(1)
        built = build_classifier(
            ARCHITECTURES["simple-cnn"], input_size=64, units=8, dropout=0.0, frozen=frozen, weights="none"
        )
        let_see(built, FILMS)
        for layer in built.model.get_layer("backbone").layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.trainable = False
        return built

    return make


@pytest.fixture(scope="module")
def parts():
    def part(films):
        count = len(films)
        positives = (np.arange(count) % 2).astype(np.float32)
        return PartFilms(films, positives, [f"g{i}" for i in range(count)])

    return {"train": part(FILMS[:40]), "val": part(FILMS[40:])}


def filled(classifier, parts, folder, augmentation=STILL):
    feed = make_feed(classifier, parts, augmentation, ArrayCache(folder, limit=10**9))
    assert isinstance(feed, FrozenFeed)
    return feed


def pooled_by_the_whole(classifier, films):
    return keras.Model(classifier.model.input, classifier.pooled)(films)


@pytest.mark.parametrize("arch", PRETRAINED)
def test_the_two_parts_of_each_architecture_predict_as_the_whole(arch):
    size = max(64, ARCHITECTURES[arch].smallest_input)
    keras.utils.set_random_seed(1)
    classifier = build_classifier(
        ARCHITECTURES[arch], input_size=size, units=8, dropout=0.0, frozen=2 / 3, weights="none"
    )
    films = to_rgb(np.random.default_rng(2).integers(0, 256, (2, size, size)).astype(np.uint8))
    halves = split_at_frozen(classifier)

    between = halves.lower(films)
    assert not halves.lower.trainable_weights
    assert len(halves.upper.trainable_weights) == len(classifier.model.trainable_weights)
    assert halves.lower.count_params() > 0.05 * classifier.model.count_params()
    np.testing.assert_allclose(halves.pooled(between), pooled_by_the_whole(classifier, films), rtol=1e-4, atol=1e-7)


def test_a_fully_frozen_backbone_trains_only_the_head(build, parts):
    classifier = build(1.0)
    halves = split_at_frozen(classifier)

    assert halves.shape == (64,)
    assert len(halves.upper.trainable_weights) == 4
    films = to_rgb(parts["val"].films)
    np.testing.assert_allclose(halves.upper(halves.lower(films)), classifier.model(films), atol=1e-6)


def test_nothing_is_cached_when_nothing_is_frozen(build, parts, tmp_path):
    classifier = build(0.0)
    cache = ArrayCache(tmp_path, limit=10**9)

    assert split_at_frozen(classifier) is None
    assert isinstance(make_feed(classifier, parts, STILL, cache), FilmFeed)


def test_without_disk_space_films_are_fed_directly(build, parts, tmp_path):
    feed = make_feed(build(), parts, STILL, ArrayCache(tmp_path, limit=1000))

    assert isinstance(feed, FilmFeed)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("augmentation", [STILL, Augmentation()], ids=["still", "moved"])
def test_both_feeds_give_the_same_features_and_predictions(build, parts, tmp_path, augmentation):
    classifier = build()
    plain = FilmFeed(classifier, parts, augmentation)
    quick = filled(classifier, parts, tmp_path, augmentation)

    expected = plain.pooled()
    assert expected.shape == ((5 if augmentation.changes_films else 1), 40, 64)
    np.testing.assert_allclose(quick.pooled(), expected, rtol=2e-3, atol=2e-3 * np.abs(expected).max())
    np.testing.assert_allclose(quick.validate(), plain.validate(), atol=1e-3)


def test_both_feeds_take_the_same_training_steps(build, parts, tmp_path):
    answers = []
    for quick in (False, True):
        classifier = build()
        feed = filled(classifier, parts, tmp_path) if quick else FilmFeed(classifier, parts, STILL)
        feed.model.compile(optimizer=keras.optimizers.SGD(0.05), loss="binary_crossentropy")
        before = feed.validate()
        feed.model.fit(feed.batches(batch_size=16, seed=3), epochs=2, shuffle=False, verbose=0)
        answers.append(FilmFeed(classifier, parts, STILL).validate())

    assert np.abs(answers[0] - before).max() > 0.02  # training changed the predictions
    np.testing.assert_allclose(answers[1], answers[0], atol=2e-3)


def test_an_epoch_has_one_variant_of_each_film(build, parts, tmp_path):
    feed = filled(build(1.0), parts, tmp_path, Augmentation())
    kept = np.asarray(feed._outputs[: 5 * 40], np.float32).reshape(5, 40, -1)
    seen = []
    for _ in range(2):
        found = [
            np.abs(kept - row).max(axis=-1).argmin()
            for batch, _ in feed.batches(batch_size=16, seed=0)
            for row in batch.numpy()
        ]
        assert sorted(place % 40 for place in found) == list(range(40))
        seen.append(found)

    assert len({place // 40 for place in seen[0]}) == 5


def test_another_run_passes_only_films_through_that_no_run_had_before(build, parts, tmp_path, monkeypatch):
    passed = []
    monkeypatch.setattr(feeds, "in_litert", count_films(feeds.in_litert, passed))
    first = filled(build(), parts, tmp_path, Augmentation())
    assert passed == [5 * 40 + 9]
    filled(build(), parts, tmp_path, Augmentation())
    assert passed == [5 * 40 + 9]

    # Another fold: a validation film of the first is trained on, and the other way round.
    films = np.concatenate([FILMS[1:40], FILMS[40:41]]), np.concatenate([FILMS[:1], FILMS[41:]])
    turned = {part: replace(parts[part], films=own) for part, own in zip(("train", "val"), films, strict=True)}
    second = filled(build(), turned, tmp_path, Augmentation())
    assert passed == [5 * 40 + 9, 4]
    np.testing.assert_array_equal(second._outputs[0], first._outputs[1])

    alone = filled(build(), turned, tmp_path / "alone", Augmentation())
    np.testing.assert_array_equal(np.asarray(second._outputs), np.asarray(alone._outputs))  # bit for bit


def count_films(original, passed):
    @contextmanager
    def counting(lower):
        with original(lower) as predict:
            passed.append(0)

            def count(films):
                passed[-1] += len(films)
                return predict(films)

            yield count

    return counting


def test_outputs_of_other_weights_are_computed_again(build, parts, tmp_path):
    classifier = build()
    filled(classifier, parts, tmp_path)
    layer = classifier.model.get_layer("backbone").layers[1]
    layer.set_weights([weight + 0.1 for weight in layer.get_weights()])
    feed = filled(classifier, parts, tmp_path)

    np.testing.assert_allclose(feed.validate(), FilmFeed(classifier, parts, STILL).validate(), atol=1e-3)
    assert len(list(tmp_path.glob("*.rows"))) == 2


def test_wrong_outputs_are_computed_again(build, parts, tmp_path):
    classifier = build()
    filled(classifier, parts, tmp_path)
    (path,) = tmp_path.glob("*.rows")
    path.write_bytes(bytes(path.stat().st_size))

    feed = filled(classifier, parts, tmp_path)
    np.testing.assert_allclose(feed.validate(), FilmFeed(classifier, parts, STILL).validate(), atol=1e-3)
