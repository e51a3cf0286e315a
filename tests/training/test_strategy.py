import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from cxr_cli.dataset.prepare import prepare
from cxr_cli.recipe.options import Augmentation
from cxr_cli.training.engine import keras, tf
from cxr_cli.training.input_pipeline import augment, load_films, predict_probabilities, training_batches
from cxr_cli.training.runs import train_run
from cxr_cli.training.strategy import ALONE, _interruptible, _Replicas
from cxr_cli.workspace.layout import Workspace

# 20 films in batches of 17, so that the devices get unequal numbers.
OPTIONS = {"arch": "simple-cnn", "image_size": 64, "epochs": 2, "batch_size": 17, "dropout": 0.0, "class_weight": True}
# Sums of the gradients differ only in their last bits (see plain gradient descent on two devices, below). But Adam's
# first steps are as long for a gradient of almost 0 as for a large one: a few weights take another path, and
# probabilities differ by about 1e-5, or 2e-3 if one batch is a single film. Without synchronized statistics or without
# class weights, they would differ by 4e-2 or more.
CLOSE = 5e-3
# Trains by gradient descent, in batches of 19 and 1, on one device and on two virtual devices. Prints by how much the
# weights differ, and whether dropout keeps different units on each device. Then runs the command.
TWO_DEVICES = """
import sys
import numpy as np
from cxr_cli.training.engine import keras, tf
devices = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], devices)
from cxr_cli.training.backbones import simple_cnn
from cxr_cli.training.input_pipeline import training_batches
from cxr_cli.recipe.options import Augmentation
from cxr_cli.training.strategy import ALONE, distributed

random = np.random.default_rng(0)
films = random.integers(0, 256, (20, 32, 32), dtype=np.uint8)
truths = (random.random(20) > 0.6).astype(np.float32)

def fitted(group):
    keras.utils.set_random_seed(0)
    backbone = simple_cnn(32)
    mean = keras.layers.GlobalAveragePooling2D()(backbone(keras.layers.Rescaling(1 / 255)(backbone.input)))
    model = keras.Model(backbone.input, keras.layers.Dense(1, activation="sigmoid")(mean))
    trained = group.trainable(model)
    trained.compile(optimizer=keras.optimizers.SGD(0.1), loss="binary_crossentropy")
    batches = training_batches(films, truths, augmentation=Augmentation(), batch_size=19, seed=0, group=group)
    trained.fit(batches, epochs=2, shuffle=False, verbose=0, class_weight={0: 0.7, 1: 1.9})
    return model.get_weights()

with distributed("mirrored", {}) as group:
    print(f"{max(np.abs(one - two).max() for one, two in zip(fitted(ALONE), fitted(group), strict=True)):.0e}")
    ones = keras.Input((64,))
    clone = group.trainable(keras.Model(ones, keras.layers.Dropout(0.5)(ones)))
    run = tf.function(lambda: group.strategy.run(lambda: clone(tf.ones((1, 64)), training=True)))
    first, second = group.strategy.experimental_local_results(run())
    print(bool(np.any(first.numpy() != second.numpy())), flush=True)

from cxr_cli.cli.app import main
main(sys.argv[1:])
"""


def arguments(workspace, name, strategy, **changed):
    options = {**OPTIONS, "name": name, "strategy": strategy, "workspace": workspace.root, **changed}
    words = (f"--{key.replace('_', '-')}" + ("" if value is True else f"={value}") for key, value in options.items())
    return ["train", *words]


def start(environment, *command):
    return subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def addresses():
    with socket.socket() as first, socket.socket() as second:
        for one in (first, second):
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in (first, second)]


def start_workers(addresses, arguments):
    config = {"cluster": {"worker": addresses}}
    tasks = [{"type": "worker", "index": index} for index in range(len(addresses))]
    return [start({"TF_CONFIG": json.dumps({**config, "task": task})}, "-m", "cxr_cli", *arguments) for task in tasks]


@pytest.fixture(scope="module")
def alone(phantoms, tmp_path_factory):
    """A workspace with the run "alone", trained in one process on one device without half of the positive films."""
    folder = tmp_path_factory.mktemp("strategy")
    lines = phantoms.read_text().splitlines(keepends=True)
    positive = [line for line in lines if "positive=True" in line]
    (folder / "metadata.csv").write_text("".join(line for line in lines if line not in positive[::2]))
    workspace = Workspace(folder / "workspace")
    prepare(workspace, metadata=[folder / "metadata.csv"], images=phantoms.parent)
    train_run(workspace, name="alone", **OPTIONS)
    return workspace


def read_history(workspace, name):
    with (workspace.run(name).root / "history.csv").open() as stream:
        return [{key: float(row[key]) for key in ("epoch", "loss", "val_loss")} for row in csv.DictReader(stream)]


def assert_same_answers(workspace, name):
    films = load_films(sorted(workspace.root.glob("dataset/split/*/*/*.png")), size=64, description="films")
    assert len(films) == 30
    answers, expected = (
        predict_probabilities(keras.models.load_model(workspace.run(run).keras_model), films) for run in (name, "alone")
    )
    np.testing.assert_allclose(answers, expected, atol=CLOSE)
    assert np.ptp(expected) > 10 * CLOSE
    for row, other in zip(read_history(workspace, name), read_history(workspace, "alone"), strict=True):
        assert row == pytest.approx(other, abs=CLOSE)


def test_two_processes_train_as_one_and_the_first_writes_the_run(alone, addresses):
    workers = start_workers(addresses, arguments(alone, "two", "multi-worker"))
    outputs = [worker.communicate(timeout=300) for worker in workers]

    assert [worker.returncode for worker in workers] == [0, 0], outputs
    assert "Run        : two (simple-cnn, 32,369 parameters)" in outputs[0][0]
    assert outputs[1][0] == ""
    assert "epoch  2/2" in outputs[1][1]
    assert outputs[1][1].endswith("Done. Worker 0 has written the run.\n")
    assert_same_answers(alone, "two")


def test_two_devices_train_as_one_with_independent_dropout(alone):
    process = start({}, "-c", TWO_DEVICES, *arguments(alone, "mirrored", "mirrored"))
    out, err = process.communicate(timeout=300)

    assert process.returncode == 0, err
    difference, other_units, run, *_ = out.splitlines()
    assert float(difference) < 1e-5
    assert other_units == "True"
    assert run == "Run        : mirrored (simple-cnn, 32,369 parameters)"
    assert_same_answers(alone, "mirrored")


def test_a_killed_worker_stops_the_others_and_leaves_no_run(alone, addresses):
    workers = start_workers(addresses, arguments(alone, "killed", "multi-worker", epochs=2000, patience=2000))
    chief, killed = workers
    for line in killed.stderr:
        if line.startswith("epoch"):
            break
    killed.send_signal(signal.SIGKILL)
    struck = time.monotonic()
    out, err = chief.communicate(timeout=120)
    killed.communicate()

    assert chief.returncode == 1, err
    assert time.monotonic() - struck < 60
    assert err.endswith(
        "Error: Expected all 2 workers to stay until the end. "
        "Received: worker 1 ended, or can no longer be reached.\n"
        "See what the other workers report, and start the same command again on all of them\n"
    )
    assert out == ""
    assert [path.name for path in alone.models.iterdir() if "killed" in path.name] == [".lock-killed"]


@pytest.mark.parametrize(("replicas", "workers"), [(2, 1), (2, 2), (4, 2), (6, 3)])
@pytest.mark.parametrize("count", [1, 3, 9, 32])
def test_every_film_has_the_same_weight_however_films_are_distributed(replicas, workers, count):
    counted = np.zeros(count)
    for worker in range(workers):
        group = _Replicas(SimpleNamespace(num_replicas_in_sync=replicas), workers=workers, worker=worker)
        places, weights = (tensor.numpy() for tensor in group.share(tf.constant(count)))
        for replica in range(group.here):
            mine = slice(replica, None, group.here)
            assert len(places[mine]) > 0
            # The weight of a film's loss in the mean over the films of a replica, averaged over the replicas.
            np.add.at(counted, places[mine], weights[mine] / len(places[mine]) / replicas)

    np.testing.assert_allclose(counted, 1 / count, rtol=1e-6)


def test_the_workers_batches_add_up_to_those_of_one_process():
    films = np.random.default_rng(0).integers(0, 256, (7, 16, 16), dtype=np.uint8)
    positives = np.arange(7, dtype=np.float32)

    def batches(group):
        return list(training_batches(films, positives, augmentation=Augmentation(), batch_size=4, seed=1, group=group))

    shares = [
        batches(_Replicas(SimpleNamespace(num_replicas_in_sync=2), workers=2, worker=worker)) for worker in range(2)
    ]
    for (inputs, truths), first, second in zip(batches(ALONE), *shares, strict=True):
        for worker, (share, some, _) in enumerate((first, second)):
            np.testing.assert_array_equal(share, inputs[worker::2])
            np.testing.assert_array_equal(some, truths[worker::2])


def test_variants_do_not_depend_on_the_other_films_of_a_batch():
    films = np.random.default_rng(0).integers(0, 256, (5, 16, 16), dtype=np.uint8)
    seed, places = tf.constant([3, 4], tf.int64), [4, 1]

    some = augment(tf.constant(films[places]), Augmentation(), seed=seed, places=tf.constant(places), count=5)

    np.testing.assert_array_equal(some, augment(tf.constant(films), Augmentation(), seed=seed).numpy()[places])


def test_a_machine_without_alarm_signals_connects_without_a_time_limit(monkeypatch):
    monkeypatch.delattr(signal, "SIGALRM")
    monkeypatch.delattr(signal, "alarm")
    before = signal.getsignal(signal.SIGINT)

    with _interruptible():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL

    assert signal.getsignal(signal.SIGINT) is before
