"""A U-Net's training is the same each time, also in two parts, and keeps the mean of the last epochs' weights."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cxr_cli.errors import CxrError
from cxr_cli.progress import Watcher, watched_by
from cxr_cli.recipe.architectures import ARCHITECTURES
from cxr_cli.recipe.options import TrainingOptions
from cxr_cli.training import lung_fitting
from cxr_cli.training.checkpoints import Checkpoints
from cxr_cli.training.engine import keras
from cxr_cli.training.lung_films import MaskedPart
from cxr_cli.training.lung_fitting import LungValidation, fit_lungs, lung_loss
from cxr_cli.training.lung_unet import LungNetwork

SIDE = 32
OPTIONS = TrainingOptions(arch="lung-unet", masks=("masks",), epochs=6, batch_size=4, learning_rate=0.02)
ROW = ARCHITECTURES["lung-unet"]


def part(count, *, seed):
    """Films with two bright boxes on noise; two in three are of one collection."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((count, SIDE, SIDE), np.uint8)
    for mask in masks:
        top, left = rng.integers(4, 8, 2)
        mask[top : top + 18, left : left + 8] = mask[top : top + 18, left + 12 : left + 19] = 255
    films = np.where(masks > 0, 60, 180) + rng.integers(0, 40, masks.shape)
    members = [SimpleNamespace(source="large" if place % 3 else "small") for place in range(count)]
    return MaskedPart(members=members, films=films.astype(np.uint8), masks=masks)


@pytest.fixture(scope="module")
def parts():
    return part(12, seed=0), part(5, seed=1)


def tiny():
    """A network of a few hundred weights, with BatchNorm."""
    keras.utils.set_random_seed(1)
    film = keras.Input((SIDE, SIDE, 1), dtype="uint8", name="film")
    features = keras.layers.Conv2D(6, 5, padding="same")(keras.layers.Rescaling(1 / 127.5, -1)(film))
    features = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(features))
    return LungNetwork(keras.Model(film, keras.layers.Conv2D(1, 1, activation="sigmoid")(features)), {"source": "none"})


class Keep(Watcher):
    """Keeps a copy of the checkpoint of each epoch."""

    def __init__(self, path):
        self.path = path

    def end_epoch(self, row, *, best):
        if row.epoch > 1 and self.path.is_file():  # called before the checkpoint of this epoch is written
            shutil.copy(self.path, self.path.with_name(f"{row.epoch - 1}.npz"))


def fitted(parts, path, *, resume=False, watcher=None, options=OPTIONS):
    network = tiny()
    checkpoints = Checkpoints(path, run="lungs", options=options, dataset="d", original=None, resume=resume)
    with watched_by(watcher or Watcher()):
        validation = fit_lungs(network, *parts, ROW, options, checkpoints)
    return network.model.get_weights(), [replace(row, seconds=0) for row in validation.history]


@pytest.fixture(scope="module")
def whole(parts, tmp_path_factory):
    """The folder of the checkpoints of a training run, and its result."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, fitted(parts, folder / "lungs.npz", watcher=Keep(folder / "lungs.npz"))


def test_it_learns_and_the_last_epochs_are_averaged(whole):
    history = whole[1][1]

    assert [row.epoch for row in history] == [1, 2, 3, 4, 5, 6]
    assert [row.averaged for row in history] == [False] * 5 + [True]
    assert history[-1].val_loss < history[0].val_loss
    assert history[-1].val_dice > 0.8
    assert all(row.val_iou < row.val_dice for row in history)
    assert history[-1].learning_rate < 0.1 * history[0].learning_rate


@pytest.mark.parametrize("epoch", [1, 4, 5], ids=["early", "before the mean", "within the mean"])
def test_a_resumed_training_run_gives_the_same_weights_and_history(parts, whole, epoch):
    folder, expected = whole
    resumed = fitted(parts, folder / f"{epoch}.npz", resume=True)

    assert resumed[1] == expected[1]
    for mine, its in zip(resumed[0], expected[0], strict=True):
        np.testing.assert_array_equal(mine, its)


def test_another_seed_gives_other_weights(parts, whole, tmp_path):
    other, _ = fitted(parts, tmp_path / "lungs.npz", options=replace(OPTIONS, seed=1))

    assert any(not np.array_equal(mine, its) for mine, its in zip(other, whole[1][0], strict=True))


def test_collections_are_drawn_with_equal_weight(parts, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        lung_fitting, "augment_with_mask", lambda film, mask, rng: (drawn.append(film.tobytes()), (film, mask > 127))[1]
    )
    train = parts[0]
    assert len(list(lung_fitting._batches(train, 0, 100, 4, 0))) == 100
    small = {film.tobytes() for film, source in zip(train.films, train.sources, strict=True) if source == "small"}

    assert len(drawn) == 400
    assert sum(film in small for film in drawn) == pytest.approx(200, abs=30)


def test_a_stop_keeps_the_best_epoch_so_far(parts, tmp_path):
    class Impatient(Watcher):
        def end_epoch(self, row, *, best):
            if row.epoch == 2:
                stops[0].asked = True

    stops = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lung_fitting, "stop_on_interrupt", lambda stop: (stops.append(stop), Quiet())[1])
        _, history = fitted(parts, tmp_path / "lungs.npz", watcher=Impatient())

    assert [row.epoch for row in history] == [1, 2]


def test_a_stop_before_the_first_epoch_ends_is_an_error(parts, tmp_path):
    class Hasty(Watcher):
        def end_step(self, step, loss):
            stops[0].asked = True

    stops = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lung_fitting, "stop_on_interrupt", lambda stop: (stops.append(stop), Quiet())[1])
        with pytest.raises(CxrError, match="Expected at least one finished epoch"):
            fitted(parts, tmp_path / "lungs.npz", watcher=Hasty())


class Quiet:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


def test_the_loss_is_zero_for_a_perfect_mask_and_large_for_its_opposite(parts):
    truth = (parts[1].masks > 127)[..., None].astype(np.float32)
    right, wrong = (keras.ops.convert_to_numpy(lung_loss(truth, share)) for share in (truth, 1 - truth))

    assert right.shape == (5,)
    np.testing.assert_allclose(right, 0, atol=1e-5)
    assert wrong.min() > 10


def test_scores_are_of_each_film(parts):
    validation = LungValidation(tiny(), parts[1])
    drawn = (parts[1].masks > 127)[..., None].astype(np.float32)
    half = drawn.copy()
    half[0, : SIDE // 2] = 0
    scores = validation.score(half)

    assert scores.dice[1:].tolist() == [1.0] * 4
    assert scores.iou[0] < scores.dice[0] < 1
