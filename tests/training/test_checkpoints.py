"""A training run killed at any point can be resumed, and gives the same weights bit for bit."""

import json
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest

from cxr_cli.dataset.record import DatasetRecord
from cxr_cli.errors import CxrError, WorkspaceError
from cxr_cli.progress import Watcher, watched_by
from cxr_cli.recipe.architectures import ARCHITECTURES
from cxr_cli.recipe.options import TrainingOptions, change_options, read_options
from cxr_cli.training import backbones
from cxr_cli.training import checkpoints as module
from cxr_cli.training.array_cache import ArrayCache
from cxr_cli.training.callbacks import arrays_of, put_back
from cxr_cli.training.checkpoints import Checkpoints, find_unfinished, is_trained, is_unfinished, unfinished
from cxr_cli.training.classifier import build_classifier
from cxr_cli.training.engine import keras
from cxr_cli.training.feeds import FilmFeed, FrozenFeed, PartFilms
from cxr_cli.training.fitting import fit_classifier
from cxr_cli.training.input_pipeline import shuffled_batches
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record

FILMS = np.kron(np.random.default_rng(0).integers(0, 256, (24, 8, 8)), np.ones((4, 4))).astype(np.uint8)
SIZE = FILMS.shape[1]
# Has the warm-up and head start of a pretrained backbone in a hundredth of the time; BatchNorm is trained too.
TINY = replace(ARCHITECTURES["simple-cnn"], builder="tiny", imagenet="somewhere", warmup=2, frozen=0.5)
OPTIONS = TrainingOptions(
    arch="simple-cnn", epochs=4, batch_size=5, fine_tune=True, fine_tune_epochs=3, fine_tune_learning_rate=1e-3
)


def tiny(input_size):
    film = keras.Input((input_size, input_size, 3))
    narrow = keras.layers.Conv2D(4, 3, strides=4)(film)
    wide = keras.layers.Conv2D(8, 3)(keras.layers.BatchNormalization()(narrow))
    return keras.Model(film, keras.layers.ReLU()(wide))


class Watch(Watcher):
    """Keeps a copy of the checkpoint that a kill in each epoch would leave behind."""

    def __init__(self, checkpoint=None):
        self.checkpoint = checkpoint

    def end_epoch(self, row, *, best):
        if self.checkpoint and row.epoch:  # called before the checkpoint of this epoch is written
            shutil.copy(self.checkpoint, self.checkpoint.with_name(f"{row.epoch - 1}.npz"))


@pytest.fixture(scope="module")
def parts():
    def part(films):
        count = len(films)
        return PartFilms(films, (np.arange(count) % 2).astype(np.float32), [f"g{i}" for i in range(count)])

    return {"train": part(FILMS[:16]), "val": part(FILMS[16:])}


@pytest.fixture(scope="module", autouse=True)
def tiny_backbone():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backbones, "tiny", tiny, raising=False)
        yield


def build(architecture=TINY, size=SIZE, frozen=0.5):
    keras.utils.set_random_seed(3)
    return build_classifier(architecture, input_size=size, units=8, dropout=0.5, frozen=frozen, weights="none")


def trained(parts, folder, *, options=OPTIONS, architecture=TINY, frozen=0.5, resume=None, limit=10**8):
    classifier = build(architecture, frozen=frozen)
    path = folder / (f"{resume}.npz" if resume is not None else "tiny.npz")
    checkpoints = Checkpoints(path, run="tiny", options=options, dataset="d", original=None, resume=resume is not None)
    cache = ArrayCache(folder / "cache", limit=limit)
    watch = Watch(path if resume is None else None)
    with watched_by(watch):
        feed, validation = fit_classifier(classifier, parts, architecture, options, cache, checkpoints=checkpoints)
    return feed, classifier.model.get_weights(), [replace(row, seconds=0) for row in validation.history]


@pytest.fixture(scope="module")
def whole(parts, tmp_path_factory):
    """The folder of an uninterrupted training run, and its result."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, trained(parts, folder)


def assert_same(one, other):
    assert one[2] == other[2]
    for mine, its in zip(one[1], other[1], strict=True):
        np.testing.assert_array_equal(mine, its)


@pytest.mark.parametrize(
    "epoch", [0, 2, 4, 6], ids=["after the start", "in training", "between the phases", "in fine-tuning"]
)
def test_a_resumed_training_run_gives_the_same_weights_and_history(parts, whole, epoch):
    folder, expected = whole
    resumed = trained(parts, folder, resume=epoch)

    assert isinstance(resumed[0], FrozenFeed)
    assert [row.epoch for row in expected[2]] == list(range(8))
    assert_same(resumed, expected)


def test_resuming_augmented_training_with_a_falling_learning_rate(parts, tmp_path):
    # The learning rate is too high: it falls, and training stops early. Both are state of the callbacks.
    given = {
        "options": replace(OPTIONS, learning_rate=1.0, patience=6, epochs=12, fine_tune=False),
        "architecture": replace(TINY, warmup=0),
        "frozen": 0.0,
    }
    expected = trained(parts, tmp_path, **given)
    rates = [row.learning_rate for row in expected[2]]
    assert isinstance(expected[0], FilmFeed)
    assert len(set(rates[1:])) > 1
    last = expected[2][-1].epoch
    assert last < 12

    assert_same(trained(parts, tmp_path, resume=last - 1, **given), expected)


@pytest.mark.parametrize("frozen", [0.5, 0.0])
def test_a_classifier_that_is_trained_again_from_its_start_gives_the_same_weights_on_other_films(
    parts, tmp_path, monkeypatch, frozen
):
    """As the folds of a cross-validation do."""
    other = {"train": parts["train"], "val": replace(parts["val"], films=parts["val"].films[::-1])}
    expected = trained(other, tmp_path / "alone", frozen=frozen)
    classifier = build(frozen=frozen)
    start = arrays_of(classifier.model)
    monkeypatch.setattr(f"{__name__}.build", lambda architecture, frozen: classifier)
    before = trained(parts, tmp_path / "shared", frozen=frozen)
    put_back(classifier.model, start)
    again = trained(other, tmp_path / "shared", frozen=frozen)

    assert again[0].model is before[0].model
    assert_same(again, expected)
    assert before[2] != expected[2]


def test_the_same_seed_gives_the_same_weights_with_or_without_cached_outputs(tmp_path, parts):
    found = []
    for _ in range(2):
        classifier = build(ARCHITECTURES["mobilenetv2"], frozen=0.95)
        options = replace(OPTIONS, epochs=2, fine_tune=False)
        cache = ArrayCache(tmp_path, limit=10**8)
        fit_classifier(classifier, parts, ARCHITECTURES["mobilenetv2"], options, cache)
        found.append(classifier.model.get_weights())

    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_resuming_skips_finished_epochs_and_repeats_the_others_exactly():
    def steps(done):
        batches = shuffled_batches(
            np.arange(11, dtype=np.float32),
            lambda rows, places, seed: seed,
            batch_size=4,
            seed=5,
            epochs=4,
            done=done,
        )
        return [(seed.numpy().tolist(), rows.numpy().ravel().tolist()) for seed, rows in batches]

    whole = steps(0)
    epochs = [[row for _, rows in whole[start : start + 3] for row in rows] for start in range(0, 12, 3)]
    assert [sorted(rows) for rows in epochs] == [list(range(11))] * 4
    assert len({tuple(rows) for rows in epochs}) == 4
    assert len({tuple(seed) for seed, _ in whole}) == 12
    assert steps(2) == whole[6:]


def test_the_checkpoint_of_a_finished_run_is_removed(tmp_path):
    made = Checkpoints(tmp_path / "a.npz", run="a", options=OPTIONS, dataset="d", original=None, resume=False)
    made.open(weights={"source": "none"}, feed="films")
    made.write([], over=False, model=[np.ones(3)], optimizer=[], best=[])

    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
    made.remove()
    assert not tmp_path.exists()


def test_a_checkpoint_of_other_weights_or_another_feed_is_not_resumed(parts, whole):
    folder, _ = whole
    with pytest.raises(CxrError, match="Expected tiny to be trained on what the frozen layers make of films"):
        trained(parts, folder, resume=2, limit=0)

    checkpoints = Checkpoints(folder / "2.npz", run="tiny", options=OPTIONS, dataset="d", original=None, resume=True)
    with pytest.raises(CxrError, match="Expected the weights of the backbone that the run tiny began with"):
        checkpoints.open(weights={"source": "file", "sha256": "0"}, feed="films")


@pytest.fixture
def place(prepared, tmp_path):
    """A workspace with the prepared dataset and an unfinished training run."""
    workspace = Workspace(tmp_path)
    workspace.dataset.root.mkdir()
    workspace.dataset.record.write_bytes(prepared.dataset.record.read_bytes())
    write(workspace, read_record(workspace.dataset.record, DatasetRecord).fingerprint)
    return workspace


def write(workspace, dataset):
    made = Checkpoints(
        workspace.checkpoint("tiny"), run="tiny", options=OPTIONS, dataset=dataset, original=None, resume=False
    )
    made.open(weights={"source": "none"}, feed="films")
    made.write([], over=False, model=[np.ones(3)], optimizer=[], best=[])


def test_an_unfinished_run_is_matched_by_options_and_dataset(place):
    assert find_unfinished(place, "tiny") == unfinished(place, "tiny")
    assert is_unfinished(place, "tiny", OPTIONS)
    assert not is_unfinished(place, "tiny", change_options(OPTIONS, {"rotation": 3}))
    assert not is_unfinished(place, "other", OPTIONS)

    write(place, "another")
    assert not is_unfinished(place, "tiny", OPTIONS)
    with pytest.raises(CxrError, match="Expected the dataset that the training run tiny began with"):
        find_unfinished(place, "tiny")


def test_an_older_run_has_the_default_of_a_newer_option(own_trained):
    run = own_trained.run()
    record = json.loads(run.record.read_text())
    options = read_options(record["options"], run.record)
    del record["options"]["label_smoothing"], record["options"]["augmentation"]["shear"]
    run.record.write_text(json.dumps(record))

    assert is_trained(own_trained, options)
    assert not is_trained(own_trained, change_options(options, {"label_smoothing": 0.2}))


def test_an_older_checkpoint_is_resumed_with_the_default_of_a_newer_option(place, monkeypatch):
    def older(options):
        recorded = asdict(options)
        del recorded["label_smoothing"], recorded["augmentation"]["shear"]
        return recorded

    with monkeypatch.context() as patched:
        patched.setattr(module, "asdict", older)
        write(place, read_record(place.dataset.record, DatasetRecord).fingerprint)

    assert "label_smoothing" not in unfinished(place, "tiny").options
    assert is_unfinished(place, "tiny", OPTIONS)
    assert not is_unfinished(place, "tiny", change_options(OPTIONS, {"label_smoothing": 0.2}))


def test_a_damaged_checkpoint_is_refused(place):
    path = place.checkpoint("tiny")
    path.write_bytes(path.read_bytes()[:200])

    with pytest.raises(WorkspaceError, match="Expected the checkpoint of a training run in") as raised:
        find_unfinished(place, "tiny")
    assert raised.value.hint == "Train from the beginning, without --resume"
    assert unfinished(place, "tiny") is None
