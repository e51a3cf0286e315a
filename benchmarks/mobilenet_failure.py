"""Find out why a frozen MobileNet can be at chance after 30 epochs: vary one factor at a time, in plain Keras.

In: workspaces prepared by `cxr prepare`, and MobileNet's ImageNet weights. Out: one Markdown table per workspace with
one row per variant, measured on the test films; with `--csv`, one row per variant and seed. None of `cxr`'s training
code is used.

    python benchmarks/mobilenet_failure.py -w films -w balanced --weights mobilenet_1.0_notop.weights.h5

`--make-balanced` writes the metadata of a set with as many films of healthy chests as of COVID-19. The healthy films
come from another collection: docs/explanation/mobilenet-failure.md has the commands, and explains why its figures
measure the source.
"""
# ruff: noqa: T201, TID253 - a script: it prints, and needs all that it imports

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, recall_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SIDE, BATCH, EPOCHS = 224, 32, 30
RIGHT, UNIT, RAW = "[-1, 1]", "[0, 1]", "0..255"
SCALINGS = {RIGHT: (1 / 127.5, -1.0), UNIT: (1 / 255, 0.0), RAW: (1.0, 0.0)}  # pixel * scale + offset

# The statistics that BatchNorm uses. FROZEN: always ImageNet's. MISMATCH: the batch's in training and ImageNet's in
# testing, as with `trainable = False` in keras.applications up to TensorFlow 2.1. MOVED: the batch's in training and
# their moving average in testing, as in a layer that was left trainable.
FROZEN, MISMATCH, MOVED = "frozen", "batch, then ImageNet's", "batch, then moving average"


@dataclass(frozen=True)
class Head:
    """The head on the backbone: pooled or flattened features -> Dense(128) -> Dropout(0.5) -> output."""

    flat: bool = False
    units: int = 1  # output units
    activation: str = "sigmoid"
    loss: str | Callable[..., tf.Tensor] = "binary_crossentropy"


def clipped_cross_entropy(truth: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of clipped probabilities, with no gradient where they are clipped, as in older versions of Keras.

    Newer versions compute the loss from the logits.
    """
    of_truth = keras.ops.take_along_axis(probabilities, keras.ops.cast(truth, "int32"), axis=-1)
    return -keras.ops.log(keras.ops.clip(of_truth, 1e-7, 1 - 1e-7))


POOLED = Head()
FLATTENED = Head(flat=True, units=2, activation="softmax", loss="sparse_categorical_crossentropy")
CLIPPED = Head(flat=True, units=2, activation="softmax", loss=clipped_cross_entropy)
SOFTMAX_OF_ONE = Head(activation="softmax")


@dataclass(frozen=True)
class Variant:
    """One way to train and test; the defaults are correct."""

    name: str
    scaling: str = RIGHT
    test_scaling: str = ""  # empty: the same as in training
    statistics: str = FROZEN
    learning_rate: float = 1e-3
    optimizer: str = "Adam"
    class_weights: bool = True
    head: Head | None = POOLED  # None: a logistic regression on the same features
    pretrained: bool = True
    shuffled: bool = False  # the test films' labels are in another order than the predictions


VARIANTS = [
    Variant("**right**: [-1, 1], BatchNorm frozen, Adam 1e-3"),
    Variant("scaling [0, 1]", scaling=UNIT),
    Variant("scaling 0..255", scaling=RAW),
    Variant("BatchNorm: batch, then ImageNet's", statistics=MISMATCH),
    Variant("BatchNorm: batch, then moving average", statistics=MOVED),
    *(Variant(f"learning rate {rate:.0e}", learning_rate=rate) for rate in (1e-2, 1e-4, 1e-5, 1e-6)),
    Variant("no class weights", class_weights=False),
    Variant("RMSprop 1e-4", optimizer="RMSprop", learning_rate=1e-4),
    Variant("SGD 1e-2", optimizer="SGD", learning_rate=1e-2),
    Variant("SGD 1e-4", optimizer="SGD", learning_rate=1e-4),
    Variant("Flatten, softmax of two", head=FLATTENED),
    Variant("logistic regression in place of the epochs", head=None),
    # Two factors at a time.
    Variant("[0, 1] and 1e-4", scaling=UNIT, learning_rate=1e-4),
    Variant("[0, 1] and 1e-5", scaling=UNIT, learning_rate=1e-5),
    Variant("[0, 1] and BatchNorm: batch, then ImageNet's", scaling=UNIT, statistics=MISMATCH),
    Variant("[0, 1] and BatchNorm: batch, then moving average", scaling=UNIT, statistics=MOVED),
    Variant("1e-4 and BatchNorm: batch, then ImageNet's", learning_rate=1e-4, statistics=MISMATCH),
    Variant("the three: [0, 1], 1e-4, batch, then ImageNet's", scaling=UNIT, learning_rate=1e-4, statistics=MISMATCH),
    Variant("[0, 1], Flatten, softmax of two", scaling=UNIT, head=FLATTENED),
    # Mistakes that no setting shows.
    Variant("trained on [0, 1], tested on 0..255", scaling=UNIT, test_scaling=RAW),
    Variant("trained on [-1, 1], tested on [0, 1]", test_scaling=UNIT),
    Variant("Flatten, softmax of two, clipped loss", head=CLIPPED),
    Variant("softmax of one unit", head=SOFTMAX_OF_ONE),
    Variant("backbone without pretrained weights", pretrained=False),
    Variant("labels in another order than the answers", shuffled=True),
]


@dataclass(frozen=True)
class Films:
    """One part of a prepared dataset."""

    pixels: np.ndarray  # (N, 224, 224, 3) uint8
    truth: np.ndarray  # (N,) int, 1 is COVID-19

    @classmethod
    def read(cls, workspace: Path, part: str) -> "Films":
        """Read the films of `part` (train, val, test) that the workspace's manifest names."""
        table = pd.read_csv(workspace / "dataset" / "manifest.csv", dtype=str).query("split == @part")
        films = [
            keras.utils.load_img(workspace / "dataset" / path, target_size=(SIDE, SIDE), interpolation="bilinear")
            for path in table["path"]
        ]
        return cls(np.stack([np.asarray(film) for film in films]), (table["label"] == "covid").to_numpy(int))

    def scaled(self, scaling: str, index: slice | np.ndarray = slice(None)) -> np.ndarray:
        """(n, 224, 224, 3) float32."""
        scale, offset = SCALINGS[scaling]
        return self.pixels[index].astype(np.float32) * np.float32(scale) + np.float32(offset)


class Frozen:
    """The features that MobileNet computes from a dataset, once for each scaling and kind of BatchNorm.

    This is exact: nothing below the head is trained, so the features don't depend on the head.
    """

    def __init__(self, workspace: Path, weights: Path) -> None:
        self.train, self.test = Films.read(workspace, "train"), Films.read(workspace, "test")
        self.weights = weights
        # Drawn once: all variants and seeds see the same batches. Each epoch leaves out a few films, drawn again each
        # time, so that all batches are full.
        draw, films = np.random.default_rng(0), len(self.train.truth)
        steps = films // BATCH
        self.batches = np.stack(
            [draw.permutation(films)[: steps * BATCH].reshape(steps, BATCH) for _ in range(EPOCHS)]
        )  # (epochs, steps, 32) index of a film
        self.fixed, self.moving = cache(self._fixed), cache(self._moving)

    def features(self, variant: Variant) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the features that the head is trained and tested on.

        Returns:
            A table of features, (rows, C) float32; the row of each film in each batch, (epochs, steps, 32); and the
            features of the test films, (films, C) float32.
        """
        flat = variant.head is not None and variant.head.flat
        test = self.fixed("test", variant.test_scaling or variant.scaling, flat, variant.pretrained)
        if variant.statistics == FROZEN:
            return self.fixed("train", variant.scaling, flat, variant.pretrained), self.batches, test
        table, moved = self.moving(variant.scaling)
        rows = np.arange(self.batches.size).reshape(self.batches.shape)
        return table, rows, moved if variant.statistics == MOVED else test

    def _build(self, *, pretrained: bool = True) -> keras.Model:
        keras.utils.set_random_seed(0)
        weights = str(self.weights) if pretrained else None
        return keras.applications.MobileNet(include_top=False, weights=weights, input_shape=(SIDE, SIDE, 3))

    def _fixed(self, part: str, scaling: str, flat: bool, pretrained: bool) -> np.ndarray:
        maps = self._build(pretrained=pretrained).predict(getattr(self, part).scaled(scaling), verbose=0)
        return maps.reshape(len(maps), -1) if flat else maps.mean(axis=(1, 2))

    def _moving(self, scaling: str) -> tuple[np.ndarray, np.ndarray]:
        """Features of all batches under their own statistics, and of the test films under the moving average."""
        net = self._build()
        for layer in net.layers:
            layer.trainable = isinstance(layer, keras.layers.BatchNormalization)
        forward = tf.function(lambda films: tf.reduce_mean(net(films, training=True), axis=(1, 2)))
        table = [forward(self.train.scaled(scaling, batch)).numpy() for batch in self.batches.reshape(-1, BATCH)]
        return np.concatenate(table), net.predict(self.test.scaled(scaling), verbose=0).mean(axis=(1, 2))


def measure(frozen: Frozen, variant: Variant, *, seed: int) -> dict[str, float]:
    """Train one head, and test it after the last epoch at a threshold of 0.5."""
    table, rows, test = frozen.features(variant)
    last = table[rows[-1].ravel()]  # the training features of the last epoch
    if variant.head is None:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, class_weight="balanced"))
        model.fit(table, frozen.train.truth)
        seen, answers = model.predict_proba(last)[:, 1], model.predict_proba(test)[:, 1]
    else:
        model = train_head(variant, table, rows, frozen.train.truth, frozen.batches, seed=seed)
        seen, answers = model.predict(last, verbose=0)[:, -1], model.predict(test, verbose=0)[:, -1]
    truth, called = frozen.test.truth, answers >= 0.5
    if variant.shuffled:
        truth = np.random.default_rng(seed).permutation(truth)
    return {
        "train": balanced_accuracy_score(frozen.train.truth[frozen.batches[-1].ravel()], seen >= 0.5),
        "AUC": roc_auc_score(truth, answers),
        "balanced": balanced_accuracy_score(truth, called),
        "accuracy": np.mean(called == truth),
        "sensitivity": recall_score(truth, called),
        "specificity": recall_score(truth, called, pos_label=0),
        "positive": np.mean(called),
    }


def train_head(
    variant: Variant, table: np.ndarray, rows: np.ndarray, truth: np.ndarray, batches: np.ndarray, *, seed: int
) -> keras.Model:
    """Train a head on batches of features for all epochs."""
    head = variant.head or POOLED
    keras.utils.set_random_seed(seed)
    features = keras.Input(table.shape[1:])
    hidden = keras.layers.Dropout(0.5)(keras.layers.Dense(128, activation="relu")(features))
    model = keras.Model(features, keras.layers.Dense(head.units, activation=head.activation)(hidden))
    optimizer = getattr(keras.optimizers, variant.optimizer)(variant.learning_rate)
    model.compile(optimizer, loss=head.loss, steps_per_execution=rows.shape[1], jit_compile=False)

    weight = len(truth) / (2 * np.bincount(truth)) if variant.class_weights else np.ones(2)
    lookup, labels = tf.constant(table), truth[batches]
    steps = tf.data.Dataset.from_tensor_slices((rows, labels[..., None], weight[labels])).unbatch()
    steps = steps.map(lambda row, label, weight: (tf.gather(lookup, row), label, weight))
    model.fit(steps, shuffle=False, verbose=0)  # one pass over the steps of all epochs
    return model


def make_balanced(workspace: Path, healthy: Path, target: Path, *, films: int) -> None:
    """Write metadata for `cxr prepare`: `films` COVID-19 films of a workspace, as many "No Finding" of `healthy`."""
    positive = pd.read_csv(workspace / "dataset" / "manifest.csv", dtype=str).query("label == 'covid'")
    positive = positive.assign(patientid=positive["patient"], filename=positive["original"])
    negative = pd.read_csv(healthy, dtype=str).query("finding == 'No Finding'")
    home = healthy.parent.resolve()
    negative = negative.assign(filename=[str(home / path) for path in negative["folder"] + "/" + negative["filename"]])
    columns = ["patientid", "finding", "view", "filename"]
    drawn = [rows[columns].sample(films, random_state=0) for rows in (positive, negative)]
    pd.concat(drawn).assign(modality="X-ray").to_csv(target, index=False)


def report(workspace: Path, weights: Path, *, seeds: int) -> pd.DataFrame:
    """Print a table of all variants, with means over the seeds of the head, and return all figures."""
    begun, frozen, figures = time.monotonic(), Frozen(workspace, weights), []
    sizes = [f"{len(part.truth)} films, {part.truth.sum()} COVID-19" for part in (frozen.train, frozen.test)]
    print(f"\n{workspace.name}: train {sizes[0]}; test {sizes[1]}; {seeds} seeds of the head\n")
    for number, variant in enumerate(VARIANTS):
        rows = pd.DataFrame([measure(frozen, variant, seed=seed) for seed in range(seeds)])
        mean, low, high = rows.mean(), rows["balanced"].min(), rows["balanced"].max()
        if number == 0:
            print("| variant |", " | ".join(mean.index).replace("balanced", "balanced accuracy, range"), "|")
            print("|", "--- | " * (len(mean) + 1))
        cells = [f"{value:.2f}" for value in mean]
        cells[2] += f", {low:.2f}-{high:.2f}"
        print(f"| {variant.name} |", " | ".join(cells), "|", flush=True)
        figures.append(rows.assign(workspace=workspace.name, variant=variant.name, seed=range(seeds)))
    print(f"\n{(time.monotonic() - begun) / 60:.0f} minutes")
    return pd.concat(figures)


def main() -> None:
    """Parse the options; report, or write the balanced metadata."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "-w", "--workspace", type=Path, action="append", required=True, help="prepared workspace; can be repeated"
    )
    parser.add_argument("--weights", type=Path, help="Keras weights file of MobileNet 1.0 without its top")
    parser.add_argument("--seeds", type=int, default=3, help="number of heads per variant (default: %(default)s)")
    parser.add_argument("--csv", type=Path, help="CSV file for all figures")
    parser.add_argument("--make-balanced", type=Path, metavar="CSV", help="write this metadata file, and exit")
    parser.add_argument("--healthy", type=Path, help="metadata file of the healthy films, for --make-balanced")
    parser.add_argument(
        "--films", type=int, default=200, help="films per class, for --make-balanced (default: %(default)s)"
    )
    options = parser.parse_args()
    if options.make_balanced:
        if not options.healthy:
            parser.error("--make-balanced needs --healthy")
        make_balanced(options.workspace[0], options.healthy, options.make_balanced, films=options.films)
        return
    if not options.weights:
        parser.error("--weights is needed")
    tf.get_logger().setLevel("ERROR")  # each head is a new model, so warnings about retracing are noise
    tf.config.threading.set_intra_op_parallelism_threads(2)
    tf.config.threading.set_inter_op_parallelism_threads(2)
    print(f"TensorFlow {tf.__version__}, Keras {keras.__version__}")
    figures = pd.concat([report(workspace, options.weights, seeds=options.seeds) for workspace in options.workspace])
    if options.csv:
        figures.to_csv(options.csv, index=False)


if __name__ == "__main__":
    main()
