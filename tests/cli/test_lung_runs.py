"""`cxr train --arch lung-unet`, and what other commands say of such a run."""

import json
import shutil

import numpy as np
import pytest

from cxr_cli.progress import Watcher
from cxr_cli.recipe.lung_record import LUNG_HISTORY, LUNG_VALIDATION, LungRunRecord
from cxr_cli.rendering.render import write_phantoms
from cxr_cli.training import film_gate
from cxr_cli.workspace.layout import Workspace
from cxr_cli.workspace.records import read_record

SMALL = ("--arch", "lung-unet", "--weights", "none", "--image-size", 64, "--epochs", 2, "--batch-size", 4)


@pytest.fixture(scope="module", autouse=True)
def a_film_gate_from_few_pictures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(film_gate, "_DRAWN", 2)
        patch.setattr(film_gate, "_PHANTOMS", 1)
        yield


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The folder of 20 phantoms with masks; two masks are missing."""
    folder = write_phantoms(tmp_path_factory.mktemp("drawn"), films=20, seed=5, masks=True).parent
    for name in ("covid.png", "covid_10.png"):
        (folder / "masks" / "lungs" / f"{name}.png").unlink()
    return folder


@pytest.fixture(scope="module")
def lungs(drawn, tmp_path_factory):
    """A workspace with a dataset and a run of lung-unet. Tests must not change it."""
    from cxr_cli.api.dataset import prepare
    from cxr_cli.api.training import train

    root = tmp_path_factory.mktemp("lungs")
    prepare(metadata=drawn / "metadata.csv", split="60/20/20", workspace=root)
    train(
        arch="lung-unet",
        masks=drawn / "masks" / "lungs",
        weights="none",
        image_size=64,
        epochs=2,
        batch_size=4,
        workspace=root,
    )
    return Workspace(root)


def test_the_run_has_all_its_files(lungs, drawn):
    run = lungs.lung_run("lung-unet")
    record = read_record(run.lung_record, LungRunRecord)
    history, scores = LUNG_HISTORY.read(run.history), LUNG_VALIDATION.read(run.validation)

    assert record.options["masks"] == [str(drawn / "masks" / "lungs")]
    assert sum(record.without_mask.values()) == 2
    assert sum(record.films["train"].values()) + sum(record.films["val"].values()) >= 13
    assert [row.epoch for row in history] == [1, 2]
    assert record.validation["dice"] == pytest.approx(np.mean([row.dice for row in scores]), abs=1e-6)
    assert record.validation["dice"] == pytest.approx(history[record.best_epoch - 1].val_dice, abs=1e-6)
    assert set(record.dice_by_source) == {drawn.name}
    assert record.export.least_dice > 0.99
    assert run.litert_model.stat().st_size < 2_000_000
    assert run.curves_picture.is_file()
    assert run.keras_model.is_file()
    assert not lungs.checkpoint("lung-unet").exists()


def test_segment_with_the_run(cxr, lungs, film, tmp_path):
    result = cxr("segment", film, "--run", "lung-unet", "--json", "-w", lungs.root, "-o", tmp_path)
    record = json.loads(result.stdout)

    assert result.exit_code == 0, result.stderr
    assert record["method"] == "lung-unet"
    assert 0.5 <= record["films"][0]["certainty"] <= 1


def test_segment_takes_a_method_or_a_run(cxr, lungs, film):
    both = cxr("segment", film, "--run", "lung-unet", "--method", "fcm", "-w", lungs.root)
    unknown = cxr("segment", film, "--run", "mobilenetv2", "-w", lungs.root)

    assert (both.exit_code, unknown.exit_code) == (2, 1)
    assert (
        both.stderr
        == "Error: Expected a method or a run. Received: both, fcm and lung-unet.\nLeave out --method, or --run\n"
    )
    assert unknown.stderr.endswith("Received: 'mobilenetv2'.\nTrained runs: lung-unet\n")


@pytest.mark.parametrize(
    "command", [("predict", "film.png"), ("evaluate",), ("gradcam", "film.png"), ("export", "--format", "h5")]
)
def test_no_command_takes_it_for_a_classifier(cxr, lungs, command):
    option = () if command[0] == "export" else ("--model", "lung-unet")
    arguments = ("export", "lung-unet", *command[1:]) if command[0] == "export" else (*command, *option)
    named = cxr(*arguments, "-w", lungs.root)
    newest = cxr(*command, "-w", lungs.root)

    assert named.exit_code == 1
    assert "Expected the name of a run that predicts classes. Received: lung-unet, which finds lungs.\n" in named.stderr
    assert "Find lungs with it: cxr segment film.png --run lung-unet\n" in named.stderr
    assert newest.exit_code == 1
    assert f"Expected a trained run in {lungs.models}." in newest.stderr


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        (("--arch", "lung-unet"), "Expected lung masks for lung-unet. Received: none.", "--masks data/masks/lungs"),
        (
            ("--masks", "."),
            "Expected options that mobilenetv2, which finds classes, can use. Received: masks.",
            "--arch",
        ),
        (
            ("--arch", "lung-unet", "--masks", ".", "--dropout", 0.5, "--no-flip"),
            "Expected options that lung-unet, which finds lungs, can use. Received: dropout, flip.",
            "Leave out --dropout, --flip\n",
        ),
        (("--arch", "lung-unet", "--masks", ".", "--profile"), "Expected no profile with lung-unet", "--profile"),
        (
            ("--from", "lung-unet", "--arch", "mobilenetv2"),
            "Expected an architecture for the same task as",
            "mobilenetv2",
        ),
    ],
)
def test_options_that_mean_nothing_are_refused(cxr, lungs, options, message, hint):
    result = cxr("train", *options, "-w", lungs.root)

    assert result.exit_code == 2
    assert f"Error: {message}" in result.stderr
    assert hint in result.stderr


def test_masks_of_other_films_are_refused(cxr, lungs, tmp_path):
    missing = cxr("train", *SMALL, "--masks", tmp_path / "none", "-w", lungs.root)
    other = cxr("train", *SMALL, "--masks", tmp_path, "-w", lungs.root)

    assert f"Expected a folder of masks. Received: {tmp_path / 'none'}: no such folder." in missing.stderr
    assert (
        f"Expected masks of the dataset's films in {tmp_path}. Received: none that has a film's name." in other.stderr
    )
    assert (missing.exit_code, other.exit_code) == (1, 1)
    assert lungs.lung_run("lung-unet").lung_record.is_file()


def tiny(architecture, *, input_size, frozen, weights):
    """A network of a few hundred weights in place of the U-Net, whose training takes half a minute."""
    from cxr_cli.training.engine import keras
    from cxr_cli.training.lung_unet import DEEPEST, LungNetwork

    film = keras.Input((input_size, input_size, 1), dtype="uint8", name="film")
    scaled = keras.layers.Rescaling(1 / 127.5, -1)(film)
    small = keras.layers.Conv2D(4, 3, strides=4, padding="same", activation="relu", name=DEEPEST)(scaled)
    large = keras.layers.UpSampling2D(4)(small)
    mask = keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="mask")(large)
    return LungNetwork(keras.Model(film, mask), {"source": "none"})


def test_a_run_is_resumed_and_trained_again_bit_for_bit(cxr, lungs, drawn, tmp_path, monkeypatch):
    monkeypatch.setattr("cxr_cli.training.make_lungs.build_lung_unet", tiny)
    root = tmp_path / "workspace"
    shutil.copytree(lungs.dataset.root, root / "dataset")

    class Impatient(Watcher):
        def end_epoch(self, row, *, best):
            if row.epoch == 2:  # before its checkpoint is written
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cxr_cli.training.lung_fitting.watcher", Impatient)
        stopped = cxr("train", *SMALL, "--epochs", 3, "--masks", drawn / "masks" / "lungs", "-w", root)
    assert stopped.exit_code == 130
    assert "To resume it: cxr train --resume lung-unet\n" in stopped.stderr
    resumed = cxr("train", "--resume", "lung-unet", "-w", root)
    assert "Resuming after epoch 1\n" in resumed.stderr
    assert "Dice by collection: " in resumed.stdout

    again = cxr("train", "--from", "lung-unet", "-w", root)
    assert "Reproduced : lung-unet, bit for bit\n" in again.stdout
    records = [read_record(run.lung_record, LungRunRecord) for run in Workspace(root).lung_runs()]
    assert [record.reproduction is not None for record in records] == [False, True]
    assert records[0].weights_sha256 == records[1].weights_sha256
